"""How a picture looks: colourfulness, brightness, greyscale, sharpness, a border."""
