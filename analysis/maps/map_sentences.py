"""What a map shows and does not show, in plain sentences: for the terminal, the pictures and `clusters.json`."""

from __future__ import annotations

from seedscope.analysis.counted_p import counted_p
from seedscope.analysis.maps.clusters import FEWEST_SEEDS, LEVEL, Clusters
from seedscope.analysis.maps.resemblance import SHUFFLES, Agreement
from seedscope.analysis.maps.style_map import SeedMap


def map_verdict(seed_map: SeedMap, feature: str) -> list[str]:
    """What the map shows and does not show, in plain sentences."""
    prompts = len(seed_map.prompts)
    sentences = [f"{len(seed_map.seeds)} seeds, each with the same {prompts} prompts, by {feature}."]
    if seed_map.left_out:
        sentences.append(f"{seed_map.left_out} prompts were left out, because a seed has no picture of them.")
    share = f"{seed_map.share:.0%}".replace("%", " %")
    sentences.append(f"{share} of the differences between pictures of one prompt follow the seed, whatever the prompt.")
    sentences.append(_alike(seed_map.agreement))
    if not seed_map.above_chance:
        chance = f"more than in {SHUFFLES} shuffles of the pictures between seeds"
        return [*sentences, f"No clusters: in no direction do the seeds differ {chance}."]
    return [*sentences, _clusters(seed_map.clusters, len(seed_map.seeds))]


def _alike(agreement: Agreement) -> str:
    halves = "one half of the prompts" + (" (no object or group is in both)" if agreement.by_group else "")
    facts = f"r = {agreement.correlation:.2f}, {counted_p(agreement.p_value, agreement.permutations)}"
    if agreement.p_value > LEVEL:
        return (
            f"Is the map more than noise? Not shown: seeds that look alike on {halves} need not on the other: {facts}."
        )
    return f"Is the map more than noise? Yes: seeds that look alike on {halves} look alike on the other: {facts}."


def _clusters(clusters: Clusters, seeds: int) -> str:
    if clusters.silhouette is None or clusters.p_value is None:
        few = (
            f"{seeds} seeds are too few" if seeds < FEWEST_SEEDS else "every partition leaves a cluster of under three"
        )
        return f"No clusters: {few}."
    p = counted_p(clusters.p_value, clusters.clouds, "single clouds")
    facts = f"silhouette {clusters.silhouette:.2f} against that of single clouds: {p}"
    if not clusters.count:
        return f"No clusters: the seeds differ by degrees, and are not in groups ({facts})."
    return f"{clusters.count} clusters ({facts})."
