"""What guidance by similarity is worth beside golden seeds, the best of N and a negative prompt, each at its cost."""
