"""Table 1: golden, random and worst seeds on prompts that took no part in choosing, and what best-of-N takes for it."""
