"""The library as it is used: the notebook, the service of the docs, and golden lists where the extra `run` is not installed."""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import tiny_loras
import torch
import waiting
from diffusers import AutoencoderKL, DDIMScheduler
from fastapi.testclient import TestClient
from nbclient import NotebookClient
from packaging.requirements import Requirement
from PIL import Image
from repository import ROOT, SPROUT

from seedscope import GoldenMismatch, GoldenSeeds, open_run
from seedscope.pipeline.run_extra import INSTALL, LIBRARIES

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"
SERVICE = ROOT / "docs" / "how-to" / "service.py"
TURBO = SPROUT / "sprout-turbo"
LARGEST = 150_000


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """The notebook, executed, and the run that it made."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, 4)
    NotebookClient(notebook, kernel_name="python3", timeout=1800, resources={"metadata": {"path": folder}}).execute()
    return notebook, folder / "runs" / "notebook"


@pytest.fixture
def run(executed: tuple[Any, Path]) -> Path:
    return executed[1]


def kinds(cell: Any) -> list[list[str]]:
    """Of what a cell shows, in which forms; a PIL image is shown as PNG and JPEG, of which the notebook keeps one."""
    shown = [output.data for output in cell.get("outputs", ()) if "data" in output]
    return [sorted({*data} - {"image/jpeg"}) for data in shown]


def printed(cell: Any) -> str:
    return "".join(output.text for output in cell.get("outputs", ()) if output.get("name") == "stdout")


def test_the_notebook_runs_and_shows_what_it_is_kept_with(executed: tuple[Any, Path]) -> None:
    again, kept = executed[0], nbformat.read(NOTEBOOK, 4)
    assert [kinds(cell) for cell in again.cells] == [kinds(cell) for cell in kept.cells]
    assert [["image/png", "text/plain"]] in [kinds(cell) for cell in again.cells]
    shown = [
        output.data["text/plain"] for cell in again.cells for output in cell.get("outputs", ()) if "data" in output
    ]
    assert "True" in shown  # the canary lives
    assert "differs by" in printed(again.cells[-2]) and "differs by" in printed(kept.cells[-2])


def test_the_notebook_is_small_and_tells_of_no_machine() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text) < LARGEST
    assert "site-packages" not in text and "Traceback" not in text and '": "/' not in text


@pytest.fixture
def serve(run: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Import the service, as uvicorn does, with settings of its own."""

    def imported(model: Path = TURBO, every: float = 3600.0) -> Any:
        monkeypatch.setenv("GOLDEN", str(run / "golden.json"))
        monkeypatch.setenv("MODEL", str(model))
        monkeypatch.setenv("EVERY", str(every))
        spec = importlib.util.spec_from_file_location("service", SERVICE)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        started.append(module)
        return module

    started: list[Any] = []
    yield imported
    for module in started:
        module.wrong.append("the test is over")  # by which its timer ends


def test_the_service_draws_with_golden_seeds_in_turn(serve: Callable[..., Any], run: Path) -> None:
    service = serve()
    client, golden = TestClient(service.app), GoldenSeeds.load(run / "golden.json").seeds
    assert client.get("/health").json() == {"golden": golden}
    answers = [client.get("/picture", params={"prompt": "a cat"}) for _ in range(len(golden) + 1)]
    assert [int(answer.headers["seed"]) for answer in answers] == [*golden, golden[0]]
    drawn = np.asarray(Image.open(io.BytesIO(answers[0].content)), int)
    assert np.abs(drawn - np.asarray(open_run(run).picture(golden[0], "a cat"), int)).mean() < 1


def perturb_unet(pipe: Any, _: Path) -> None:
    with torch.no_grad():
        pipe.unet.conv_out.weight.mul_(1.05)


def fuse_lora(pipe: Any, folder: Path) -> None:
    file = tiny_loras.lora(TURBO, folder / "style.safetensors")
    pipe.load_lora_weights(str(file.parent), weight_name=file.name)
    pipe.fuse_lora()
    pipe.unload_lora_weights()


def change_vae(pipe: Any, _: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pipe.vae = AutoencoderKL.from_config(pipe.vae.config).eval()


def change_scheduler(pipe: Any, _: Path) -> None:
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)


@pytest.mark.parametrize(
    ("change", "named", "by_pictures"),
    [
        (perturb_unet, "unet", True),
        (fuse_lora, "unet", True),
        (change_vae, "vae", True),
        (change_scheduler, "scheduler", False),  # a step that adds no noise may draw the same
    ],
)
def test_the_service_notices_a_model_that_changed(
    serve: Callable[..., Any],
    tmp_path: Path,
    change: Callable[[Any, Path], None],
    named: str,
    by_pictures: bool,
) -> None:
    service = serve(every=0.05)
    client = TestClient(service.app)
    assert client.get("/health").status_code == 200
    with service.one_at_a_time:
        change(service.pipe, tmp_path)
    waiting.until(lambda: client.get("/health").status_code == 503, "the timer has looked at the model")
    assert named in client.get("/health").json()["detail"]
    assert client.get("/picture", params={"prompt": "a cat"}).status_code == 503
    if by_pictures:
        with pytest.raises(GoldenMismatch, match="differs by"):
            service.golden.canary(service.pipe)


def test_the_service_does_not_start_with_another_model(serve: Callable[..., Any]) -> None:
    with pytest.raises(GoldenMismatch):
        serve(model=SPROUT / "sprout")


USE = """
import sys
from diffusers import DiffusionPipeline
from seedscope import GoldenSeeds

golden = GoldenSeeds.load({list!r})
pipe = DiffusionPipeline.from_pretrained({model!r})
golden.check(pipe, **golden.call_kwargs(pipe))
assert golden.canary(pipe) < 1
assert len(golden.draw(pipe, "a cat")) == len(golden.latents(pipe)) == len(golden.generators()) == 3
golden.save("again.json")
try:
    from seedscope import open_run
except ImportError as error:
    print(error)
"""
MISSING = f"The library pyarrow is missing: runs need more than golden lists do. Run `{INSTALL}`."


def without_the_extra(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, ROOT / "tests" / "support" / "without_run_extra.py", *arguments]
    return subprocess.run([str(part) for part in line], cwd=folder, capture_output=True, text=True)


def test_golden_lists_are_used_without_the_extra(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "use.py"
    file.write_text(USE.format(list=str(run / "golden.json"), model=str(TURBO)))
    done = without_the_extra(tmp_path, file)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{MISSING}\n"
    assert (tmp_path / "again.json").read_bytes() == (run / "golden.json").read_bytes()


def test_a_command_says_that_it_needs_the_extra(tmp_path: Path) -> None:
    done = without_the_extra(tmp_path, "seedscope", "status", "runs/demo")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"seedscope: {MISSING}\n"


def test_the_extra_is_what_is_told_of_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = {Requirement(line).name for line in project["optional-dependencies"]["run"]}
    assert extra == set(LIBRARIES.values())
    assert not extra & {Requirement(line).name for line in project["dependencies"]}
    assert "'.[run]'" in (ROOT / "Makefile").read_text(encoding="utf-8")
