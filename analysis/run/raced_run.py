"""The run of a sweep while its rounds go on."""

from collections.abc import Mapping
from dataclasses import replace

from seedscope.analysis.run.race import Race
from seedscope.analysis.run.run import AnyRun, DrawnRun
from seedscope.pipeline.study.plan import cut
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables.rounds import Round, record, rounds, trial


def with_round(run: DrawnRun, more: Round) -> DrawnRun:
    """The run of a sweep once its next round is recorded. For the process that holds the run."""
    if run.race is None:
        raise ValueError(f"{run.folder.storage.url} is no sweep")
    record(run.folder.storage, len(run.race.rounds) + 1, more)
    return _in(run, run.race.with_round(more))


def as_it_stands(run: AnyRun) -> AnyRun:
    """The run, of a sweep with the rounds that have been recorded by now."""
    if not isinstance(run, DrawnRun) or run.race is None or not (found := rounds(run.folder.storage)):
        return run
    race = run.race.after_trial(kept=found[0].early) if run.race.trying else run.race
    return _in(run, replace(race, rounds=tuple(found), trying=False))


def as_begun(run: DrawnRun) -> DrawnRun:
    """The run, whose sweep, if it is one, is recorded as it was begun."""
    return _began(run)


def refuse_other_sweep(run: DrawnRun) -> None:
    """Refuse a study that is not the one by which the sweep in its folder was begun; nothing where none was. Writes nothing.

    Raises:
        RunChanged: it is not.
    """
    if run.race is not None and (run.race.rounds[0].why or trial(run.folder.storage) is not None):
        _began(run)


def _began(run: DrawnRun, tried: Mapping[str, Json] | None = None) -> DrawnRun:
    if run.race is None:
        return run
    (_, by), *_ = run.study.ranked.named
    measured = run.measured_as(by)
    real = run.reference.fingerprint() if measured.needs_reference else None
    return replace(run, race=run.race.began(run.folder.storage, f"{by} {measured.fingerprint()}", real, tried))


def after_trial(run: DrawnRun, found: Mapping[str, Json], *, kept: bool) -> DrawnRun:
    """The run of a sweep once its first round is recorded, with what came of its trial. For the process that holds the run."""
    if run.race is None:
        raise ValueError(f"{run.folder.storage.url} is no sweep")
    run = replace(run, race=run.race.after_trial(kept=kept))
    begun = _began(run, found)
    return _in(begun, begun.race) if begun.race is not None else begun


def _in(run: DrawnRun, race: Race) -> DrawnRun:
    """The run with the units of a race's rounds."""
    return replace(run, race=race, units=cut(race.blocks(), run.study.unit))
