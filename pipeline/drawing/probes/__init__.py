"""What is recorded of a network while it draws: each probe a stage with a table of its own."""
