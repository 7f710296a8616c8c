"""The commands: what they make, what others can open, and how each mistake and mishap is told."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from commands import command, process, small_reference
from forks import seedscope
from typer.testing import CliRunner
from waiting import GENEROUS, until

from seedscope.analysis import GoldenSeeds
from seedscope.jobs.cli import COMMANDS, app
from seedscope.pipeline.images import decode
from seedscope.pipeline.study.file import load_study

Write = Callable[..., Path]


def contents(out: Path, stage: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob(f"{stage}-*/*.parquet")}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A small study run to its end on Ray: (study file, run folder)."""
    folder = tmp_path_factory.mktemp("ran")
    study = {
        "name": "small",
        "model": "sprout",
        "sampling": {"steps": 2, "guidance": {"scale": 2.0}},
        "compute": {"batch_size": 4, "device": "cpu"},
        "prompts": [{"grid": {"objects": ["apple", "cat", "car"], "modifiers": ["a {object}", "a red {object}"]}}],
        "seeds": "0-3",
        "unit": {"prompts": 3, "seeds": 2},
        "reference": str(small_reference(folder)),
        "ranking": {"rule": "top", "golden": 2, "shuffles": 20},
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study))
    done = process("run", path, "--out", folder / "run", "--workers", "1", "--threads", "1")
    assert done.returncode == 0, done.stderr
    assert "golden.json" in done.stdout and "p =" in done.stdout
    return path, folder / "run"


# --- what a run makes


def test_a_run_ends_in_shards_a_ranking_a_golden_list_and_a_sheet(ran: tuple[Path, Path]) -> None:
    _, out = ran
    rows = [row for path in sorted(out.glob("images-*/*.parquet")) for row in pq.read_table(path).to_pylist()]
    assert len(rows) == 24 and {row["status"] for row in rows} == {"ok"}
    assert {"prompt_id", "prompt", "seed", "image", "status", "error"} <= set(rows[0])
    assert decode(rows[0]["image"]["bytes"]).shape == (64, 64, 3)
    seeds = pq.read_table(out / "seeds.parquet")
    assert sorted(seeds["seed"].to_pylist()) == [0, 1, 2, 3]
    assert seeds["rank"].to_pylist() == [1, 2, 3, 4]
    distances = seeds["fd_efficientnet_lite0"].to_pylist()
    assert distances == sorted(distances)
    golden = GoldenSeeds.load(out / "golden.json")
    assert golden.seeds == seeds["seed"].to_pylist()[:2]
    assert golden.latents().shape == (2, 16, 8, 8)
    assert (out / "contact_sheet.png").stat().st_size > 10_000


def test_the_golden_list_holds_for_the_stock_pipeline(ran: tuple[Path, Path]) -> None:
    import torch
    from diffusers import StableDiffusionPipeline

    from seedscope.analysis import GoldenMismatch
    from seedscope.pipeline.models.locate import bundled

    golden = GoldenSeeds.load(ran[1] / "golden.json")
    pipe = StableDiffusionPipeline.from_pretrained(bundled()["sprout"], dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    golden.check(pipe, steps=2, guidance_scale=2.0)
    with pytest.raises(GoldenMismatch, match="number of steps is 9"):
        golden.check(pipe, steps=9)
    # The stock pipeline, given the list's latents, draws the pictures of the study.
    rows = [row for path in ran[1].glob("images-*/*.parquet") for row in pq.read_table(path).to_pylist()]
    wanted = {row["seed"]: decode(row["image"]["bytes"]) for row in rows if row["prompt"] == "a red cat"}
    drawn = pipe(["a red cat"] * 2, latents=golden.latents(), num_inference_steps=2, guidance_scale=2.0).images
    for seed, picture in zip(golden.seeds, drawn, strict=True):
        assert np.abs(np.asarray(picture).astype(int) - wanted[seed]).max() <= 1


def test_running_again_makes_nothing_anew(ran: tuple[Path, Path]) -> None:
    study, out = ran
    before = {path: path.stat().st_mtime_ns for path in out.glob("*-*/*.parquet")}
    done = command("run", study, "--out", out, "--executor", "inline", "--threads", "1")
    assert done.returncode == 0 and "images: 4 units, 0 made now" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in out.glob("*-*/*.parquet")} == before


