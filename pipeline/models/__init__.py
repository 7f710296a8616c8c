"""Diffusion models: finding them, loading them, and what sampling asks of them."""
