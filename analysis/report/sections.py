"""The sections of the report, in order, and what is written about one that has no data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seedscope.analysis.report.by_group import by_group
from seedscope.analysis.report.data import Measured, ReportData, Stability


@dataclass(frozen=True)
class Section:
    """name: of its template and its anchor. present: whether the run has it. absence: stands at the end where it has not."""

    name: str
    title: str
    present: Callable[[ReportData], bool]
    absence: str = ""


SECTIONS = (
    Section("answer", "The answer", lambda _: True),
    Section(
        "shares", "Do seeds matter?", lambda data: bool(data.measures), "Whether seeds matter: nothing was measured."
    ),
    Section("ranking", "The ranking", lambda data: bool(data.measures), "The ranking: nothing was measured."),
    Section(
        "golden",
        "Golden seeds against random ones",
        lambda data: data.golden is not None,
        "Golden seeds: none were chosen.",
    ),
    Section(
        "groups",
        "Group by group",
        lambda data: bool(by_group(data)),
        "Groups of prompts: none of several prompts is named, or no score is of single pictures.",
    ),
    Section("race", "The race", lambda data: data.race is not None),
    Section(
        "strips",
        "The best and the worst, on the same prompts",
        lambda data: bool(data.ranked) and bool(data.shown),
        "Pictures of the best and the worst: no ranking, or no prompts to show.",
    ),
    Section(
        "stability",
        "Does the ranking hold on other prompts?",
        lambda data: any(measured.stability is not None for measured in data.measures),
        "Stability: the prompts were not split into ranking and confirmation prompts.",
    ),
    Section("style", "A map of style", lambda data: data.style is not None, "Style: no map was made."),
    Section(
        "layout",
        "Where objects stand",
        lambda data: bool(data.layout),
        "Layout: positions of objects were not measured.",
    ),
    Section(
        "looks", "Greyscale, borders and other looks", lambda data: bool(looks(data)), "Looks: no rates were measured."
    ),
    Section(
        "text", "Text in inpainted places", lambda data: bool(data.text), "Text after inpainting: was not measured."
    ),
    Section("diverse", "Seeds that differ", lambda data: bool(data.diverse), "Diverse sets: none were chosen."),
    Section(
        "experiments",
        "Experiments",
        lambda data: bool(data.experiments),
        "Experiments: none was made on this run; `seedscope --help` names them.",
    ),
    Section("made", "How this was made", lambda _: True),
)


def present(data: ReportData) -> list[Section]:
    return [section for section in SECTIONS if section.present(data)]


def absences(data: ReportData) -> list[str]:
    """A sentence for each section that was left out."""
    return [section.absence for section in SECTIONS if section.absence and not section.present(data)]


def looks(data: ReportData) -> list[Measured]:
    """Rates of looks: all but those of text, which have a section of their own."""
    return [measured for measured in data.measures if measured.rate and not measured.name.startswith("text")]


def ranking_measure(data: ReportData) -> Measured | None:
    """The measurement that the run ranks by, or the first; None where there is none."""
    return next((measured for measured in data.measures if measured.name == data.by), next(iter(data.measures), None))


def main_stability(data: ReportData) -> tuple[Measured, Stability] | None:
    """The measurement whose stability is drawn: that of the ranking, or the first that has one."""
    stable = [(measured, measured.stability) for measured in data.measures if measured.stability is not None]
    return next((pair for pair in stable if pair[0].name == data.by), next(iter(stable), None))
