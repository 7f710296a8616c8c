"""What looks at pictures: FiftyOne, evalscope and GenEval find pictures, texts and scores where they look for them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from exported_run import PROMPTS, SEEDS, source
from PIL import Image

from seedscope.analysis.exports.evalscope import evalscope
from seedscope.analysis.exports.fiftyone import fiftyone
from seedscope.analysis.exports.geneval import OBJECTS, geneval
from seedscope.pipeline.study.schema import FileSource


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def is_of_seed(path: Path, seed: int) -> bool:
    """Whether a picture is that of a seed, which the made-up run tells by its red."""
    with Image.open(path) as picture:
        return bool((np.asarray(picture.convert("RGB"))[..., 0] == seed).all())


def test_fiftyone_has_each_picture_with_its_scores(run: Path, tmp_path: Path) -> None:
    fiftyone(source(run))(tmp_path)
    assert "version" not in json.loads((tmp_path / "metadata.json").read_text())  # else FiftyOne wants its own document
    samples = json.loads((tmp_path / "samples.json").read_text())["samples"]
    assert len(samples) == PROMPTS * SEEDS == len({each["filepath"] for each in samples})
    assert all(is_of_seed(tmp_path / each["filepath"], each["seed"]) for each in samples)
    assert {each["seed"] for each in samples if "golden" in each["tags"]} == {7, 3, 12}
    rows = {(row["prompt_id"], row["seed"]): row for row in pq.read_table(run / "scores.parquet").to_pylist()}
    for each in samples:
        assert each["clip_score"] == rows[each["prompt_id"], each["seed"]]["clip_score"]
        assert each["layout_confidence"] is None and each["prompt"] == f"a {each['group']}"


def test_evalscope_reads_id_prompt_and_path(run: Path, tmp_path: Path) -> None:
    evalscope(source(run, asked=[7, 1]))(tmp_path)
    records = lines(tmp_path / "made-up.jsonl")
    assert len(records) == 2 * PROMPTS == len({each["id"] for each in records})
    assert {each["prompt"] for each in records} == {"a cat", "a car", "a tree"}
    for each in records:
        assert is_of_seed(tmp_path / str(each["image_path"]), int(str(each["seed"])))


def test_geneval_finds_prompts_and_png(run: Path, tmp_path: Path) -> None:
    told = geneval(source(run))(tmp_path)
    folders = [path for path in tmp_path.iterdir() if path.is_dir() and path.name.isdigit()]
    assert len(folders) == 2 and "1 prompts are left out" in told[-1]  # it knows no tree
    seeds = {each["file"]: each["seed"] for each in lines(tmp_path / "seeds.jsonl")}
    for folder in folders:
        (wanted,) = lines(folder / "metadata.jsonl")
        assert wanted["tag"] == "single_object" and wanted["include"][0]["class"] in ("cat", "car")  # type: ignore[index]
        samples = [path for path in (folder / "samples").iterdir() if re.match(r"\d+\.png", path.name)]
        assert len(samples) == SEEDS
        for path in samples:
            assert is_of_seed(path, int(str(seeds[path.relative_to(tmp_path).as_posix()])))
    assert len(OBJECTS) == 80


def test_geneval_s_own_lines_are_kept(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = {"tag": "counting", "include": [{"class": "cat", "count": 3}], "prompt": "a cat"}
    (tmp_path / "evaluation_metadata.jsonl").write_text(f"{json.dumps(line)}\n")
    whole = source(run)
    file = FileSource(file=tmp_path / "evaluation_metadata.jsonl")
    study = whole.run.study.model_copy(update={"prompts": [file]})
    monkeypatch.setattr(type(whole.run), "study", study)
    out = tmp_path / "out"
    out.mkdir()
    geneval(whole)(out)
    assert line in [wanted for path in out.glob("*/metadata.jsonl") for wanted in lines(path)]
