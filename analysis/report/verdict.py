"""What a ranking shows and does not show, in plain sentences: for the terminal, the golden list and the contact sheet."""

from seedscope.analysis.seeds.table import LEVEL, Chance, Ranking


def verdict(ranking: Ranking) -> list[str]:
    """What the ranking shows and does not show, in plain sentences."""
    count = ranking.table.num_rows
    sentences = [
        f"{count} seeds, each with the same {ranking.images_a_seed} prompts, against {ranking.real_images:,} real pictures; "
        f"95 % intervals over {ranking.groups} groups of prompts."
    ]
    if ranking.prompts_left_out:
        sentences.append(f"{ranking.prompts_left_out} prompts were left out, because a seed has no picture of them.")
    if ranking.chance is None:
        return [*sentences, "Whether the seeds differ at all was not tested (no shuffles)."]
    return [*sentences, *_against_chance(ranking.table[ranking.measure].drop_null().to_pylist(), ranking.chance)]


def _against_chance(distances: list[float], chance: Chance) -> list[str]:
    """What pictures shuffled between seeds say of distances in ascending order."""
    best, worst = distances[0], distances[-1]
    p = f"p = {chance.p_value:.2g}"
    if chance.p_value > 1 - LEVEL:
        return [f"Do seeds matter here? Not shown: shuffled between seeds, the same pictures differ as much ({p})."]
    lucky = "better than luck" if best < chance.best[0] else "no better than luck"
    unlucky = "worse than bad luck" if worst > chance.worst[1] else "no worse than bad luck"
    return [
        f"Do seeds matter here? Yes: they differ more than the same pictures shuffled between seeds ({p}).",
        f"The best has {best:.1f}, chance alone gives a best of {chance.best[0]:.1f} to {chance.best[1]:.1f}: {lucky}. "
        f"The worst has {worst:.1f}, chance alone gives {chance.worst[0]:.1f} to {chance.worst[1]:.1f}: {unlucky}.",
    ]
