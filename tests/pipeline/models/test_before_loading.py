"""What loading a model would refuse is told before its weights are read: here they are gone by then."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_models
import torch
import yaml
from commands import command
from safetensors.torch import save_file
from stock_families import study
from tiny_flux import flux
from tiny_loras import lora

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.before_loading import refuse_what_cannot_load
from seedscope.pipeline.models.locate import Located, locate
from seedscope.pipeline.study.schema import Study

Write = Callable[[Path], dict[str, Any]]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {"sd1": tiny_models.sd1(root / "sd1"), "flux": flux(root / "flux", guidance_embeds=True)}


@pytest.fixture(scope="module")
def found(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Located]]:
    """Models as they were found, whose weights are no longer there."""
    root = tmp_path_factory.mktemp("found")
    copies = {name: Path(shutil.copytree(folder, root / name)) for name, folder in folders.items()}
    located = {name: locate(study(folder).model) for name, folder in copies.items()}
    for weights in root.rglob("*.safetensors"):
        weights.unlink()
    return located


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("sd1", {"scheduler": "FlowMatchEulerDiscreteScheduler"}, "needs the straight paths of flow matching, and the"),
    ("sd1", {"eta": 0.3, "scheduler": "euler"}, "sampling.eta: has no effect on EulerDiscreteScheduler"),
    ("sd1", {"scheduler": "RePaintScheduler"}, "RePaintScheduler cannot make 2 steps"),
    ("sd1", {"attention": "native"}, "compute.attention: a UNet2DConditionModel attends by torch alone"),
    ("flux", {"scheduler": "ddim"}, "needs the betas of a noise schedule, and the FlowMatchEulerDiscreteScheduler"),
    ("flux", {"attention": "flush"}, "compute.attention: flush is none of diffusers'"),
]
TAKEN: list[tuple[str, dict[str, Any]]] = [
    ("sd1", {}),
    ("sd1", {"eta": 0.3, "scheduler": "ddim"}),
    ("sd1", {"vae": {"tiling": True, "slicing": True}}),
    ("flux", {"attention": "flash"}),  # whether its library is there, only the machine that draws knows
    ("flux", {"scheduler": {"config": {"shift": 2.0}}}),
]


@pytest.mark.parametrize(("model", "said", "sentence"), REFUSED)
def test_what_does_not_fit_is_refused(
    found: dict[str, Located], model: str, said: dict[str, Any], sentence: str
) -> None:
    wanted = study(found[model].folder, **said)
    with pytest.raises(ModelError) as refused:
        refuse_what_cannot_load(found[model], wanted.sampling, wanted.compute)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(("model", "said"), TAKEN)
def test_what_fits_is_not(found: dict[str, Located], model: str, said: dict[str, Any]) -> None:
    wanted = study(found[model].folder, **said)
    refuse_what_cannot_load(found[model], wanted.sampling, wanted.compute)


def refused(wanted: Study) -> str:
    with pytest.raises(ModelError) as caught:
        refuse_what_cannot_load(locate(wanted.model), wanted.sampling, wanted.compute)
    return str(caught.value)


def test_an_autoencoder_that_has_no_tiles(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders["sd1"], tmp_path / "sd1"))
    index = json.loads((folder / "model_index.json").read_text())
    index["vae"][1] = "VQModel"
    (folder / "model_index.json").write_text(json.dumps(index))
    said = refused(study(folder, vae={"tiling": True}))
    assert said == "compute.vae.tiling: a VQModel cannot do that. Remove the key."


def test_files_that_do_not_fit(folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "other.safetensors"
    save_file({"model.diffusion_model.x": torch.zeros(1)}, file)
    model = {"file": str(file), "config": str(folders["sd1"])}
    assert "other.safetensors does not fit the settings of the unet" in refused(study(model))
    monkeypatch.setattr("transformers.integrations.peft.MIN_PEFT_VERSION", "0.17.0")
    adapter = lora(folders["sd1"], tmp_path / "lora.safetensors", parts=("text_encoder",))
    monkeypatch.setattr("transformers.integrations.peft.MIN_PEFT_VERSION", "99.0")
    assert "needs peft 99.0" in refused(study({"id": str(folders["sd1"]), "lora": [str(adapter)]}))


def test_a_plan_says_it(folders: dict[str, Path], tmp_path: Path) -> None:
    for scheduler, code in (("model", 0), ("ddim", 2)):
        wanted = study(folders["flux"], scheduler=scheduler, height=32, width=32)
        file = tmp_path / f"{scheduler}.yaml"
        file.write_text(yaml.safe_dump(wanted.model_dump(mode="json", exclude_defaults=True)))
        done = command("plan", file, "--out", tmp_path / "run")
        assert done.returncode == code, done.stderr
    assert "sampling.scheduler: ddim needs the betas of a noise schedule" in " ".join(done.stderr.split())
