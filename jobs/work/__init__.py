"""Making what is missing or damaged, and telling how far it is."""
