"""Distances of each seed's pictures to real ones, with their errors and their null."""
