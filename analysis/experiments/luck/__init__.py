"""How far scores of a model move with its seeds."""
