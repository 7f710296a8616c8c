"""Importing a folder of pictures: every file has its cell or a reason, pixels are kept, and nothing is made twice."""

import csv
import io
import json
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import foreign_pictures as foreign
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from seedscope.analysis.features.base import Feature, Measurer
from seedscope.analysis.features.feature_stage import Features, Generated, Measure, feature_table
from seedscope.analysis.run.opened import run_of
from seedscope.jobs.cli import main
from seedscope.pipeline.errors import RunBusy, RunChanged, StorageError, UserError
from seedscope.pipeline.images import decode
from seedscope.pipeline.imported import imported_run as run_module
from seedscope.pipeline.imported import importing
from seedscope.pipeline.imported.imported_run import ImportedRun
from seedscope.pipeline.imported.importing import Report
from seedscope.pipeline.imported.placing import Placed
from seedscope.pipeline.running.runner import Executor, Unwatched
from seedscope.pipeline.running.stage import make
from seedscope.pipeline.study.file import load_study
from seedscope.pipeline.study.plan import Edition, Unit
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import UnitShape
from seedscope.pipeline.tables.run_folder import RunFolder
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table

PROMPTS = ("a cat, on grass", "a dog\non sand", 'a "red" car')
SEEDS = (3, 1, 2**40)


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "SHAPE", UnitShape(prompts=2, seeds=2))


def number(text: str, seed: int) -> int:
    return PROMPTS.index(text) * 10 + SEEDS.index(seed)


