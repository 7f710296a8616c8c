"""The rounds of a sweep: what pictures score in it, who stays in, what is chosen, and what that is worth."""
