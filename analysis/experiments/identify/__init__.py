"""Can the seed be told from the picture? A classifier of seeds, tried on prompts that it has not seen."""
