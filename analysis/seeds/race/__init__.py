"""What is known of seeds that a race drew different numbers of prompts with."""
