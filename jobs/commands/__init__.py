"""Commands that have more to say than a few lines, one a file."""
