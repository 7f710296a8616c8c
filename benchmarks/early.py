"""What early pictures in the first half of a sweep's rounds are worth, on seeds whose truth is known.

    python benchmarks/early.py                  1,024 seeds to 16, 20,480 pictures, a fifth of the steps; lambda = 15, 74
    python benchmarks/early.py --steps 0.5

`agreement`: correlation of the true effects of seeds by early and by finished pictures. What is not the seed's in an early
score has the same size as in a finished one, and agrees with it as effects do. `trial`: Spearman's, as a trial of 64 seeds on
20 prompts finds it, in the mean; `kept`: how often it reaches 0.8. Rounds by early pictures rank by these alone, and those
after them by finished ones alone, as `run` does. `gain`: by finished pictures, of the chosen seeds over the truly best.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from seedscope.analysis.select.racing import Round, Rules, schedule

Array = npt.NDArray[np.float64]
TRIED, PROMPTS = 64, 20


def race(rounds: Sequence[Round], golden: int, ratio: float, agreement: float, rng: np.random.Generator) -> float:
    """The gain of one race. ratio: lambda."""
    finished = rng.standard_normal(rounds[0].seeds)
    early = agree(finished, agreement, rng)
    still_in, total, was_early = np.arange(len(finished)), np.zeros(len(finished)), rounds[0].early
    keeps = [*(size.seeds for size in rounds[1:]), golden]
    for size, keep in zip(rounds, keeps, strict=True):
        if was_early and not size.early:
            total = np.zeros(len(still_in))
        was_early = size.early
        noise = np.sqrt(ratio * size.prompts) * rng.standard_normal(len(still_in))
        total = total + size.prompts * (early if size.early else finished)[still_in] + noise
        stays = np.argsort(-total)[:keep]
        still_in, total = still_in[stays], total[stays]
    return float(finished[still_in].mean() / np.sort(finished)[-golden:].mean())


def agree(values: Array, agreement: float, rng: np.random.Generator) -> Array:
    """Normal values that have this correlation with others."""
    return np.asarray(agreement * values + np.sqrt(1 - agreement**2) * rng.standard_normal(values.shape))


def trial(ratio: float, agreement: float, rng: np.random.Generator) -> float:
    """Spearman's correlation that one trial finds."""
    effects, rest = rng.standard_normal((2, TRIED))
    early, early_rest = agree(effects, agreement, rng), agree(rest, agreement, rng)
    size = np.sqrt(ratio / PROMPTS)
    return float(spearmanr(effects + size * rest, early + size * early_rest).statistic)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=float, default=0.2)
    parser.add_argument("--studies", type=int, default=400)
    asked = parser.parse_args()
    rules = Rules(1024, 16, 20_480, 10_000)
    cheaper = replace(rules, early=asked.steps, tried=asked.steps)
    print("lambda  agreement             gain     trial  kept")
    for ratio in (15.0, 74.0):
        for agreement in (None, 1.0, 0.95, 0.9, 0.8, 0.6):
            rng = np.random.default_rng(0)
            rounds = schedule(rules if agreement is None else cheaper)
            gains = [race(rounds, rules.golden, ratio, agreement or 0.0, rng) for _ in range(asked.studies)]
            error = 2 * np.std(gains, ddof=1) / np.sqrt(len(gains))
            named = "finished" if agreement is None else f"{agreement:g}"
            line = f"{ratio:>6g}  {named:>9}  {np.mean(gains):>8.1%} ± {error:.1%}"
            if agreement is not None:
                found = [trial(ratio, agreement, rng) for _ in range(asked.studies)]
                line += f"  {np.mean(found):>8.2f}  {np.mean(np.array(found) >= 0.8):>4.0%}"
            print(line)


if __name__ == "__main__":
    main()
