"""What a ranking shows and does not show, in plain sentences: for the terminal, the golden list and the contact sheet."""

from collections.abc import Sequence

from seedscope.analysis.counted_p import counted_p
from seedscope.analysis.seeds.ranking import LEVEL, Chance, Ranking


def verdict(ranking: Ranking) -> list[str]:
    """What the ranking shows and does not show, in plain sentences."""
    count = ranking.table.num_rows
    real = "" if ranking.real_images is None else f", against {ranking.real_images:,} reference pictures"
    sentences = [
        f"{count} seeds, each with the same {ranking.images_a_seed} prompts{real}; "
        f"95 % intervals over {ranking.groups} groups of prompts."
    ]
    if ranking.prompts_left_out:
        sentences.append(f"{ranking.prompts_left_out} prompts were left out, because a seed has no picture of them.")
    if ranking.missing:
        sentences.append(f"{ranking.missing:,} cells have no value; seeds are compared on the prompts that they share.")
    if ranking.chance is None:
        return [*sentences, f"Whether the seeds differ at all was not tested ({ranking.why_untested})."]
    return [*sentences, *_against_chance(ranking, ranking.chance)]


def written(ranking: Ranking, value: float | None, *, signed: bool = False) -> str:
    """A value of the measure, or a difference (`signed`), as people read it; `-` where it is undefined."""
    if value is None:
        return "-"
    plus = "+" if signed else ""
    if ranking.rate:
        percent = round(100 * value)
        return f"{percent:{plus if percent else ''}d} %"
    return f"{value:{plus}.3g}" if ranking.real_images is None else f"{value:{plus}.1f}"


def span(ranking: Ranking, low: float | None, high: float | None, *, signed: bool = False) -> str:
    """An interval of the measure, or of a difference, as people read it; `-` where it is undefined."""
    if low is None or high is None:
        return "-"
    return f"{written(ranking, low, signed=signed)} to {written(ranking, high, signed=signed)}"


def without_far(seeds: Sequence[int]) -> str:
    """What is left out of the reliability of a ranking: `without seed 7, which lies far off all others`."""
    named = f"seed {seeds[0]}, which lies" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}, which lie"
    return f"without {named} far off all others"


def _against_chance(ranking: Ranking, chance: Chance) -> list[str]:
    """What pictures shuffled between seeds say of the best and the worst of a ranking."""
    values = [row.value for row in ranking.rows if row.value is not None]
    best, worst = values[0], values[-1]
    p = counted_p(chance.p_value, chance.shuffles)
    if chance.p_value > 1 - LEVEL:
        return [f"Do seeds matter here? Not shown: shuffled between seeds, the same pictures differ as much ({p})."]
    low, high = ranking.better == "lower", ranking.better == "higher"
    beyond = (best < chance.best[0] and low) or (best > chance.best[1] and high)
    below = (worst > chance.worst[1] and low) or (worst < chance.worst[0] and high)
    lucky = "better than luck" if beyond else "no better than luck"
    unlucky = "worse than bad luck" if below else "no worse than bad luck"
    best_span, worst_span = span(ranking, *chance.best), span(ranking, *chance.worst)
    return [
        f"Do seeds matter here? Yes: they differ more than the same pictures shuffled between seeds ({p}).",
        f"The best has {written(ranking, best)}, chance alone gives a best of {best_span}: {lucky}. "
        f"The worst has {written(ranking, worst)}, chance alone gives {worst_span}: {unlucky}.",
    ]
