"""When a negative prompt acts, what it takes away and what it changes beside that."""
