"""Models of each family in the published layout, with tiny random weights."""
