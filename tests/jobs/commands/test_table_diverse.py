"""`seedscope table diverse` on the bundled models, with two steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from finished_runs import command, made
from PIL import Image
from typer.testing import CliRunner

from seedscope.jobs.cli import app

OBJECTS = ["cat", "car", "rose", "bus", "fish", "house", "key", "cow"]
STUDY: dict[str, Any] = {
    "name": "d",
    "model": "sprout",
    "sampling": {"steps": 2, "guidance": {"scale": 1}},
    "prompts": [{"grid": {"objects": OBJECTS}}],
    "seeds": "0-7",
    "unit": {"prompts": 8, "seeds": 8},
    "features": ["style_efficientnet_lite0", {"clip_score": {"model": "sprout-clip"}}],
    "ranking": {"by": "clip_score"},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("table"), STUDY)


def asked(file: Path, *more: object) -> list[object]:
    where = ["--executor", "inline", "--threads", "1"]
    return ["table", "diverse", file, "--out", file.parent / "run", "--sets", "1", *where, *more]


def test_a_front_is_drawn_and_kept_and_nothing_is_drawn_twice(study: Path) -> None:
    said = command(*asked(study, "--kernel", "latent", "--strengths", "0,0.5", "--json"))
    told = json.loads(said.splitlines()[-1])
    folder = study.parent / "run" / "experiments"
    table = pq.read_table(folder / "table-diverse.parquet").to_pylist()
    of = {(row["way"], row["setting"], row["value"]): row for row in table}
    still = of["Particle Guidance, latents", "strength 0", "similarity"]
    pushed = of["Particle Guidance, latents", "strength 0.5", "similarity"]
    # The same seeds in other batches: the last bits differ.
    assert abs(still["difference"]) < 0.02 < abs(pushed["difference"]) and pushed["c"] > 0
    assert of["4 of 8", "weight 0", "clip_score"]["difference"] > 0 and ("4 of 16", "weight 0", "similarity") not in of
    assert any("the run has 8 seeds" in sentence for sentence in told["sentences"])
    assert Image.open(folder / "table-diverse.png").width > 1000
    again = command(*asked(study, "--kernel", "latent", "--strengths", "0,0.5"))
    assert again.count("images: 1 units, 0 made now") == 2 and "diverse seeds" in again


def refused(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code != 0
    return str(done.exception)


def test_what_cannot_be_done_is_said_in_a_sentence(study: Path) -> None:
    assert "--strengths x: name numbers" in refused(*asked(study, "--strengths", "x"))
    assert "--quality nothing: is no measurement" in refused(*asked(study, "--quality", "nothing"))
    assert "--by clip_score: gives no vector" in refused(*asked(study, "--by", "clip_score"))
    assert "chose no seed; intervals need 3 groups" in refused(*asked(study, "--prompts", "2"))


def test_a_model_of_one_step_has_all_ways_but_the_push_and_the_distance_to_real_pictures(tmp_path: Path) -> None:
    real, rng = tmp_path / "real", np.random.default_rng(0)
    real.mkdir()
    for number in range(12):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        coarse.resize((64, 64)).save(real / f"{number}.png")
    one_step = STUDY | {
        "model": "sprout-turbo",
        "sampling": {"steps": 1, "guidance": {"scale": 0}},
        "seeds": "0-4",
        "features": [*STUDY["features"], "fd_efficientnet_lite0"],
        "reference": str(real),
    }
    said = command(*asked(made(tmp_path, one_step)))
    assert "Particle Guidance is left out: " in said and "drawn in one step has no way" in " ".join(said.split())
    table = pq.read_table(tmp_path / "run" / "experiments" / "table-diverse.parquet").to_pylist()
    assert {row["way"] for row in table} == {"random seeds", "diverse seeds"}
    assert {row["value"] for row in table} == {"similarity", "vendi", "clip_score", "fd_efficientnet_lite0_witness"}
    assert all(row["mean"] > 0 for row in table if row["value"] == "fd_efficientnet_lite0_witness")
