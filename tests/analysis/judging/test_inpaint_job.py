"""A study that inpaints, from pictures and masks to a rate of text for each seed and task."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from seedscope.jobs.cli import app


def command(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, f"{done.output}\n{done.exception}"
    return done.output


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A study that blends with sprout, whose seeds scribble: (study file, run folder, what was printed)."""
    folder = tmp_path_factory.mktemp("inpaint")
    content = {
        "name": "holes",
        "model": "sprout",
        "sampling": {"scheduler": "ddim", "steps": 4, "guidance": {"scale": 2.0}},
        "compute": {"device": "cpu"},
        "inpaint": {"pictures": "sprout", "limit": 3},
        "seeds": "0-3",
        "features": ["text", "looks"],
        "ranking": {"by": "text", "golden": 2, "shuffles": 20},
    }
    study = folder / "study.yaml"
    study.write_text(yaml.safe_dump(content))
    return (
        study,
        folder / "run",
        command("run", study, "--out", folder / "run", "--executor", "inline", "--threads", "1"),
    )


def test_it_ends_in_a_rate_for_each_seed_and_task(run: tuple[Path, Path, str]) -> None:
    rows = pq.read_table(run[1] / "text_rates.parquet").to_pylist()
    assert {(row["task"], row["seed"]) for row in rows} == {(t, s) for t in ("removal", "completion") for s in range(4)}
    for row in rows:
        assert row["n"] == 3 and 0 <= row["rate_lo"] <= row["rate"] <= row["rate_hi"] <= 1
        assert 0 <= row["before_lo"] <= row["before"] <= row["before_hi"] <= 1
    # The rates are those of the shards.
    cells = [row for path in run[1].glob("text-*/*.parquet") for row in pq.read_table(path).to_pylist()]
    pictures = [row for path in run[1].glob("images-*/*.parquet") for row in pq.read_table(path).to_pylist()]
    task = {row["prompt_id"]: row["task"] for row in pictures}
    for row in rows:
        mine = [
            cell["text"] for cell in cells if cell["seed"] == row["seed"] and task[cell["prompt_id"]] == row["task"]
        ]
        assert row["rate"] == pytest.approx(sum(mine) / 3)


def test_the_pictures_before_are_measured_once_each(run: tuple[Path, Path, str]) -> None:
    before = [row for path in run[1].glob("before-text-*/*.parquet") for row in pq.read_table(path).to_pylist()]
    assert len(before) == 6 and {row["seed"] for row in before} == {0}
    assert not list(run[1].glob("before-looks-*")) and not list(run[1].glob("reference-*"))


def test_it_ranks_by_text_and_shows_the_sheet(run: tuple[Path, Path, str]) -> None:
    study, out, told = run
    seeds = pq.read_table(out / "seeds.parquet")
    rates = seeds["text"].to_pylist()
    assert rates == sorted(rates) and seeds.schema.metadata[b"seedscope"]
    assert "by text, lower is better" in told and "features before" in told and "looks_brightness" in told
    assert (out / "contact_sheet.png").stat().st_size > 10_000 and (out / "golden.json").exists()
    assert "features before" in command("status", study, "--out", out)
    assert "All shards are whole" in command("verify", study, "--out", out, "--deep")


def test_adding_a_picture_keeps_what_is_there(run: tuple[Path, Path, str], tmp_path: Path) -> None:
    study, out, _ = run
    before = {path: path.read_bytes() for path in out.glob("images-*/*.parquet")}
    more = tmp_path / "more.yaml"
    content = yaml.safe_load(study.read_text())
    more.write_text(yaml.safe_dump(content | {"inpaint": {"pictures": "sprout", "limit": 4}}))
    told = command("generate", more, "--out", out, "--executor", "inline", "--threads", "1")
    assert "2 units, 1 made now" in told
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_prompt_that_the_text_encoder_cuts_is_told(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    long = "a red apple on grass beside " + " and ".join(["a blue car"] * 40)
    content = {
        "name": "long",
        "model": "sprout-turbo",
        "sampling": {"steps": 1, "guidance": {"scale": 0}},
        "prompts": ["a cat", long],
        "seeds": "0-1",
        "features": [{"clip_score": {"model": "sprout-clip"}}],
        "ranking": {"by": "clip_score"},
    }
    study.write_text(yaml.safe_dump(content))
    told = command("generate", study, "--out", tmp_path / "run", "--executor", "inline", "--threads", "1")
    told = " ".join(told.split())
    assert "1 prompts are longer than the text encoder takes" in told
    before, _, _ = told.partition("images:")
    assert "1 of 2 prompts are longer than the text encoder takes: up to " in before
    assert "tokens at their ends will not be read. `long_prompts: chunks` under sampling" in before
