"""What an experiment found, kept in the run's folder: a terminal, a report and another program read the same file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from seedscope.analysis.run.beside import EXPERIMENTS
from seedscope.analysis.run.parts import whole
from seedscope.analysis.run.run import Run
from seedscope.pipeline.storage.local import replacing
from seedscope.pipeline.study.schema import Json, fingerprint
from seedscope.pipeline.tables.run_folder import RunFolder

if TYPE_CHECKING:
    import pyarrow as pa
    from PIL import Image

Value = str | int | float | None
"""Of a table's cell; None where there is none."""


class Table(BaseModel):
    """A small table for people; the whole one is a Parquet file. `rows` has a value for each of `columns`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    title: str
    columns: list[str]
    rows: list[list[Value]]


class Picture(BaseModel):
    """A sheet or a plot: the name of its file in the folder of experiments, and what it shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.png$")]
    caption: str


class Finding(BaseModel):
    """What an experiment found.

    Attributes:
        name: of the experiment, by which its files are named: `swap` of `swap.json`, `swap.parquet` and `swap.png`.
        title: the question, as the report asks it.
        sentences: the answer, the most important first: each claim with its interval, its null and what it rests on.
        tables: small ones, for people.
        pictures: sheets and plots.
        run: `mark_of` the run: a finding of other pictures, or of fewer of them, is none of this run.
        settings: heading -> what it was made with: prompts, seeds, options, seconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal["seedscope-experiment/1"] = "seedscope-experiment/1"
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    title: str
    sentences: list[str]
    tables: list[Table] = []
    pictures: list[Picture] = []
    run: str
    settings: dict[str, Value] = {}

    def save(self, folder: Path) -> Path:
        """Write `experiments/<name>.json` in the folder of a run; return its path."""
        path = place(folder, f"{self.name}.json")
        with replacing(path) as scratch:
            scratch.write_text(json.dumps(self.model_dump(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return path


def mark_of(run: Run) -> str:
    """sha256 (hex) of what a finding is of: the cause of the run's pictures, and its prompts and seeds; of a sweep those of all
    its rounds, whichever part of it was looked at."""
    wanted = whole(run).wanted
    prompts: list[Json] = [*sorted(prompt.id for prompt in wanted.prompts)]
    return fingerprint({"pictures": run.cause, "prompts": prompts, "seeds": [*sorted(wanted.seeds)]})


def place(folder: Path, name: str) -> Path:
    """The path of an experiment's file in the folder of a run, whose folder is there."""
    found = folder / EXPERIMENTS / name
    found.parent.mkdir(parents=True, exist_ok=True)
    return found


def save_table(folder: Path, name: str, table: pa.Table) -> Path:
    """Write `experiments/<name>.parquet` in the folder of a run; return its path."""
    import pyarrow.parquet as pq

    path = place(folder, f"{name}.parquet")
    with replacing(path) as scratch:
        pq.write_table(table, scratch)
    return path


def save_page(folder: Path, name: str, page: Image.Image) -> Path:
    """Write `experiments/<name>.png` in the folder of a run; return its path."""
    path = place(folder, f"{name}.png")
    with replacing(path) as scratch:
        page.save(scratch, "PNG", optimize=True)
    return path


def findings(folder: RunFolder, run: str) -> tuple[Sequence[Finding], dict[str, str]]:
    """What experiments found on a run, on whichever machine: what lies with it elsewhere is brought to its results here.

    Args:
        run: `mark_of` it.

    Returns:
        The findings, by name; and the name of a file that is none of them, or is of other pictures -> why it is left out.
    """
    delivered = sorted(folder.storage.names(EXPERIMENTS)) if folder.storage.local is None else []
    folder.fetch(f"{EXPERIMENTS}/{name}" for name in delivered if name.endswith((".json", ".png")))
    found, silent = list[Finding](), dict[str, str]()
    for path in sorted((folder.path / EXPERIMENTS).glob("*.json")):
        try:
            finding = Finding.model_validate_json(path.read_bytes())
        except (ValidationError, OSError) as error:
            silent[path.name] = f"cannot be read: {str(error).splitlines()[0]}"
            continue
        gone = [picture.file for picture in finding.pictures if not (path.parent / picture.file).is_file()]
        if finding.run != run:
            silent[path.name] = "is of other pictures than those of this run as it stands; do the experiment again"
        elif gone:
            silent[path.name] = f"{gone[0]} is gone; do the experiment again"
        else:
            found.append(finding)
    return found, silent
