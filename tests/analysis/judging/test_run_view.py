"""`open_run`: a run folder is looked at without its study file, here and in an object store."""

import doctest
import json
import shutil
import subprocess
import sys
from pathlib import Path

import diffusers
import numpy as np
import pyarrow.parquet as pq
import pytest
from finished_runs import command, made
from PIL import Image
from repository import CONFIGS, SHARED, SPROUT

import seedscope
from seedscope import GoldenSeeds, Study, load_study, open_run
from seedscope.analysis.judging.run_view import MEASURED, NotInRun
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.images import decode

STUDY = {
    "name": "viewed",
    "model": "sprout-turbo",
    "sampling": {"steps": 1, "guidance": {"scale": 0}},
    "compute": {"device": "cpu"},
    "prompts": [{"grid": {"objects": ["apple", "cat", "car"], "modifiers": ["a {object}", "a red {object}"]}}],
    "seeds": "0-3",
    "unit": {"prompts": 3, "seeds": 2},
    "features": ["looks", {"clip_score": {"model": "sprout-clip"}}],
    "ranking": {"by": "clip_score", "rule": "top", "golden": 2, "shuffles": 20},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("viewed"), STUDY)


@pytest.fixture(scope="module")
def folder(study: Path) -> Path:
    return study.parent / "run"


def test_a_run_is_viewed(study: Path, folder: Path) -> None:
    run = open_run(folder)
    assert run.study == load_study(study) and isinstance(run.study, Study)
    assert run.seeds().equals(pq.read_table(folder / "seeds.parquet"))
    assert "clip_score" in run.measures()["measure"].to_pylist()
    assert isinstance(run.golden, GoldenSeeds) and run.golden.seeds == run.seeds()["seed"].to_pylist()[:2]


def test_scores_are_a_long_table_of_all_cells(folder: Path) -> None:
    scores = open_run(folder).scores("clip_score")
    assert scores.column_names == ["prompt_id", "prompt", "group", "seed", "clip_score", "clip_score_prompt_cut"]
    rows = scores.to_pylist()
    assert len(rows) == len({(row["prompt"], row["seed"]) for row in rows}) == 24
    stored = [row for file in sorted(folder.glob("clip_score-*/*.parquet")) for row in pq.read_table(file).to_pylist()]
    assert {(row["prompt_id"], row["seed"], row["clip_score"]) for row in rows} == {
        (row["prompt_id"], row["seed"], row["clip_score"]) for row in stored
    }
    assert {row["group"] for row in rows if row["prompt"] == "a red cat"} == {"cat"}


def test_a_picture_is_found_by_the_text_or_the_id_of_its_prompt(folder: Path) -> None:
    run = open_run(folder)
    rows = [row for file in sorted(folder.glob("images-*/*.parquet")) for row in pq.read_table(file).to_pylist()]
    for row in rows[::5]:
        pixels = decode(row["image"]["bytes"])
        assert np.array_equal(np.asarray(run.picture(row["seed"], row["prompt"])), pixels)
        assert np.array_equal(np.asarray(run.picture(row["seed"], row["prompt_id"])), pixels)


