"""Pictures for people: contact sheets, maps and clusters, drawn with Pillow."""
