"""The study: its schema, its file, its prompts, and the units that it comes to."""