def test_looking_changes_nothing(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    run = open_run(str(folder))
    run.seeds(), run.measures(), run.scores("looks"), run.picture(0, "a cat"), run.golden, run.study
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_what_is_not_there_is_said(folder: Path, tmp_path: Path) -> None:
    run = open_run(folder)
    with pytest.raises(NotInRun, match="'layout' is not measured; the study measures looks, clip_score"):
        run.scores("layout")
    with pytest.raises(NotInRun, match="has no prompt 'a dog'"):
        run.picture(0, "a dog")
    with pytest.raises(LookupError, match="has no seed 9"):
        run.picture(9, "a cat")
    with pytest.raises(UserError, match="is not a run folder"):
        open_run(tmp_path)
    early = shutil.copytree(
        folder, tmp_path / "early", ignore=shutil.ignore_patterns("*.parquet", "golden.*", "receipts")
    )
    with pytest.raises(NotInRun, match="there is no seeds.parquet yet"):
        open_run(early).seeds()
    assert open_run(early).golden is None
    with pytest.raises(NotInRun, match="seed 0 of 'a cat' has no picture"):
        open_run(early).picture(0, "a cat")


def test_a_run_without_its_study_says_how_it_comes_there(folder: Path, study: Path, tmp_path: Path) -> None:
    older = shutil.copytree(folder, tmp_path / "older", ignore=shutil.ignore_patterns("study.json"))
    run = open_run(older)
    assert run.scores("clip_score").num_rows == 24
    with pytest.raises(NotInRun, match="its study is not kept in it"):
        _ = run.study
    command("seeds", study, "--out", older)
    assert open_run(older).study == load_study(study)


@pytest.mark.parametrize("text", ["5", "[1]", "{", '{"name": "x"}', '{"imported": 1}', ""])
def test_a_damaged_study_of_a_run_is_told_in_a_sentence(text: str, folder: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    (damaged / "study.json").write_text(text)
    with pytest.raises(UserError, match=r"study\.json: cannot be read") as error:
        _ = open_run(damaged).study
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("found", [b"5", b"[]", b"{"])
def test_a_damaged_table_of_seeds_is_told_in_a_sentence(found: bytes, folder: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(folder, tmp_path / "damaged")
    seeds = pq.read_table(damaged / "seeds.parquet")
    pq.write_table(seeds.replace_schema_metadata({MEASURED: found}), damaged / "seeds.parquet")
    with pytest.raises(UserError, match="does not say how the pictures were measured"):
        open_run(damaged).scores("looks")
    (damaged / "seeds.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match=r"seeds\.parquet: cannot be read"):
        open_run(damaged).seeds()


def test_a_run_of_an_older_version_is_viewed() -> None:
    old = SHARED / "cases" / "run-0.1.0" / "before"
    if not old.is_dir():
        pytest.skip("the run folder of 0.1.0 is not there")
    run = open_run(old)
    cells = len(run.edition.prompts) * len(run.edition.seeds)
    assert run.seeds().num_rows == len(run.edition.seeds) and run.golden is not None
    assert run.scores("clip_score").num_rows == cells
    assert run.picture(run.edition.seeds[0], run.edition.prompts[0].text).mode == "RGB"


def test_imported_pictures_are_viewed(imported: Path) -> None:
    command("run", imported, "--executor", "inline", "--threads", "1")
    run = open_run(imported.parent)
    assert run.golden is None and run.study == load_study(imported)
    assert run.scores("fd_efficientnet_lite0").num_rows == 11 and run.picture(0, "prompt 0").size == (64, 64)


def test_importing_seedscope_loads_no_torch() -> None:
    code = (
        "import sys, json, seedscope; seedscope.Study, seedscope.load_study; "
        "print(json.dumps([name for name in ('torch', 'diffusers', 'ray', 'transformers') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("name", [name for name in seedscope.__all__ if name != "__version__"])
def test_the_examples_of_public_names_run(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "demo").symlink_to(folder)
    (tmp_path / "configs").symlink_to(CONFIGS)
    monkeypatch.chdir(tmp_path)
    pipe = diffusers.DiffusionPipeline.from_pretrained(SPROUT / "sprout-turbo")
    known = {"pipe": pipe, "golden": GoldenSeeds.load(folder / "golden.json")}
    known |= {public: getattr(seedscope, public) for public in seedscope.__all__}
    (example,) = [
        found
        for found in doctest.DocTestFinder(recurse=False).find(getattr(seedscope, name), name, globs=known)
        if found.examples
    ]
    said: list[str] = []
    assert not doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=said.append).failed, "".join(said)


def test_pictures_are_shown_as_a_grid(folder: Path) -> None:
    run = open_run(folder)
    shown = np.asarray(run.show(seeds=[2, 0], prompts=["a cat", "a red cat"]))
    for row, seed in enumerate((2, 0)):
        for column, prompt in enumerate(("a cat", "a red cat")):
            picture = run.picture(seed, prompt).resize((96, 96), Image.Resampling.LANCZOS)
            left, top = 84 + column * 102, shown.shape[0] - (2 - row) * 102
            assert np.array_equal(shown[top : top + 96, left : left + 96], np.asarray(picture))
    assert run.show().size[0] > run.show(prompts=["a cat"]).size[0]
    with pytest.raises(NotInRun, match="has no seed 9"):
        run.show(seeds=[9])
    with pytest.raises(NotInRun, match="has no prompt 'a dog'"):
        run.show(prompts=["a dog"])


def test_a_study_is_run_from_python(study: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is finished already, so that nothing is drawn."""
    found = load_study(study)
    assert isinstance(found, Study)
    run = seedscope.run(found, folder, executor="inline", threads=1)
    told = capsys.readouterr()
    assert not told.out and "Golden seeds:" in told.err
    assert run.golden is not None and run.golden.seeds == GoldenSeeds.load(folder / "golden.json").seeds
    assert seedscope.run(folder, executor="inline").seeds().equals(run.seeds())
