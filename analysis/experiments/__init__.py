"""What the study did beyond ranking, each experiment with its null: what is drawn for it, and what is found."""
