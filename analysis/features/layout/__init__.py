"""Where the objects of a picture are, how large, and how near."""
