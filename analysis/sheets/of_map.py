"""The pictures of a map: `map.png` and `clusters.png` in the run folder."""

from pathlib import Path

from PIL import Image

from seedscope.analysis.maps.clusters import central
from seedscope.analysis.maps.meaning import Cluster
from seedscope.analysis.maps.style_map import SeedMap
from seedscope.analysis.run.run import Run
from seedscope.analysis.run.sampled_pictures import evenly, pictures_of
from seedscope.analysis.sheets.cluster_sheet import ClusterRow, draw_clusters
from seedscope.analysis.sheets.map_sheet import draw_map
from seedscope.pipeline.storage.local import replacing

PROMPTS, SEEDS = 8, 3
TRAITS_SHOWN, SEEDS_NAMED = 6, 12


def draw_sheets(run: Run, seed_map: SeedMap, clusters: list[Cluster], sentences: list[str]) -> list[Path]:
    """Draw `map.png`, and `clusters.png` where there are clusters; one of an earlier map without them goes."""
    texts = {prompt.id: prompt.text for unit in run.units for prompt in unit.prompts}
    files = [_save(_map(run, seed_map, clusters, sentences, texts), run.folder.path / "map.png")]
    sheet = run.folder.path / "clusters.png"
    if not clusters:
        sheet.unlink(missing_ok=True)
        return files
    used = set(seed_map.prompts)
    columns = {prompt: texts[prompt] for prompt in evenly([prompt for prompt in texts if prompt in used], PROMPTS)}
    rows = [_row(cluster, seed_map) for cluster in clusters]
    pictures = pictures_of(run, [seed for row in rows for seed in row.examples], columns)
    page = draw_clusters(rows, columns, pictures, title=f"Clusters of the seeds of {run.subject}", notes=sentences)
    return [*files, _save(page, sheet)]


def _map(
    run: Run, seed_map: SeedMap, clusters: list[Cluster], sentences: list[str], texts: dict[str, str]
) -> Image.Image:
    shown = seed_map.typical_prompt
    pictures = {seed: picture for (seed, _), picture in pictures_of(run, seed_map.seeds, [shown]).items()}
    return draw_map(
        seed_map.seeds,
        seed_map.places,
        seed_map.clusters.labels,
        pictures,
        title=f"Map of the seeds of {run.subject}",
        notes=[
            *sentences,
            "Neighbours look alike over all prompts; far distances mean nothing. Laid on a grid, so that none is covered.",
            f'Shown: each seed\'s picture of "{texts[shown]}", the prompt whose pictures follow the map best.',
        ],
        names={cluster.number: cluster.name for cluster in clusters},
    )


def _row(cluster: Cluster, seed_map: SeedMap) -> ClusterRow:
    examples = central(seed_map.components, seed_map.clusters.labels == cluster.number, SEEDS)
    named = ", ".join(map(str, cluster.seeds[:SEEDS_NAMED])) + (", ..." if len(cluster.seeds) > SEEDS_NAMED else "")
    facts = [str(trait) for trait in cluster.traits[:TRAITS_SHOWN]]
    facts.append(f"{len(cluster.seeds)} seeds: {named}; silhouette {cluster.silhouette:.2f}")
    return ClusterRow(cluster.number, cluster.name, facts, [seed_map.seeds[i] for i in examples])


def _save(picture: Image.Image, path: Path) -> Path:
    with replacing(path) as scratch:
        picture.save(scratch, "PNG", optimize=True)
    return path
