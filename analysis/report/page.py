"""The report: one folder with a page, a page for each seed, pictures and CSV files, that opens from disk in any browser."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seedscope.analysis.counted_p import counted_p
from seedscope.analysis.report import wording
from seedscope.analysis.report.data import ReportData
from seedscope.analysis.report.exports import write_exports
from seedscope.analysis.report.index import index_page
from seedscope.analysis.report.pictures import MOST_DIVERSE, MOST_PICTURES, Encoded, FullPictures, wanted_pictures
from seedscope.analysis.report.run_part import run_part, score_parts
from seedscope.analysis.report.seed_page import seed_page
from seedscope.analysis.report.standings import MeasureStanding, all_seeds, columns, standings
from seedscope.analysis.report.strips import Picture, Strips, draw_strips, sheet_path, strip_path
from seedscope.analysis.report.whiskers import WIDTH
from seedscope.analysis.report.whole import whole_folder

HERE = Path(__file__).parent


def write_report(
    data: ReportData,
    picture: Picture,
    folder: Path,
    progress: Callable[[int, int], object] | None = None,
    encoded: Encoded | None = None,
    most_pictures: int | None = MOST_PICTURES,
) -> Path:
    """Write the report into `folder`: a new one, or a former report, which is replaced when the new one is complete.

    Args:
        data: what it says. Sections without data are left out, and it says so.
        picture: (seed, prompt id) -> (H, W, 3) uint8 pixels, or None where there is none; called from several threads, once
            for each seed of the data and each prompt of `data.prompts`.
        progress: called with (seeds whose pictures are drawn, of how many).
        encoded: (seed, prompt id) -> the bytes of a picture, called beside `picture`; without it there are only reduced copies.
        most_pictures: how many pictures are written at their full size, those of the main page first; None: all.

    Returns:
        The page to open, `index.html`. It is self-contained together with its folder: it asks no server for anything.

    Raises:
        ValueError: a prompt of `data.shown` is not among `data.prompts`.
        StorageError: the folder holds something else, cannot be written, or is full.
    """
    if unknown := [prompt for prompt in data.shown if prompt not in data.prompts]:
        raise ValueError(f"Prompts to be shown that are not among the prompts: {', '.join(unknown)}.")
    seeds, by_measure = all_seeds(data), standings(data)
    environment = templates()
    with whole_folder(folder) as scratch:
        for part in ("data", "parts", "parts/scores", "seeds"):
            (scratch / part).mkdir()
        copy_assets(scratch)
        full = None if encoded is None else FullPictures(encoded, wanted_pictures(data, seeds, most_pictures))
        strips = draw_strips(picture, seeds, list(data.prompts), data.shown, scratch, progress, full)
        write_exports(data, scratch / "data")
        _copy_pictures(data, scratch / "experiments")
        _write_parts(data, seeds, strips, by_measure, scratch / "parts")
        index = environment.get_template("index.html.j2")
        write_page(scratch / "index.html", index.render(root="", **index_page(data, seeds, strips, by_measure)))
        matrix = environment.get_template("matrix.html.j2")
        write_page(scratch / "matrix.html", matrix.render(root="", data=data, seeds=seeds))
        of_seed = environment.get_template("seed.html.j2")
        for seed in seeds:
            write_page(
                scratch / seed_path(seed), of_seed.render(root="../", **seed_page(seed, data, strips, by_measure))
            )
    return folder / "index.html"


def copy_assets(folder: Path, *, plots: bool = True) -> None:
    """Styles and scripts of the pages, into a folder of theirs."""
    (folder / "assets").mkdir()
    for asset in (HERE / "assets").iterdir():
        if plots or not asset.name.startswith("plotly"):
            shutil.copyfile(asset, folder / "assets" / asset.name)


def seed_path(seed: int) -> str:
    return f"seeds/{seed:06d}.html"


def templates() -> Environment:
    """The pages' templates, with what they write numbers and paths by."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        **{"seed_path": seed_path, "strip_path": strip_path, "sheet_path": sheet_path, "whisker_width": WIDTH},
        **{"p_value": wording.p_value, "p_number": wording.p_number, "count": wording.count},
        **{"counted_p": counted_p, "counted": wording.counted, "cell": wording.cell},
        "most_diverse": MOST_DIVERSE,
        **{"percent": wording.PERCENT, "hundredths": wording.HUNDREDTHS, "thousandths": wording.THOUSANDTHS},
    }
    environment.filters["json"] = _script_json
    return environment


def _copy_pictures(data: ReportData, folder: Path) -> None:
    """Sheets and plots of experiments."""
    pictures = [path for experiment in data.experiments for path in experiment.pictures]
    if pictures:
        folder.mkdir()
    for path in pictures:
        shutil.copyfile(path, folder / path.name)


def _write_parts(
    data: ReportData, seeds: Sequence[int], strips: Strips, by_measure: Sequence[MeasureStanding], folder: Path
) -> None:
    """What the pages' scripts load when they need it, as scripts: a page from disk may not read files in any other way."""
    write_page(folder / "run.js", f"seedscope.receiveRun({_script_json(run_part(data, seeds, strips))});\n")
    for name, text in score_parts(data, seeds):
        write_page(folder / "scores" / f"{name}.js", f'seedscope.receiveScores("{text}");\n')
    for place, standing in enumerate(by_measure):
        write_page(folder / f"measure_{place}.js", f"seedscope.receive({place}, {_script_json(columns(standing))});\n")


def _script_json(value: Any) -> Markup:
    """JSON that cannot end the script element it stands in, nor begin a comment: nothing in it is markup any more."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def write_page(path: Path, text: str) -> None:
    """Write a text as every browser reads it."""
    path.write_text(text, encoding="utf-8")
