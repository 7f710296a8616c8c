"""Rankings by distance, kept beside the run under the name of their cause: where seeds are many, each takes minutes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import pyarrow.parquet as pq

from seedscope.analysis.features.base import Feature
from seedscope.analysis.features.feature_stage import Measure
from seedscope.analysis.judging.code_of import code_of
from seedscope.analysis.judging.measurement import distance_name
from seedscope.analysis.run.run import Run
from seedscope.analysis.seeds.distances.base import FRECHET
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.pipeline.storage.local import make_folder, refusals, replacing
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.schema import Json, fingerprint
from seedscope.pipeline.study.untrusted_parquet import UNREADABLE
from seedscope.pipeline.tables.parquet import read_whole, tuples

FOLDER = ".rankings"
Rankings = dict[str, Ranking]


def kept(run: Run, feature: Feature, without: Collection[int], make: Callable[[], Rankings]) -> Rankings:
    """The rankings of a feature, measure -> ranking, as they were made last from the very same, or made now and kept.

    without: seeds that are not ranked.
    """
    folder = run.folder.path / FOLDER
    cause = _cause(run, feature, without)
    names = [distance_name(feature.name, distance) for distance in (FRECHET, *run.study.ranked.distances)]
    places = {name: folder / f"{name}-{cause}.parquet" for name in names}
    try:
        return {name: Ranking.of(read_whole(place)) for name, place in places.items()}
    except (*UNREADABLE, KeyError, TypeError):
        made = make()
    with refusals(folder):
        make_folder(folder)
    for name, place in places.items():
        for old in folder.glob(f"{name}-{'[0-9a-f]' * len(cause)}.parquet"):
            old.unlink(missing_ok=True)
        with replacing(place) as scratch:
            pq.write_table(made[name].with_metadata(), scratch)
    return made


def _cause(run: Run, feature: Feature, without: Collection[int]) -> str:
    """16 hexadecimal digits over all that changes the rankings: measurements, prompts, seeds, settings, and the code itself."""
    settings = run.study.ranked
    real = next(item for item in run.reference_measures if item.feature is feature)
    drawn = next(item for item in run.measures if item.feature is feature)
    cause: dict[str, Json] = {
        "pictures": run.cause,
        "drawn": _bytes(drawn, run.units),
        "real": _bytes(real, run.reference.units()),
        "without": [*sorted(without)],
        "groups": [[prompt.id, prompt.group] for prompt in run.wanted.prompts],
        "settings": [settings.golden, settings.bootstrap, settings.shuffles, *settings.distances],
        "code": code_of("seedscope.analysis.seeds"),
    }
    return fingerprint(cause)[:16]


def _bytes(measure: Measure, units: Sequence[Unit]) -> list[Json]:
    found = dict(tuples(measure.table.ledger("unit", "sha256")))
    return [[unit.name, found[unit.name]] for unit in units]
