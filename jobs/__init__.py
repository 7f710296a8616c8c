"""What a person or a cluster starts: the command line, and the training of the bundled models."""
