"""Which seeds are good for your text-to-image model."""
