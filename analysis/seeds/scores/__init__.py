"""Scores of (prompt, seed) cells: the effect of each seed, the share of variance that seeds have, what chance gives."""
