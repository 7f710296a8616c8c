"""Networks that look at pictures and texts: where their weights come from, and what is read off them."""
