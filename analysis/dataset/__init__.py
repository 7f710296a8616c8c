"""A run as a data set: tables of its prompts and scores, what its tables and columns mean, and a card that names them."""