@pytest.mark.parametrize("damage", ["truncated", "flipped", "removed", "receipt"])
def test_damage_is_mended_by_the_same_command(ran: tuple[Path, Path], tmp_path: Path, damage: str) -> None:
    study, whole = ran
    out = tmp_path / "run"
    subprocess.run(["cp", "-r", whole, out], check=True)
    shard = sorted(out.glob("images-*/*.parquet"))[1]
    content = shard.read_bytes()
    if damage == "truncated":
        shard.write_bytes(content[:-50])
    elif damage == "flipped":
        shard.write_bytes(content[:1000] + bytes([content[1000] ^ 4]) + content[1001:])
    elif damage == "removed":
        shard.unlink()
    else:
        (out / "receipts" / shard.parent.name / f"{shard.stem}.json").write_text("")
    done = command("generate", study, "--out", out, "--executor", "inline", "--threads", "1")
    assert done.returncode == 0 and "1 made now" in done.stdout and "made again:" in done.stderr
    assert contents(out, "images") == contents(whole, "images")


def test_measurements_of_pictures_that_changed_are_made_again(ran: tuple[Path, Path], tmp_path: Path) -> None:
    study, whole = ran
    out = tmp_path / "run"
    subprocess.run(["cp", "-r", whole, out], check=True)
    receipt = sorted(out.glob("receipts/images-*/*.json"))[0]
    receipt_of_measurements = next(out.glob(f"receipts/fd_*/{receipt.name}"))
    changed = json.loads(receipt_of_measurements.read_text())
    changed["made"] = {"source": "0" * 64}  # without checksum, as of a receipt that was written so
    receipt_of_measurements.write_text(json.dumps(changed))
    done = command("features", study, "--out", out, "--executor", "inline", "--threads", "1")
    assert done.returncode == 0 and "its pictures have changed" in done.stderr
    assert (
        json.loads(receipt_of_measurements.read_text())["made"]["source"] == json.loads(receipt.read_text())["sha256"]
    )


def test_verify_names_the_damage_and_the_next_run_mends_it(ran: tuple[Path, Path], tmp_path: Path) -> None:
    study, whole = ran
    out = tmp_path / "run"
    subprocess.run(["cp", "-r", whole, out], check=True)
    assert command("verify", study, "--out", out, "--deep").returncode == 0
    shard = sorted(out.glob("images-*/*.parquet"))[0]
    content = shard.read_bytes()
    shard.write_bytes(content[:1000] + bytes([content[1000] ^ 4]) + content[1001:])
    assert command("verify", study, "--out", out).returncode == 0
    done = command("verify", study, "--out", out, "--deep")
    assert done.returncode == 2 and shard.name in done.stdout and "taken back" in done.stderr
    status = json.loads(command("status", study, "--out", out, "--json").stdout)["tables"]
    assert (status[0]["units_done"], status[0]["units"]) == (3, 4)
    assert command("run", study, "--out", out, "--executor", "inline", "--threads", "1").returncode == 0
    assert contents(out, "images") == contents(whole, "images")


def test_a_run_grows_by_prompts_and_seeds_and_keeps_what_is_there(ran: tuple[Path, Path], tmp_path: Path) -> None:
    study, whole = ran
    out = tmp_path / "run"
    subprocess.run(["cp", "-r", whole, out], check=True)
    more = yaml.safe_load(study.read_text())
    more["prompts"].append("a blue duck")
    more["seeds"] = "0-4"
    grown = tmp_path / "grown.yaml"
    grown.write_text(yaml.safe_dump(more))
    done = command("run", grown, "--out", out, "--executor", "inline", "--threads", "1")
    assert done.returncode == 0, done.stderr
    old, new = contents(whole, "images"), contents(out, "images")
    assert {name: new[name] for name in old} == old
    cells = [
        (row["prompt"], row["seed"])
        for path in out.glob("images-*/*.parquet")
        for row in pq.read_table(path).to_pylist()
    ]
    assert len(cells) == len(set(cells)) == 35
    assert pq.read_table(out / "seeds.parquet")["n"].to_pylist() == [7] * 5
    assert command("run", study, "--out", out, "--executor", "inline").returncode == 2


