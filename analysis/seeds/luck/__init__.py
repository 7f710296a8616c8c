"""How far a score of a whole model moves with the seeds that it happened to get."""