def a1111(folder: Path, text: str, seed: int, name: str | None = None, **changes: object) -> Path:
    path = folder / (name or f"{PROMPTS.index(text)}-{seed}.png")
    texts = {"parameters": foreign.infotext(text, seed, "blurry", **changes)}
    return foreign.png(path, texts, foreign.noise(number(text, seed)))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three prompts x three seeds as A1111 saves them."""
    for text in PROMPTS:
        for seed in SEEDS:
            a1111(tmp_path / "pictures", text, seed)
    return tmp_path / "pictures"


def bring(source: Path, out: Path, **options: Any) -> Report:
    run = ImportedRun(RunFolder(out))
    placing, report = importing.survey(source, run, **options)
    with run.folder.locked():
        importing.bring_in(placing, report, run, Executor("inline", threads=1), Unwatched())
    return report


def rows_of(out: Path) -> list[dict[str, Any]]:
    run = ImportedRun(RunFolder(out))
    return [row for unit in run.units for row in run.images.read(unit.name).to_pylist()]


def cells_of(out: Path) -> list[tuple[str, int]]:
    return [(row["prompt"], row["seed"]) for row in rows_of(out)]


def shards(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.glob("images-*/*.parquet"))}


# --- what comes in


def test_every_picture_becomes_a_row_with_its_very_pixels(pictures: Path, tmp_path: Path) -> None:
    report = bring(pictures, tmp_path / "run")
    assert (report.files, report.new, report.known, report.unplaced, report.failed) == (9, 9, 0, {}, 0)
    assert (report.prompts, report.seeds, report.cells, report.missing, report.units_made) == (3, 3, 9, 0, 4)
    rows = rows_of(tmp_path / "run")
    assert sorted(cells_of(tmp_path / "run")) == sorted((text, seed) for text in PROMPTS for seed in SEEDS)
    for row in rows:
        assert (row["status"], row["error"], row["prompt_id"]) == ("ok", None, prompt(row["prompt"]).id)
        assert (decode(row["image"]["bytes"]) == foreign.noise(number(row["prompt"], row["seed"]))).all()
    assert {pq.read_schema(path) for path in (tmp_path / "run").glob("images-*/*.parquet")} == {IMAGE_SCHEMA}
    assert (
        report.made is not None and report.made["model"] == "v1-5-pruned-emaonly" and report.made["pixels"] == [24, 16]
    )


def test_files_of_all_programs_and_a_table_make_one_run(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    foreign.png(folder / "a1111.png", {"parameters": foreign.infotext("a cat", 1)})
    foreign.with_user_comment(folder / "a1111.jpg", foreign.infotext("a cat", 2))
    foreign.comfy_png(folder / "deep" / "comfy.png", foreign.comfy_graph("a cat", 3))
    foreign.comfy_webp(folder / "comfy.webp", foreign.comfy_graph("a cat", 4))
    foreign.png(folder / "invoke.png", {"invokeai_metadata": json.dumps(foreign.INVOKE)})
    foreign.png(folder / "old.png", {"sd-metadata": json.dumps(foreign.SD_METADATA)})
    foreign.png(folder / "swarm.png", {"parameters": json.dumps(foreign.SWARM)})
    foreign.fooocus_exif(folder / "fooocus.jpg", json.dumps(foreign.FOOOCUS), "fooocus")
    foreign.png(folder / "plain.png", {})
    (folder / "seeds.csv").write_text('file,prompt,seed,group\nplain.png,"a cat, plain",9,cats\n')
    report = bring(folder, tmp_path / "run", mixed=True)
    assert report.unplaced == {} and report.new == 9 and report.table == folder / "seeds.csv"
    assert ("a cat, plain", 9) in cells_of(tmp_path / "run")
    assert {item.group for item in ImportedRun(RunFolder(tmp_path / "run")).edition.prompts} >= {"cats"}


def test_a_table_goes_before_what_is_embedded(pictures: Path, tmp_path: Path) -> None:
    table = tmp_path / "elsewhere.csv"
    table.write_text("file,prompt,seed\npictures/0-3.png,a bird,77\npictures/absent.png,a bird,78\n")
    report = bring(pictures, tmp_path / "run", table=table)
    assert ("a bird", 77) in cells_of(tmp_path / "run") and (PROMPTS[0], 3) not in cells_of(tmp_path / "run")
    assert list(report.unplaced.values()) == ["the table names it, but there is no such picture"]


def test_files_without_a_place_are_listed_with_the_reason(pictures: Path, tmp_path: Path) -> None:
    extra = {
        "batch.png": foreign.comfy_png(pictures / "batch.png", foreign.comfy_graph(batch=4)),
        "random.png": a1111(pictures, PROMPTS[0], 3, "random.png", Seed=-1),
        "silent.png": foreign.png(pictures / "silent.png", {"Comment": "hello"}),
        "twin.png": a1111(pictures, PROMPTS[0], 3, "twin.png", Version="f2.0.1"),
        "rival.png": foreign.png(pictures / "rival.png", {"parameters": foreign.infotext(PROMPTS[0], 3, "blurry")}),
        "other.png": a1111(pictures, PROMPTS[1], 3, "other.png", Model="sdxl", Steps=30),
        "large.png": foreign.png(
            pictures / "large.png", {"parameters": foreign.infotext("new", 3, "blurry")}, foreign.noise(1, 32, 48)
        ),
    }
    (pictures / "broken.png").write_bytes(b"\x89PNG\r\n")
    (pictures / "notes.txt").write_text("not a picture")
    Image.fromarray(255 - foreign.noise(0)).save(extra["rival.png"], pnginfo=_chunks(PROMPTS[0], 3))
    report = bring(pictures, tmp_path / "run")
    reasons = {file.name: reason for file, reason in report.unplaced.items()}
    assert reasons.keys() == extra.keys() | {"broken.png"} and report.new == 9
    for name, part in {
        "batch.png": "one of a ComfyUI batch",
        "random.png": "its seed is -1",
        "silent.png": "none of the known metadata; the texts in it are 'Comment'",
        "twin.png": "0-3.png, and is the same picture",
        "rival.png": "0-3.png, and is another picture",
        "other.png": "made in another way than the rest: model is sdxl, not v1-5-pruned-emaonly; steps is 30, not 20",
        "large.png": "it is 48 x 32, where its settings say 24 x 16: a grid",
        "broken.png": "not a readable picture",
    }.items():
        assert part in reasons[name], reasons[name]
    listed = importing.write_unplaced(RunFolder(tmp_path / "run"), report.unplaced)
    with listed.open(newline="") as file:
        assert {row["file"]: row["reason"] for row in csv.DictReader(file)} == {
            str(pictures / name): reason for name, reason in reasons.items()
        }


def _chunks(text: str, seed: int) -> Any:
    from PIL.PngImagePlugin import PngInfo

    chunks = PngInfo()
    chunks.add_text("parameters", foreign.infotext(text, seed, "blurry"))
    return chunks


def test_a_cell_whose_file_cannot_be_read_keeps_its_row_until_it_is_repaired(pictures: Path, tmp_path: Path) -> None:
    path, out = pictures / "1-1.png", tmp_path / "run"
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])
    frames = [Image.fromarray(foreign.noise(n)) for n in range(2)]
    frames[0].save(pictures / "2-3.png", save_all=True, append_images=frames[1:], pnginfo=_chunks(PROMPTS[2], 3))
    report = bring(pictures, out)
    failed = {(row["prompt"], row["seed"]): row for row in rows_of(out) if row["status"] == "failed"}
    assert report.failed == 2 and failed.keys() == {(PROMPTS[1], 1), (PROMPTS[2], 3)}
    assert failed[PROMPTS[1], 1]["error"].startswith("1-1.png: not a readable picture")
    assert failed[PROMPTS[2], 3]["error"] == "2-3.png: it is animated (2 frames), and a cell is one picture"
    assert all(row["image"] is None for row in failed.values())
    before = shards(out)
    assert bring(pictures, out).units_made == 0 and shards(out) == before
    path.write_bytes(whole)
    report = bring(pictures, out)
    assert (len(report.repaired), report.units_made, report.failed, report.cells) == (1, 1, 1, 9)
    assert sum(before[name] == data for name, data in shards(out).items()) == len(before) - 1


def test_a_unit_whose_other_files_are_gone_is_not_taken_back(pictures: Path, tmp_path: Path) -> None:
    path, out = pictures / "0-1.png", tmp_path / "run"
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])
    bring(pictures, out)
    before = shards(out)
    path.write_bytes(whole)
    (pictures / "0-3.png").unlink()
    assert bring(pictures, out).repaired == [] and shards(out) == before


def test_a_name_that_is_not_valid_text_is_kept(tmp_path: Path) -> None:
    folder, out = tmp_path / "pictures", tmp_path / "run"
    named = a1111(folder, PROMPTS[0], 3, os.fsdecode(b"caf\xe9.png"))
    (folder / os.fsdecode(b"\xff.png")).write_bytes(b"")
    code, told, err = command(folder, "--out", out)
    assert code == 0 and "1 new" in told and "not placed:" in err
    assert b"\xff.png" in (out / "unplaced.csv").read_bytes()
    assert ImportedRun(RunFolder(out)).files == {(prompt(PROMPTS[0]).id, 3): named}


# --- going on


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("published", [0, 1, 2, 3])
def test_killed_and_imported_again_makes_each_unit_once(pictures: Path, tmp_path: Path, published: int) -> None:
    bring(pictures, tmp_path / "whole")
    names: list[str] = []
    publish = Table.publish

    def dying(self: Table, unit: Unit, rows: pa.Table, made: dict[str, Any]) -> Any:
        if len(names) == published:
            raise Killed
        names.append(unit.name)
        return publish(self, unit, rows, made)

    with patch.object(Table, "publish", dying), pytest.raises(Killed):
        bring(pictures, tmp_path / "run")
    assert len(shards(tmp_path / "run")) == published
    report = bring(pictures, tmp_path / "run")
    assert (report.new, report.known, report.units_made) == (0, 9, 4 - published)
    assert shards(tmp_path / "run") == shards(tmp_path / "whole")
    assert bring(pictures, tmp_path / "run").units_made == 0
    assert len(list((tmp_path / "run" / "editions").iterdir())) == 1


def test_a_folder_that_has_grown_adds_units_and_moves_none(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    held_back = {name: (pictures / name).read_bytes() for name in ("0-1.png", "2-3.png")}
    for name in held_back:
        (pictures / name).unlink()
    report = bring(pictures, out)
    assert (report.cells, report.missing) == (7, 2)
    before = shards(out)
    for name, data in held_back.items():
        (pictures / name).write_bytes(data)
    foreign.png(pictures / "bird.png", {"parameters": foreign.infotext("a bird", 4, "blurry")})
    report = bring(pictures, out)
    assert (report.new, report.known, report.prompts, report.seeds, report.missing) == (3, 7, 4, 4, 16 - 10)
    assert before.items() < shards(out).items()
    assert len(set(cells_of(out))) == len(cells_of(out)) == 10
    assert bring(pictures, out).units_made == 0


def test_a_second_folder_joins_and_a_moved_one_is_known(pictures: Path, tmp_path: Path) -> None:
    out, second = tmp_path / "run", tmp_path / "second"
    bring(pictures, out)
    a1111(second, PROMPTS[0], 3)
    foreign.png(second / "bird.png", {"parameters": foreign.infotext("a bird", 3, "blurry")})
    report = bring(second, out)
    assert report.new == 1 and ["is the same picture" in why for why in report.unplaced.values()] == [True]
    moved = pictures.rename(tmp_path / "moved")
    report = bring(moved, out)
    assert (report.new, report.known, report.unplaced) == (0, 9, {}) and len(rows_of(out)) == 10


def test_a_damaged_shard_is_made_again(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    bring(pictures, out)
    before = shards(out)
    path = next(out.glob("images-*/*.parquet"))
    path.write_bytes(path.read_bytes()[:-9])
    assert bring(pictures, out).repaired == [path.stem] and shards(out) == before


def test_a_run_keeps_to_how_its_pictures_were_made(pictures: Path, tmp_path: Path) -> None:
    bring(pictures, tmp_path / "run")
    for seed in range(20):
        foreign.png(pictures / f"x{seed}.png", {"parameters": foreign.infotext("x", seed, "blurry", Model="sdxl")})
    assert len(bring(pictures, tmp_path / "run").unplaced) == 20
    with pytest.raises(RunChanged, match="begun without --mixed"):
        bring(pictures, tmp_path / "run", mixed=True)
    assert len(bring(pictures, tmp_path / "most").unplaced) == 9
    assert bring(pictures, tmp_path / "mixed", mixed=True).unplaced == {}
    assert bring(pictures, tmp_path / "mixed").known == 29
    tables = {ImportedRun(RunFolder(tmp_path / name)).images.name for name in ("run", "most", "mixed")}
    assert len(tables) == 3


def test_folders_that_are_not_for_imports(pictures: Path, tmp_path: Path) -> None:
    drawn = RunFolder(tmp_path / "drawn")
    drawn.grow({"model": "sprout"}, Edition((prompt("a cat"),), (1,)))
    with pytest.raises(RunChanged, match="was drawn by a study"):
        bring(pictures, drawn.path)
    with pytest.raises(UserError, match="no such folder"):
        bring(tmp_path / "absent", tmp_path / "run")
    with pytest.raises(StorageError, match="nothing has been imported"):
        _ = ImportedRun(RunFolder(tmp_path / "run")).images
    bring(pictures, tmp_path / "run")
    with pytest.raises(RunChanged, match="imported was"):
        RunFolder(tmp_path / "run").grow({"model": "sprout"}, Edition((prompt("a cat"),), (1,)))
    record = tmp_path / "run" / "editions" / "0001.json"
    spoilt = {key: value for key, value in json.loads(record.read_text()).items() if key != "checksum"}
    record.write_text(json.dumps(spoilt | {"cells": [[0, 99, "a.png"]]}))
    with pytest.raises(StorageError, match="record cannot be read"):
        _ = ImportedRun(RunFolder(tmp_path / "run")).units


def test_of_two_imports_at_once_one_is_told_to_wait(pictures: Path, tmp_path: Path) -> None:
    slow = ImportedRun(RunFolder(tmp_path / "run"))
    placing, _ = importing.survey(pictures, slow)
    bring(pictures, tmp_path / "run")
    with pytest.raises(RunBusy, match="has just imported here"):
        slow.grow(placing.made, placing.cells.values())


keys = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 9)), max_size=30)


@settings(max_examples=25, deadline=None)
@given(imports=st.lists(keys, min_size=1, max_size=3))
def test_every_cell_is_in_one_unit_however_the_run_grew(
    tmp_path_factory: pytest.TempPathFactory, imports: Sequence[set[tuple[int, int]]]
) -> None:
    run = ImportedRun(RunFolder(tmp_path_factory.mktemp("run")))
    for cells in imports:
        before = run.units
        placed = [Placed(Path(f"{p}-{s}.png"), prompt(f"prompt {p}"), s, {}) for p, s in sorted(cells)]
        run = run.grow(None, placed)
        assert run.units[: len(before)] == before
    found = [(item.text, seed) for unit in run.units for item, seed in unit.cells]
    assert sorted(found) == sorted({(f"prompt {p}", s) for cells in imports for p, s in cells})
    for unit in run.units:
        assert 1 <= len(unit) == len(list(unit.cells)) <= 4
        assert {seed for _, seed in unit.cells} == set(unit.seeds) and {p for p, _ in unit.cells} == set(unit.prompts)
        assert [seed for _, seed in unit.cells] == sorted(seed for _, seed in unit.cells)
    assert len({unit.name for unit in run.units}) == len(run.units)


# --- what can be done with it


class Brightness(Feature, Measurer):
    """Mean of all pixels."""

    name = "brightness"

    def fields(self) -> list[pa.Field]:
        return [pa.field("brightness", pa.float64())]

    def fingerprint(self) -> str:
        return "1"

    def load(self, device: str) -> Measurer:
        return self

    def compute(self, pixels: npt.NDArray[np.uint8], prompts: Sequence[str]) -> dict[str, pa.Array]:
        assert len(pixels) == len(prompts)
        return {"brightness": pa.array(pixels.mean(axis=(1, 2, 3)))}


def test_features_are_measured_on_imported_pictures(pictures: Path, tmp_path: Path) -> None:
    (pictures / "0-1.png").unlink()
    bring(pictures, tmp_path / "run")
    run = ImportedRun(RunFolder(tmp_path / "run"))
    measure = Measure(Brightness(), feature_table(tmp_path / "run", "brightness", Brightness(), "cause"))
    stage = Features(Generated(run.images), [measure], "cpu").open()
    for unit in run.units:
        make(stage, unit)
        drawn = run.images.read(unit.name).to_pylist()
        for row, picture in zip(measure.table.read(unit.name).to_pylist(), drawn, strict=True):
            expected = foreign.noise(number(picture["prompt"], row["seed"])).mean()
            assert row["status"] == "ok" and abs(row["brightness"] - expected) < 1e-9


# --- the command


def command(*arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    told, err, code = io.StringIO(), io.StringIO(), 0
    given = ["seedscope", "import", *map(str, arguments)]
    with patch.object(sys, "argv", given), redirect_stdout(told), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return code, told.getvalue(), err.getvalue()


def test_the_command_tells_what_it_did(pictures: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    a1111(pictures, PROMPTS[0], 3, "twin.png")
    code, out, err = command(pictures, "--out", run, "--dry-run")
    assert code == 0 and "10 files: 9 new, 0 known, 1 not placed." in out and not run.exists()
    assert "twin.png: it has the prompt and seed of" in err
    code, out, err = command(pictures, "--out", run)
    assert code == 0, err
    assert "The run has 9 pictures of 3 prompts x 3 seeds; 0 cells are missing, 0 could not be read." in out
    assert f"seedscope run {run}/study.yaml" in out
    study = yaml.safe_load((run / "study.yaml").read_text())
    assert (study["name"], study["imported"]) == ("pictures", str(pictures))
    assert (study["features"], study["ranking"]) == (["looks"], None) and "reference" not in study
    assert "twin.png" in (run / "unplaced.csv").read_text()
    (run / "study.yaml").write_text("mine\n")
    code, out, _ = command(pictures, "--out", run, "--json")
    facts = json.loads(out)
    assert code == 0 and (facts["known"], facts["cells"], facts["units_made"]) == (9, 9, 0)
    assert list(facts["unplaced"]) == [str(pictures / "twin.png")] and (run / "study.yaml").read_text() == "mine\n"


def test_real_pictures_to_compare_with_rank_the_seeds(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are named once, from where the command was called; without two of them nothing is brought in."""
    monkeypatch.chdir(tmp_path)
    foreign.png(Path("one") / "0.png", {})
    code, _, err = command(pictures, "--out", "run", "--reference", "one")
    assert code == 2 and "needs at least two" in err and not Path("run").exists()
    real = Path("two: real ones")
    for number in range(2):
        foreign.png(real / f"{number}.png", {})
    code, _, err = command(pictures, "--out", "run", "--reference", real)
    assert code == 0, err
    study = load_study(Path("run/study.yaml"))
    assert study.ranked.by == "fd_efficientnet_lite0"
    assert Path(str(study.reference)) == tmp_path / real
    assert run_of(Path("run/study.yaml")).reference.count() == 2


def test_the_command_says_what_to_do_when_nothing_has_a_place(tmp_path: Path) -> None:
    for index in range(25):
        foreign.png(tmp_path / "pictures" / f"{index:02d}.png", {})
    code, _, err = command(tmp_path / "pictures", "--out", tmp_path / "run")
    assert code == 2 and "none of 25 files could be placed. Write a table" in err and not (tmp_path / "run").exists()
    assert err.count("none of the known metadata") == 20 and "5 more" in err
    code, _, err = command(tmp_path / "absent", "--out", tmp_path / "run")
    assert code == 2 and "there is no such folder of pictures" in err and "Traceback" not in err


def test_the_run_folder_may_lie_among_the_pictures(pictures: Path) -> None:
    assert command(pictures, "--out", pictures / "run")[0] == 0
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(pictures / "run" / "contact_sheet.png")
    assert "9 files: 0 new, 9 known, 0 not placed." in command(pictures, "--out", pictures / "run")[1]
