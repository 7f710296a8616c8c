"""What can be drawn, a task a file: pictures from prompts alone, or into the masks of given pictures."""
