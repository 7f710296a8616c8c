"""The blocks of docs/tables.md are run, and those of a section give the same answer in each library."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import command
from made_up_run import made_up, publish_run
from repository import ROOT

from seedscope.analysis.select import lists

TEXT = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
SECTIONS = {part.splitlines()[0]: part for part in TEXT.split("\n## ")}
LIBRARIES = {"pandas", "Polars", "DuckDB", "datasets"}


def blocks(section: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", SECTIONS[section], re.DOTALL)


OPENING, *QUERIES = SECTIONS


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs of the same prompts, their golden seeds made up, and own labels."""
    folder = tmp_path_factory.mktemp("tables")
    for number, name in enumerate(("demo", "other")):
        (folder / name).mkdir()
        study = publish_run(
            folder / name, made_up(8, 6, number), ranking={"by": "clip_score", "rule": "top", "golden": 2}
        )
        golden = [{"seed": seed, "rank": rank, "value": 0.5, "n": 8} for rank, seed in enumerate((4, 2), start=1)]
        pq.write_table(pa.Table.from_pylist(golden, lists.SCHEMA), folder / name / "run" / "golden.parquet")
        done = command("seeds", study, "--out", folder / name / "run")
        assert done.returncode == 0, done.stderr
        (folder / "runs").mkdir(exist_ok=True)
        (folder / name / "run").rename(folder / "runs" / name)
    scores = pd.read_parquet(folder / "runs" / "demo" / "scores.parquet")
    labels = scores[["prompt_id", "seed"]].assign(label=np.where(scores.index % 3, "good", "bad")).head(20)
    labels.to_csv(folder / "labels.csv", index=False)
    return folder


@pytest.fixture
def names(place: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the first blocks of the page define, in that folder."""
    monkeypatch.chdir(place)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", place / "cache")
    found: dict[str, Any] = {}
    (block,) = blocks(OPENING)
    exec(block, found)
    return found


def tuples(answer: Any) -> list[tuple[Any, ...]]:
    """The rows of an answer of any library, sorted."""
    if isinstance(answer, datasets.Dataset):
        answer = answer.to_pandas()
    if isinstance(answer, pd.DataFrame):
        return sorted(answer.itertuples(index=False, name=None))
    return sorted(answer.rows() if hasattr(answer, "rows") else answer.fetchall())


def flat(rows: list[tuple[Any, ...]]) -> Iterator[Any]:
    return (
        pytest.approx(value, rel=1e-4, abs=1e-6) if isinstance(value, float) else value for row in rows for value in row
    )


@pytest.mark.parametrize("section", QUERIES)
def test_the_libraries_give_the_same_answer(section: str, names: dict[str, Any]) -> None:
    answers: dict[str, list[tuple[Any, ...]]] = {}
    for block in blocks(section):
        exec(block, names)
        answers[block.splitlines()[0].removeprefix("# ")] = tuples(names["answer"])
    assert answers.keys() <= LIBRARIES and answers.keys() >= LIBRARIES - {"datasets"}
    first = answers["pandas"]
    assert first
    for library, rows in answers.items():
        assert [*flat(first)] == [value for row in rows for value in row], library


def test_each_library_is_shown() -> None:
    shown = {block.splitlines()[0].removeprefix("# ") for section in QUERIES for block in blocks(section)}
    assert shown == LIBRARIES and len(QUERIES) == 6
