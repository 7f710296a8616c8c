"""What programs write into their pictures: prompt, seed and settings, a program a file."""
