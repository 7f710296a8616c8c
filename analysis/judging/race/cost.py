"""What a sweep is expected to find for what it costs, beside a sweep of all seeds with all prompts."""

from __future__ import annotations

import numpy as np

from seedscope.analysis.run.race import Race
from seedscope.analysis.select.power import Power
from seedscope.analysis.select.racing import Round


def beside_uniform(race: Race) -> list[str]:
    """What a race is expected to find, and what a uniform sweep would, by the noise that its last decision saw; none where that
    is not known, or endless."""
    ratio = race.rounds[-1].why.get("lambda")
    if not isinstance(ratio, int | float) or ratio <= 0:
        return []
    rules = race.rules
    power, rng = Power(rules.seeds, rules.golden, float(ratio), rules.random), np.random.default_rng(0)
    found = power.beside_uniform(rules, rng, None if race.golden is None else _drawn(race))
    return [
        f"What is not the seed's varies {ratio:,.3g} times as much as what is (lambda). Of seeds like these such a sweep "
        f"of {found.race.pictures:,} pictures is expected to keep {100 * found.race.found.gain:.0f} % of what the best "
        f"{rules.golden} are worth; a uniform sweep of as many pictures {100 * found.equal_cost.found.gain:.0f} %, and the "
        f"same gain would take it {found.equal_gain.pictures:,} pictures, {found.cheaper:,.1f} times as many."
    ]


def _drawn(race: Race) -> tuple[list[Round], Round]:
    """The rounds of a race that is over, which may have ended early, and its confirmation."""
    *rounds, last = race.sizes()
    return rounds, last