def test_each_step_alone_gives_the_same(ran: tuple[Path, Path], tmp_path: Path) -> None:
    study, whole = ran
    out = tmp_path / "run"
    plan = json.loads(command("plan", study, "--out", out, "--json").stdout)["size"]
    assert (plan["images"], plan["units"], plan["units_done"]) == (24, 4, 0) and not out.exists()
    inline = ("--out", out, "--executor", "inline", "--threads", "1")
    assert "have no pictures yet" in command("seeds", study, "--out", out).stderr
    assert "1 made now" in command("generate", study, *inline, "--limit", "1").stdout
    assert "3 made now" in command("generate", study, *inline).stdout
    assert "have no measurements of fd_efficientnet_lite0 yet" in command("seeds", study, "--out", out).stderr
    assert command("features", study, *inline, "--only", "fd_efficientnet_lite0").returncode == 0
    assert command("seeds", study, "--out", out).returncode == 0
    assert command("export", study, "--out", out).returncode == 0
    assert contents(out, "images") == contents(whole, "images")
    one, other = (pq.read_table(folder / "seeds.parquet").sort_by("seed") for folder in (out, whole))
    for name in one.column_names:  # up to the rounding of BLAS on other numbers of threads
        np.testing.assert_allclose(one[name].to_numpy(), other[name].to_numpy(), rtol=1e-6, err_msg=name)
    assert GoldenSeeds.load(out / "golden.json").seeds == GoldenSeeds.load(whole / "golden.json").seeds
    assert (out / "contact_sheet.png").exists()


# --- what others open


def test_others_open_the_image_shards(ran: tuple[Path, Path], tmp_path: Path) -> None:
    import datasets
    import duckdb
    import pandas
    import polars

    pattern = str(ran[1] / "images-*" / "*.parquet")
    files = sorted(map(str, ran[1].glob("images-*/*.parquet")))
    shown = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path))
    assert isinstance(shown.features["image"], datasets.Image) and len(shown) == 24
    assert shown[0]["image"].size == (64, 64)
    counted = duckdb.sql(
        f"select seed, count(*), min(octet_length(image.bytes)) from '{pattern}' group by seed"
    ).fetchall()
    assert (
        sorted(row[:2] for row in counted) == [(0, 6), (1, 6), (2, 6), (3, 6)] and min(row[2] for row in counted) > 100
    )
    frame = pandas.concat(map(pandas.read_parquet, files))
    assert len(frame) == 24 and decode(frame["image"].iloc[0]["bytes"]).shape == (64, 64, 3)
    table = polars.read_parquet(pattern)
    assert table.height == 24 and decode(table["image"][0]["bytes"]).shape == (64, 64, 3)


def test_the_tables_of_a_run_open_and_say_what_they_are(ran: tuple[Path, Path]) -> None:
    import pandas

    out = ran[1]
    scores, measures = pandas.read_parquet(out / "scores.parquet"), pandas.read_parquet(out / "measures.parquet")
    assert len(scores) == 24 and scores[[*measures["measure"]]].notna().all(axis=None)
    assert "fd_efficientnet_lite0_witness" in scores.columns and len(pandas.read_parquet(out / "prompts.parquet")) == 6
    for table in json.loads(command("tables", out, "--json").stdout):
        assert table["row"] and [item["name"] for item in table["columns"] if not item["description"]] == []
        rows = len(pandas.read_parquet(out / table["files"].removesuffix("/*.parquet")))
        assert rows == table["rows"] and f"config_name: {table['name']}\n" in (out / "README.md").read_text()


def test_shards_are_written_as_designed(ran: tuple[Path, Path]) -> None:
    path = next(ran[1].glob("images-*/*.parquet"))
    group = pq.read_metadata(path).row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    picture = columns["image.bytes"]
    assert picture.compression == "UNCOMPRESSED" and not picture.has_dictionary_page
    assert picture.has_offset_index and columns["seed"].has_column_index
    rows = [(row["seed"], row["prompt_id"]) for row in pq.read_table(path).to_pylist()]
    assert [seed for seed, _ in rows] == sorted(seed for seed, _ in rows)


