"""Draws shrinkage.svg: measured effects of made-up seeds, and what is left of them on other prompts.

    python docs/pictures/shrinkage.py

Effects of 12 seeds are drawn from a normal distribution, and measured with noise; by their reliability they are taken back.
"""

from pathlib import Path

import numpy as np

SEEDS, SPREAD, NOISE = 12, 1.0, 1.0
HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 250" font-family="sans-serif" font-size="14" role="img"
 aria-label="Measured effects of twelve seeds, the same effects shrunk towards the median seed, and the true ones">
 <style>.l{fill:#1f2933}.m{fill:#7b8794}.s{fill:#00796b}.t{fill:none;stroke:#1f2933;stroke-width:2}.w{stroke:#b8c2cc}
 @media (prefers-color-scheme: dark){.l{fill:#e4e7eb}.s{fill:#4db6ac}.t{stroke:#e4e7eb}.w{stroke:#52606d}}</style>"""


def picture() -> str:
    """The picture as SVG."""
    rng = np.random.default_rng(4)
    true = SPREAD * rng.standard_normal(SEEDS)
    measured = true + NOISE * rng.standard_normal(SEEDS)
    shrunk = SPREAD**2 / (SPREAD**2 + NOISE**2) * measured
    rows = [("measured", measured, "m"), ("shrunk", shrunk, "s"), ("true", true, "t")]
    lines = [HEAD, '<line class="w" x1="400" y1="20" x2="400" y2="220"/>']
    lines.append('<text class="l" x="400" y="242" text-anchor="middle">the median seed</text>')
    for seed in range(SEEDS):
        points = " ".join(f"{_x(values[seed]):.0f},{_y(row)}" for row, (_, values, _) in enumerate(rows[:2]))
        lines.append(f'<polyline class="w" fill="none" points="{points}"/>')
    for row, (name, values, kind) in enumerate(rows):
        lines.append(f'<text class="l" x="20" y="{_y(row) + 5}">{name}</text>')
        lines += [f'<circle class="{kind}" cx="{_x(value):.0f}" cy="{_y(row)}" r="6"/>' for value in values]
    return "\n ".join(lines) + "\n</svg>\n"


def _x(effect: float) -> float:
    return 400 + 80 * float(effect)


def _y(row: int) -> int:
    return 50 + 70 * row


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(picture(), encoding="utf-8")
