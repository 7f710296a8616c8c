"""Two runs on one page: the same seeds and prompts side by side, what seeds keep, and both reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seedscope.analysis.comparing.compare_runs import Pair
from seedscope.analysis.report.data import ReportData
from seedscope.analysis.report.page import copy_assets, templates, write_page, write_report
from seedscope.analysis.report.pictures import MOST_PICTURES, Encoded
from seedscope.analysis.report.strips import Picture
from seedscope.analysis.report.whole import whole_folder

FOLDERS = ("first", "second")


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two runs: its name beside the other, what its report says, and its pictures as `write_report` takes them."""

    name: str
    data: ReportData
    picture: Picture
    encoded: Encoded | None = None


@dataclass(frozen=True, eq=False)
class Compared:
    """What is known of two runs beside each other; None and a reason where they cannot be compared."""

    pair: Pair | None
    sentences: Sequence[str]
    why_not: str = ""


def write_pair(
    first: Side,
    second: Side,
    compared: Compared,
    folder: Path,
    progress: Callable[[int, int], object] | None = None,
    most_pictures: int | None = MOST_PICTURES,
) -> Path:
    """Write the page of two runs into `folder`, with the whole report of each beside it; return the page to open.

    Args:
        progress, most_pictures: as of `write_report`, of each run.

    Raises:
        StorageError: the folder holds something else, cannot be written, or is full.
    """
    titles = {measured.name: measured.title for side in (second, first) for measured in side.data.measures}
    with whole_folder(folder) as scratch:
        copy_assets(scratch, plots=False)
        for name, side in zip(FOLDERS, (first, second), strict=True):
            write_report(side.data, side.picture, scratch / name, progress, side.encoded, most_pictures)
        page = templates().get_template("pair.html.j2")
        sides = {"sides": (first, second), "folders": FOLDERS, "script": {"names": [first.name, second.name]}}
        text = page.render(root="", data=first.data, compared=compared, titles=titles, **sides)
        write_page(scratch / "index.html", text)
    return folder / "index.html"
