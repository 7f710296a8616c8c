"""What the bundled models can do: the figures of the model card, each measured on held-out captions and renders."""
