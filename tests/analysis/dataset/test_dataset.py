"""A run as a data set: its prompts and scores, what its columns mean, and its card."""

from __future__ import annotations

import json
import os
from pathlib import Path

import datasets
import pandas as pd
import played_sweep
import pyarrow.parquet as pq
import pytest
import yaml
from commands import command
from imported_runs import imported_run
from made_up_run import made_up, publish_run

from seedscope.analysis.dataset.card import MARK
from seedscope.analysis.dataset.listed import listed
from seedscope.analysis.dataset.scores_table import SOURCE
from seedscope.analysis.dataset.write import write_dataset
from seedscope.analysis.features import feature
from seedscope.analysis.judging.by_distance import DISTANCES
from seedscope.analysis.judging.measures_table import MEASURES
from seedscope.analysis.judging.race.table import RACE
from seedscope.analysis.run.opened import opened
from seedscope.analysis.select import lists
from seedscope.pipeline.drawing.probes.negative_strength import STRENGTH_SCHEMA
from seedscope.pipeline.drawing.tasks.inpainting import INPAINT_SCHEMA
from seedscope.pipeline.drawing.tasks.negatives import NEGATIVES_SCHEMA
from seedscope.pipeline.drawing.tasks.particles import PARTICLE_SCHEMA
from seedscope.pipeline.drawing.tasks.seed_swap import SWAP_SCHEMA
from seedscope.pipeline.tables.columns import about
from seedscope.pipeline.tables.run_folder import RunFolder
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study file of a run that was judged."""
    folder = tmp_path_factory.mktemp("dataset")
    values = made_up(8, 6)
    values["clip_score"][2, 3] = -1  # becomes null
    file = publish_run(folder, values, ranking={"by": "clip_score", "rule": "top", "golden": 2, "shuffles": 20})
    done = command("seeds", file, "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    return file


@pytest.fixture
def run(study: Path) -> Path:
    return study.parent / "run"


def stored(run: Path, name: str) -> pd.DataFrame:
    """The rows of a table of shards."""
    (folder,) = run.glob(f"{name}-*")
    return pd.read_parquet(folder).sort_values(["prompt_id", "seed"], ignore_index=True)


def scores_of(run: Path) -> pd.DataFrame:
    return pd.read_parquet(run / "scores.parquet").sort_values(["prompt_id", "seed"], ignore_index=True)


def test_prompts_have_their_text_group_and_facts(tmp_path: Path) -> None:
    (tmp_path / "prompts.csv").write_text("caption,kind,room,price\na red bus,bus,street,3\na cat,cat,,\n")
    source = {"file": str(tmp_path / "prompts.csv"), "column": "caption", "group": "kind"}
    run = played_sweep.study(tmp_path, prompts=[source], seeds=[0, 1])
    with opened(run, tmp_path / "run") as found:
        write_dataset(found)
    bus, cat = pd.read_parquet(tmp_path / "run" / "prompts.parquet").to_dict("records")
    assert (bus["text"], bus["group"], cat["text"], cat["group"]) == ("a red bus", "bus", "a cat", "cat")
    assert json.loads(bus["facts"]) == {"kind": "bus", "room": "street", "price": "3"} and len(bus["prompt_id"]) == 16


def test_scores_have_every_number_of_every_picture(run: Path) -> None:
    scores, measures = scores_of(run), pd.read_parquet(run / "measures.parquet")["measure"]
    assert len(scores) == 48 and {*measures} <= {*scores.columns} and {*scores["status"]} == {"ok"}
    clip, layout = stored(run, "clip_score"), stored(run, "layout")
    assert scores["clip_score"].equals(clip["clip_score"]) and scores["clip_score"].isna().sum() == 1
    assert scores["layout_x"].equals(layout["x"].rename("layout_x"))
    assert {*scores["prompt_id"]} == {*pd.read_parquet(run / "prompts.parquet")["prompt_id"]}


def test_they_are_made_again_when_the_run_has_changed(tmp_path: Path) -> None:
    study = publish_run(tmp_path, made_up(4, 4))
    path = tmp_path / "run" / "scores.parquet"

    def written() -> int:
        with opened(study, tmp_path / "run") as run:
            write_dataset(run)
        return path.stat().st_ino

    first = written()
    assert written() == first and pq.read_table(path)["clip_score"].null_count == 0
    with opened(study, tmp_path / "run") as run:
        measured = next(item.table for item in run.measures if item.feature.name == "clip_score")
        measured.revoke(run.units[0].name)
    assert written() != first
    assert pq.read_table(path)["clip_score"].null_count == len(run.units[0]) and pq.read_table(path).num_rows == 16
    with opened(study, tmp_path / "run") as run:
        run.images.revoke(run.units[0].name)
    written()
    assert pq.read_table(path).num_rows == 16 - len(run.units[0])
    path.write_bytes(path.read_bytes()[:-9])
    written()
    assert pq.read_table(path).schema.metadata[SOURCE]


def test_cells_that_failed_and_prompts_that_few_seeds_have(tmp_path: Path) -> None:
    """A sweep: seeds go out, so that the grid is not complete."""
    study = played_sweep.study(tmp_path)
    run = played_sweep.opened(study, tmp_path / "run")
    failing = next(iter(run.units[0].cells))
    played_sweep.made(
        run,
        lambda prompt, seed: 0.01 * seed,
        lambda prompt, seed: None if (prompt, seed) == failing else played_sweep.np.zeros((8, 8, 3), "uint8"),
    )
    with run.folder.locked():
        write_dataset(run)
    scores = pd.read_parquet(tmp_path / "run" / "scores.parquet")
    assert len(scores) == sum(map(len, run.units)) and not scores.duplicated(["prompt_id", "seed"]).any()
    (failed,) = scores[scores["status"] == "failed"].to_dict("records")
    assert (failed["prompt_id"], failed["seed"], failed["error"]) == (failing[0].id, failing[1], "not finite")
    assert pd.isna(failed["clip_score"]) and scores["clip_score"].notna().sum() == len(scores) - 1
    prompts = pd.read_parquet(tmp_path / "run" / "prompts.parquet")
    assert {*scores["prompt_id"]} <= {*prompts["prompt_id"]} and len(prompts) == 60


def test_imported_pictures_with_a_hole(tmp_path: Path) -> None:
    study = imported_run(tmp_path)
    with opened(study, tmp_path / "run") as run:
        write_dataset(run)
    scores = pd.read_parquet(tmp_path / "run" / "scores.parquet")
    assert len(scores) == 11 and scores["fd_efficientnet_lite0_witness"].isna().all()
    prompts = pd.read_parquet(tmp_path / "run" / "prompts.parquet")
    assert sorted(prompts["text"]) == [f"prompt {number}" for number in range(4)]
    assert len(datasets.load_dataset(str(tmp_path / "run"), "images", split="train", cache_dir=str(tmp_path))) == 11


# --- what columns mean


def test_every_column_of_every_table_of_a_run_is_described(run: Path) -> None:
    tables = listed(RunFolder(run))
    assert [each.name for each in tables] == [
        "prompts",
        "scores",
        "seeds",
        "measures",
        "clip_score",
        "images",
        "layout",
    ]
    assert all(each.row and each.rows for each in tables)
    assert [(each.name, item.name) for each in tables for item in each.columns if not item.description] == []
    clip = next(item for each in tables if each.name == "scores" for item in each.columns if item.name == "clip_score")
    assert (clip.type, clip.unit, clip.better) == ("float", "cosine", "higher")


@pytest.mark.parametrize("name", ["fid_inception", "style_vgg19"])
def test_columns_of_features_with_large_weights_are_described(name: str) -> None:
    """Those of all others: test_independence.py."""
    assert all(about(item) is not None for item in feature(name).columns())


def test_columns_of_all_other_tables_are_described() -> None:
    tasks = (IMAGE_SCHEMA, INPAINT_SCHEMA, SWAP_SCHEMA, NEGATIVES_SCHEMA, PARTICLE_SCHEMA, STRENGTH_SCHEMA)
    for schema in (*tasks, MEASURES, DISTANCES, RACE, lists.SCHEMA):
        assert [item.name for item in schema if about(item) is None] == []


def test_the_command_lists_tables_and_columns(run: Path) -> None:
    told = command("tables", run, "--only", "scores").stdout
    assert "scores.parquet  48 rows" in told and "cosine" in told and "higher" in told and "prompts.parquet" not in told
    found = json.loads(command("tables", run, "--json").stdout)
    assert [each["rows"] for each in found if each["name"] in ("prompts", "scores")] == [8, 48]
    assert "columns; --only seeds lists them" in command("tables", run).stdout
    assert "the run has prompts, scores" in command("tables", run, "--only", "nothing").stderr
    assert "is not a run folder" in command("tables", run / "editions").stderr


# --- the card


def test_the_card_makes_a_data_set_of_the_run(run: Path, tmp_path: Path) -> None:
    head = yaml.safe_load((run / "README.md").read_text().split("---\n")[1])
    names = [config["config_name"] for config in head["configs"]]
    assert names == ["prompts", "scores", "seeds", "measures", "clip_score", "images", "layout"]
    for name in names:
        rows = datasets.load_dataset(str(run), name, split="train", cache_dir=str(tmp_path))
        assert len(rows) == {"prompts": 8, "seeds": 6, "measures": 4}.get(name, 48)
    assert len(datasets.load_dataset(str(run), split="train", cache_dir=str(tmp_path))) == 48
    assert rows.features.keys() >= {"x", "y", "size"}


def test_a_card_that_a_person_wrote_stays(tmp_path: Path) -> None:
    study = publish_run(tmp_path, made_up(2, 2))
    with opened(study, tmp_path / "run") as run:
        card = run.folder.path / "README.md"
        write_dataset(run)
        assert MARK in card.read_text()
        card.write_text("my notes")
        written = write_dataset(run)
    assert card.read_text() == "my notes" and card not in written


def test_a_slice_writes_none_of_it(tmp_path: Path) -> None:
    study = publish_run(tmp_path, made_up(4, 4))
    done = command("generate", study, "--out", tmp_path / "run", "--executor", "inline", "--slice", "1/2")
    assert done.returncode == 0 and not (tmp_path / "run" / "scores.parquet").exists()
    assert "receipts" in os.listdir(tmp_path / "run")  # noqa: PTH208
