"""Four pictures of a prompt that differ: diverse seeds, random ones, pictures that push each other apart, a choice of many."""
