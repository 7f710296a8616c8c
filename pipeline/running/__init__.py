"""Running stages over units: what is next, who makes it, and what becomes of those that fail."""
