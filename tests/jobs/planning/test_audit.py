"""An audit draws a run's pictures again in their own batches, and tells each that is another here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import command, process
from tiny_golden import golden_for

from seedscope.analysis.run.opened import held, run_of
from seedscope.analysis.run.run import DrawnRun
from seedscope.jobs.planning.redraw import audit, sample
from seedscope.pipeline.drawing.generate import Generate
from seedscope.pipeline.drawing.noise import NoiseContract
from seedscope.pipeline.images import decode, encode
from seedscope.pipeline.models.load import load
from seedscope.pipeline.running.machine import driver, machine
from seedscope.pipeline.running.stage import make

Write = Callable[..., Path]
Opened = Callable[[], DrawnRun]


@pytest.fixture
def study(write_study: Write) -> Path:
    """Two units of 2 prompts x 2 seeds, in batches of 3 and 1."""
    return write_study(
        model="sprout-turbo",
        sampling={"steps": 1, "guidance": {"scale": 0}},
        prompts=["a red apple", "a cat"],
        compute={"batch_size": 3, "device": "cpu"},
    )


@pytest.fixture
def ran(study: Path, tmp_path: Path) -> Opened:
    """Draws the study's pictures on one thread; gives the run, opened anew."""

    def opened() -> DrawnRun:
        job = run_of(study, tmp_path / "out")
        assert isinstance(job, DrawnRun)
        return job

    with held(opened()) as run:
        assert isinstance(run, DrawnRun)
        stage = Generate(run.study, run.located, run.images, run.task).open()
        for unit in run.units:
            make(stage, unit)
    return opened


