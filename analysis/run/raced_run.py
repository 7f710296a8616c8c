"""The run of a sweep while its rounds go on."""

from dataclasses import replace

from seedscope.analysis.run.race import Race
from seedscope.analysis.run.run import AnyRun, DrawnRun
from seedscope.pipeline.study.plan import cut
from seedscope.pipeline.tables.rounds import Round, record, rounds


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
    return _in(run, replace(run.race, rounds=tuple(found)))


def as_begun(run: DrawnRun) -> DrawnRun:
    """The run, whose sweep, if it is one, is recorded as it was begun."""
    if run.race is None:
        return run
    (_, by), *_ = run.study.ranking.named
    measured = run.measured_as(by)
    real = run.reference.fingerprint() if measured.needs_reference else None
    return replace(run, race=run.race.began(run.folder.storage, f"{by} {measured.fingerprint()}", real))


def _in(run: DrawnRun, race: Race) -> DrawnRun:
    """The run with the units of a race's rounds."""
    return replace(run, race=race, units=cut(race.blocks(), run.study.unit))
