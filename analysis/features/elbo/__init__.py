"""How likely a picture's latent is to a diffusion model, by the variational bound."""
