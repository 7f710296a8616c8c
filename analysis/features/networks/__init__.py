"""The networks that features share, and where their weights come from."""
