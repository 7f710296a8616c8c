"""What decides a picture, the first noise or the later: variance shares of both seeds, and pictures swapped on the way."""
