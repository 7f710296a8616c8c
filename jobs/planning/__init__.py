"""What a study takes: how fast this machine is, what a budget pays for, and whether another machine draws the same."""
