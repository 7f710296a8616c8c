"""Two finished runs beside each other: what differs, what seeds keep, which golden seeds carry over."""