# --- bad input and bad luck


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": "sprowt"}, "there is no model 'sprowt'. Bundled are"),
        ({"model": "nobody/nothing"}, "the hub cannot be reached"),
        ({"sampling": {"height": 60}}, "sampling.height: sprout makes sides that are multiples of 8, not 60"),
        ({"prompts": ["a cat", "a cat"]}, "'a cat' stands twice"),
        ({"prompts": [{"file": "none.txt"}]}, "there is no such prompt file"),
        ({"features": ["fd_eficientnet"], "ranking": {"by": "fd_eficientnet"}}, "did you mean 'fd_efficientnet_lite0'"),
        ({"reference": "nowhere"}, "reference: there is no 'nowhere'"),
        ({"sampling": {"stepz": 2}}, "sampling.stepz: unknown key; did you mean 'steps'?"),
        ({"compute": {"device": "cuda"}}, "compute.device: is cuda, but torch sees no CUDA device"),
    ],
)
def test_each_mistake_is_one_sentence(
    write_study: Write, tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    import torch

    if changes == {"compute": {"device": "cuda"}} and torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    done = command("run", write_study(**changes), "--out", tmp_path / "run", "--executor", "inline")
    assert done.returncode == 2
    assert sentence in " ".join(done.stderr.split())
    assert not list((tmp_path / "run").glob("*-*/*.parquet"))


def test_a_changed_study_on_an_old_run(ran: tuple[Path, Path], tmp_path: Path) -> None:
    study, out = ran
    other = tmp_path / "other.yaml"
    other.write_text(study.read_text().replace("steps: 2", "steps: 3"))
    done = command("run", other, "--out", out)
    assert done.returncode == 2
    assert "was made by another study (sampling.steps was 2 and is now 3)" in done.stderr and "--out" in done.stderr


def test_an_output_that_cannot_be_a_folder(write_study: Write, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = command("generate", write_study(), "--out", tmp_path / "file" / "run")
    assert done.returncode == 2 and "cannot be used as a run folder" in done.stderr


def test_a_full_output_is_told_and_the_run_goes_on_from_there(ran: tuple[Path, Path], tmp_path: Path) -> None:
    study, whole = ran
    inline = ("--out", tmp_path / "run", "--executor", "inline", "--threads", "1")
    # A limit on the size of a file makes the kernel refuse the shard, as a full disk would.
    log = tmp_path / "log"
    assert seedscope(log, "generate", study, *inline, limit=8192).wait() == 2
    told = log.read_text()
    assert "the file size limit is reached" in told and "run the same command again" in told and "Traceback" not in told
    assert not contents(tmp_path / "run", "images") and not list((tmp_path / "run").glob("images-*/.scratch/*"))
    assert command("generate", study, *inline).returncode == 0
    assert contents(tmp_path / "run", "images") == contents(whole, "images")


def with_ray(log: Path, *arguments: str | Path) -> "subprocess.Popen[bytes]":
    """Begin a command in a process of its own, as Ray is not started in a fork."""
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "seedscope", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=file,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )


@pytest.mark.parametrize(
    ("where", "number"),
    [
        (("--executor", "inline", "--threads", "1"), signal.SIGINT),
        (("--workers", "1", "--threads", "1"), signal.SIGINT),
        (("--workers", "1", "--threads", "1"), signal.SIGTERM),
    ],
    ids=["inline", "ray", "ray, by a scheduler"],
)
def test_a_stopped_run_says_how_to_go_on(
    write_study: Write, tmp_path: Path, where: tuple[str, ...], number: signal.Signals
) -> None:
    study, out, log = write_study(seeds="0-499"), tmp_path / "run", tmp_path / "log"
    generate = ("generate", study, "--out", out, *where)
    started = seedscope(log, *generate) if "inline" in where else with_ray(log, *generate)
    until(lambda: list(out.glob("receipts/images-*/*.json")), "a unit is made")
    started.send_signal(number)
    code, told = started.wait(timeout=GENEROUS), log.read_text()
    assert code == 128 + number, told
    assert "the same command goes on from there" in told and "Traceback" not in told
    assert command("verify", study, "--out", out, "--deep").returncode == 0
    standing = json.loads(command("status", study, "--out", out, "--json").stdout)["tables"][0]
    assert 0 < standing["units_done"] < standing["units"]
    done = command("generate", study, "--out", out, "--executor", "inline", "--threads", "1", "--limit", "1")
    assert done.returncode == 0 and "1 made now" in done.stdout


def test_a_stop_that_compiled_code_wraps_is_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's waiting does so now and then, depending on the moment of the signal."""
    from seedscope.jobs import cli

    def waiting() -> None:
        raise SystemError("returned a result with an exception set") from cli._Stopped(signal.SIGINT)

    monkeypatch.setattr(cli, "app", waiting)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 128 + signal.SIGINT


def test_options_that_exclude_each_other(write_study: Write) -> None:
    done = command("run", write_study(), "--executor", "inline", "--workers", "2")
    assert done.returncode == 2 and "--address and --workers are for Ray" in done.stderr


def test_a_ray_address_where_nothing_answers(write_study: Write, tmp_path: Path) -> None:
    done = process("generate", write_study(), "--out", tmp_path / "run", "--address", "127.0.0.1:9")
    assert done.returncode == 2 and "no Ray cluster answers there" in done.stderr


# --- help


def test_every_command_has_help_with_an_example() -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["--help"]).exit_code == 0
    for registered in app.registered_commands:
        name = registered.name or registered.callback.__name__  # type: ignore[union-attr]
        shown = runner.invoke(app, [name, "--help"])
        assert shown.exit_code == 0 and f"seedscope {name}" in shown.output, name


