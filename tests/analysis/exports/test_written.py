"""Exports as a person starts them: each tool has its folder, and what does not fit is told before anything is written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from commands import command
from exported_run import source
from imported_runs import imported_run
from pydantic import JsonValue
from repository import ROOT

from seedscope.analysis.exports import TOOLS
from seedscope.analysis.exports.samplers import sampler_of
from seedscope.analysis.select.component import Component
from seedscope.jobs.commands.export import NAMES
from seedscope.pipeline.errors import UserError

DRAWING = ("comfyui", "a1111", "invokeai", "swarmui", "latents")
LOOKING = ("fiftyone", "evalscope", "geneval")


def test_the_command_names_all_tools() -> None:
    assert NAMES.split(", ") == [*TOOLS]


def test_each_tool_has_its_folder_and_is_replaced_as_a_whole(run: Path, tmp_path: Path) -> None:
    asked = ("export", run, "--to", "latents,evalscope", "--into", tmp_path, "--seeds", "0-1", "--json")
    told = json.loads(command(*asked).stdout)
    assert told.keys() == {"latents", "evalscope"}
    assert all(Path(path).is_file() for each in told.values() for path in each["files"])
    assert len(told["evalscope"]["files"]) == 2 * 3 + 2 and told["latents"]["notes"]
    assert (tmp_path / "latents" / "README.txt").read_text().splitlines() == told["latents"]["notes"]
    again = json.loads(command(*asked[:-3], "--seeds", "golden", "--json").stdout)
    assert len(again["evalscope"]["files"]) == 3 * 3 + 2


def test_by_default_it_lies_in_the_run(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    done = command("export", copy, "--to", "latents")
    assert done.returncode == 0 and (copy / "exports" / "latents" / "latents.safetensors").is_file()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--to", "bogus"], "--to bogus: is none of comfyui, a1111"),
        (["--to", "latents", "--seeds", "1-x"], "is neither a whole number nor a range"),
        (["--to", "fiftyone", "--seeds", "99"], "has no pictures of seed 99; it has 16 seeds"),
        (["--seeds", "1"], "--seeds is for --to"),
    ],
)
def test_a_mistake_is_a_sentence(options: list[str], sentence: str, run: Path) -> None:
    done = command("export", run, *options)
    assert done.returncode == 2 and sentence in " ".join(done.stderr.split())


def conditions(**changes: Any) -> Mapping[str, Any]:
    return {"conditions": changes}


@pytest.mark.parametrize(
    ("changes", "tools", "sentence"),
    [
        ({"seeds": []}, DRAWING, "has no golden seeds to draw with. Name others, such as --seeds 0,1,2"),
        ({"noise": None}, DRAWING, "draws its noise itself"),
        (conditions(negative_from=3), DRAWING[:4], "fiftyone, evalscope and geneval take its pictures as they are"),
        (conditions(task="inpainting"), DRAWING[:4], "is of the task 'inpainting'"),
        ({"family": "pixart"}, DRAWING[:4], "`--to latents` writes its noise"),
    ],
)
def test_a_run_that_does_not_fit_is_refused_with_the_remedy(
    changes: Mapping[str, Any], tools: tuple[str, ...], sentence: str, run: Path
) -> None:
    golden = source(run).golden()
    if "family" in changes:
        model = golden.conditions.model.model_copy(update=changes)
        changes = conditions(model=model)
    if "conditions" in changes:
        changes = {"conditions": golden.conditions.model_copy(update=changes["conditions"])}
    for tool in tools:
        with pytest.raises(UserError) as refused:
            TOOLS[tool](source(run, golden.model_copy(update=changes)))
        assert sentence in str(refused.value)
    for tool in LOOKING:
        TOOLS[tool](source(run, golden.model_copy(update=changes)))


def test_imported_pictures_are_looked_at_and_not_drawn(tmp_path: Path) -> None:
    study = imported_run(tmp_path)
    told = json.loads(command("export", study, "--to", "fiftyone,evalscope", "--json").stdout)
    samples = json.loads((tmp_path / "run" / "exports" / "fiftyone" / "samples.json").read_text())["samples"]
    assert len(samples) == 11 and {each["seed"] for each in samples} == {0, 100, 200}
    assert len(told["evalscope"]["files"]) == 11 + 2
    for tool in DRAWING:
        done = command("export", study, "--to", tool)
        assert done.returncode == 2 and "its pictures were imported" in " ".join(done.stderr.split())


def test_nothing_is_written_if_one_of_the_tools_does_not_fit(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    (copy / "golden.json").unlink()
    done = command("export", copy, "--to", "evalscope,latents", "--into", tmp_path / "out")
    assert done.returncode == 2 and "has no golden.json yet" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "config", "comfyui", "a1111", "invokeai", "same"),
    [
        (
            "EulerDiscreteScheduler",
            {"use_karras_sigmas": True},
            ("euler", "karras"),
            ("Euler", "Karras"),
            "euler_k",
            True,
        ),
        (
            "DPMSolverMultistepScheduler",
            {"algorithm_type": "sde-dpmsolver++", "timestep_spacing": "trailing"},
            ("dpmpp_2m_sde", "sgm_uniform"),
            ("DPM++ 2M SDE", "SGM Uniform"),
            "dpmpp_2m_sde",
            True,
        ),
        ("DDIMScheduler", {"timestep_spacing": "leading"}, ("ddim", "ddim_uniform"), ("DDIM", "DDIM"), "ddim", True),
        ("FlowMatchEulerDiscreteScheduler", {}, ("euler", "simple"), ("Euler", "Simple"), "euler", True),
        ("PNDMScheduler", {}, ("ipndm", "normal"), ("PLMS", "Automatic"), "pndm", False),
        ("SASolverScheduler", {}, ("euler", "normal"), ("Euler", "Automatic"), "euler", False),
    ],
)
def test_a_scheduler_by_other_programs_names(
    name: str,
    config: dict[str, JsonValue],
    comfyui: tuple[str, str],
    a1111: tuple[str, str],
    invokeai: str,
    same: bool,
) -> None:
    found = sampler_of(Component(class_name=name, config=config))
    assert (found.comfyui, found.a1111, found.invokeai, not found.differs("ComfyUI")) == (
        comfyui,
        a1111,
        invokeai,
        same,
    )


def test_the_page_of_the_documentation_names_each_tool_and_reads_the_noise(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "how-to" / "other-tools.md").read_text(encoding="utf-8")
    assert all(f"`{tool}`" in page for tool in TOOLS)
    block = next(part for part in page.split("```\n") if "safe_open" in part)
    folder = tmp_path / "runs" / "mine" / "exports" / "latents"
    folder.mkdir(parents=True)
    TOOLS["latents"](source(run))(folder)
    monkeypatch.chdir(tmp_path)
    called: list[Mapping[str, Any]] = []

    def pipe(prompts: list[str], **call: Any) -> SimpleNamespace:
        called.append({"prompts": prompts, **call})
        return SimpleNamespace(images=[])

    exec(block, {"pipe": pipe})
    (call,) = called
    assert len(call["prompts"]) == 3 and tuple(call["latents"].shape) == (3, 4, 8, 8)
