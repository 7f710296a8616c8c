"""From noise to pictures: guidance, the sampling loop, and the stage that draws."""
