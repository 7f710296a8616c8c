"""From which steps on negative prompts are tried."""

SHARES = (0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1)
"""Of the steps: 0, 2, 5, 8, 11, 14, 17 and 20 of 20. The last never comes."""


def spread(steps: int) -> list[int]:
    """Onsets over a number of steps, in order, each once; the last is that number."""
    return sorted({round(share * steps) for share in SHARES})
