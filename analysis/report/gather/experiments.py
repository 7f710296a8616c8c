"""What experiments found on a run, in the report's terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from seedscope.analysis.experiments.finding import Finding, findings, mark_of, place
from seedscope.analysis.report.data import Experiment, ExperimentTable
from seedscope.analysis.run.run import Run


class Experiments(NamedTuple):
    """shown: what was found. silent: file of what is left out -> why."""

    shown: Sequence[Experiment]
    silent: Mapping[str, str]


def experiments(run: Run) -> Experiments:
    """Those whose findings lie with the run, by name."""
    found, silent = findings(run.folder, mark_of(run))
    return Experiments([_shown(run, finding) for finding in found], silent)


def _shown(run: Run, finding: Finding) -> Experiment:
    return Experiment(
        name=finding.name,
        title=finding.title,
        sentences=finding.sentences,
        tables=[ExperimentTable(table.title, table.columns, table.rows) for table in finding.tables],
        pictures={place(run.folder.path, picture.file): picture.caption for picture in finding.pictures},
        settings=finding.settings,
    )
