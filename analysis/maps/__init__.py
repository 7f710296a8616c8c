"""Maps of style: which seeds, and which pictures, look alike; whether that is more than noise; and what it means."""
