"""Pictures made elsewhere: what a file says of its prompt and seed, and how it becomes a cell of a run."""