def test_models_and_schema() -> None:
    models = json.loads(command("models", "--json").stdout)
    assert "sprout" in {model["name"] for model in models}
    assert json.loads(command("schema").stdout)["title"] == "Study"


def test_help_tells_the_defaults_that_it_explains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = {
        name: CliRunner().invoke(app, [name, "--help"]).output for name in ("run", "report", "import", "map", "diverse")
    }
    assert all("  [default: runs/<" in text for text in shown.values())
    for name, told in (
        ("run", "[default: one a GPU, or one a core, wherever there are]"),
        ("run", "[default: cores / workers]"),
        ("report", "[default: report in the run folder, of two runs beside-NAME in that of the first]"),
        ("import", "[default: one that lies in FOLDER]"),
        ("map", "[default: a style feature, or else the study's first]"),
        ("diverse", "[default: layout and one of style]"),
    ):
        assert told in shown[name]


def test_names_of_tables_and_models_are_whole_on_a_narrow_terminal(
    ran: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    study, out = ran
    monkeypatch.setenv("COLUMNS", "30")
    for arguments, key in ((("status", str(study), "--out", str(out)), "table"), (("models",), "name")):
        shown, facts = (CliRunner().invoke(app, [*arguments, *more]).output for more in ([], ["--json"]))
        rows = json.loads(facts)
        names = [row[key] for row in (rows if isinstance(rows, list) else rows["tables"])]
        assert names and all(name in shown.split() for name in names)


# --- the whole of it


def test_version_and_short_help_are_there() -> None:
    told = CliRunner().invoke(app, ["--version"])
    assert told.exit_code == 0 and told.stdout.split() == ["seedscope", version("seedscope")]
    assert CliRunner().invoke(app, ["plan", "-h"]).stdout == CliRunner().invoke(app, ["plan", "--help"]).stdout


def test_help_lists_each_command_once_in_a_group() -> None:
    text = CliRunner().invoke(app, ["-h"], env={"COLUMNS": "100"}).stdout
    for word in [word for named in COMMANDS.values() for word in named]:
        assert len(re.findall(rf"^│ {word} ", text, re.MULTILINE)) == 1, word
    assert [panel for panel in COMMANDS if f"─ {panel} ─" not in text] == []
    assert "Exit codes: 0 done" in text


def test_the_demo_that_is_packed_is_the_one_of_the_repository() -> None:
    packed = files("seedscope") / "configs" / "demo.yaml"
    assert load_study(Path(str(packed))).name == "demo"


@pytest.mark.parametrize("loaded", ["seedscope", "seedscope.jobs.cli"])
def test_help_and_the_package_load_nothing_that_takes_long(loaded: str) -> None:
    """By what is loaded, as seconds are those of the machine: 0.1 s and half a second on two quiet cores."""
    heavy = ["torch", "numpy", "scipy", "pyarrow", "diffusers", "transformers", "ray", "pydantic", "PIL", "yaml"]
    code = f"import sys, {loaded}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