def told(study: Path, tmp_path: Path, *more: str) -> str:
    done = command("audit", study, "--out", tmp_path / "out", *more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def made_again(job: DrawnRun, unit: int, made: dict[str, Any], change: Callable[[Any], None] | None = None) -> None:
    """Publish a unit once more, its first picture changed, with other words in its receipt."""
    item = job.units[unit]
    receipt, rows = job.images.receipt(item.name), job.images.read(item.name)
    records = rows.to_pylist()
    if change is not None:
        pixels = decode(records[0]["image"]["bytes"]).copy()
        change(pixels)
        records[0]["image"]["bytes"] = encode(pixels)
    job.images.revoke(item.name)
    job.images.publish(item, type(rows).from_pylist(records, schema=rows.schema), receipt.made | made)


def test_the_same_machine_draws_the_same(study: Path, ran: Opened, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    text = told(study, tmp_path)
    assert "8 cells drawn again, in 4 batches of 2 units as they were: all are the same, bit for bit." in text
    assert "Nothing that its receipts tell is another here." in text
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


def test_whole_batches_of_every_unit_by_turns(ran: Opened) -> None:
    job = ran()
    few, all_of_it = sample(job, 2), sample(job, 99)
    assert len({batch.unit.name for batch in all_of_it[:2]}) == 2 and all_of_it[: len(few)] == few
    assert sorted(batch.size for batch in all_of_it) == [1, 1, 3, 3]
    cells = [(prompt.id, seed) for batch in all_of_it for prompt, seed in batch.cells]
    assert len(set(cells)) == len(cells) == 8


def test_one_value_of_one_pixel_is_found(study: Path, ran: Opened, tmp_path: Path) -> None:
    def brighter(pixels: Any) -> None:
        pixels[5, 7, 1] = pixels[5, 7, 1] - 10 if pixels[5, 7, 1] > 128 else pixels[5, 7, 1] + 10

    made_again(ran(), 0, {}, brighter)
    (other,) = [picture for picture in audit(ran(), 8).pictures if not picture.same]
    values = 64 * 64 * 3
    assert (other.largest, other.seed) == (10, 0) and other.mean == pytest.approx(10 / values)
    assert other.psnr == pytest.approx(10 * np.log10(255**2 / (100 / values)))
    assert other.ssim is not None and 0.9 < other.ssim < 1
    text = told(study, tmp_path)
    assert "7 are the same, bit for bit, and 1 differ. Of 255, their values differ by 10 at most" in text
    assert "initial latents are the same, bit for bit: the difference arises in the network" in text
    listed = json.loads(told(study, tmp_path, "--json"))
    assert (listed["cells"], listed["same"], listed["contract"]) == (8, 7, None)
    (named,) = [batch for batch in listed["batches"] if not all(picture["same"] for picture in batch["pictures"])]
    assert named["unit"] == ran().units[0].name and named["latents"] is True


def test_other_noise_and_another_machine_are_told(study: Path, ran: Opened, tmp_path: Path) -> None:
    def white(pixels: Any) -> None:
        pixels[:] = 255

    made_again(ran(), 1, {"latents": "0" * 64, "torch": "1.13.0", "host": "elsewhere", "gpu": "NVIDIA A10"}, white)
    text = told(study, tmp_path)
    assert "Their initial latents differ here too, bit for bit: the difference begins with the noise." in text
    assert "Drawn on host elsewhere, gpu NVIDIA A10" in text and "batches of 3: 3 of 4 the same." in text
    assert f"torch 1.13.0 is {machine()['torch']}" in text and "gpu NVIDIA A10 is None" in text


@pytest.mark.skipif(machine()["cpu_capability"] == "DEFAULT", reason="torch uses no vector instructions here")
def test_a_processor_without_vector_instructions(
    study: Path, ran: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    done = process("audit", study, "--out", tmp_path / "out", "--json")
    found = json.loads(done.stdout)
    here = {tuple(batch["differs"]["cpu_capability"]) for batch in found["batches"]}
    assert done.returncode == 0 and here == {(machine()["cpu_capability"], "DEFAULT")}
    assert not any(batch["latents"] for batch in found["batches"])
    assert all(
        picture["same"] or picture["largest"] <= 2 for batch in found["batches"] for picture in batch["pictures"]
    )


def test_the_noise_contract_of_a_finished_run(ran: Opened) -> None:
    job = ran()
    model = load(job.located, None, job.study.sampling, job.study.compute)
    contract = NoiseContract.of([5], (4, 8, 8))
    golden = golden_for(model.pipe).model_copy(update={"noise": contract})
    golden.save(job.folder.path / "golden.json")
    assert audit(job, 1).contract == []
    other = contract.model_copy(update={"probes": {4: contract.probes[5]}})
    golden.model_copy(update={"noise": other}).save(job.folder.path / "golden.json")
    (reason,) = audit(job, 1).contract or []
    assert reason.startswith("The noise of seed 4 is other noise")


def test_a_cell_that_failed_there_alone_differs(ran: Opened, study: Path, tmp_path: Path) -> None:
    job = ran()
    item, rows = job.units[0], job.images.read(job.units[0].name)
    made = job.images.receipt(item.name).made
    records = [row | {"image": None, "status": "failed", "error": "cosmic ray"} for row in rows.to_pylist()]
    job.images.revoke(item.name)
    job.images.publish(item, type(rows).from_pylist(records, schema=rows.schema), made)
    assert "4 differ. 4 failed on one of the two machines only." in told(study, tmp_path)


def test_what_cannot_be_audited(study: Path, ran: Opened, tmp_path: Path, write_study: Write) -> None:
    empty = command("audit", study, "--out", tmp_path / "empty")
    assert empty.returncode == 2 and "has no pictures yet" in empty.stderr and not (tmp_path / "empty").exists()
    other = write_study("other.yaml", prompts=["a red apple", "a cat"], sampling={"steps": 1, "guidance": {"scale": 0}})
    refused = command("audit", other, "--out", tmp_path / "out")
    assert refused.returncode == 2 and "was made by another study (compute.batch_size" not in refused.stderr
    assert "model.weights" in refused.stderr
    for unit in (0, 1):
        made_again(ran(), unit, {"batches": None})
    unknown = command("audit", study, "--out", tmp_path / "out")
    assert unknown.returncode == 2 and "do not say how the pictures fell into batches" in unknown.stderr


def test_receipts_tell_the_machine(ran: Opened) -> None:
    job = ran()
    made = job.images.receipt(job.units[0].name).made
    assert {name: made[name] for name in machine()} == machine()
    assert made["cpu_capability"] and made["cpu"] and made["threads"] == 1 and made["batches"] == [3, 1]


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023", "535.129.03"),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build  (x)  Jan 2025",
            "570.86.15",
        ),
        ("GCC version:  gcc version 12.3.0", None),
    ],
)
def test_the_version_of_the_driver(tmp_path: Path, told: str, version: str | None) -> None:
    file = tmp_path / "version"
    file.write_text(f"{told}\nGCC version: 12.3.0 \n", encoding="utf-8")
    assert driver(file) == version and driver(tmp_path / "none") is None
