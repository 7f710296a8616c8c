"""What works on this machine: small checks, each for itself, that end in a sentence, a verdict and a remedy."""
