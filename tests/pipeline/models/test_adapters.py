"""Adapters: pictures are those of the stock pipeline with the same LoRAs, weights and order; others are another table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
import torch
from diffusers import DiffusionPipeline
from safetensors.torch import load_file, save_file
from stock_families import by_seedscope, by_stock, same_within_a_level
from tiny_flux import flux
from tiny_loras import lora

from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.load import load
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.study.schema import Compute, Model, Sampling, Study, fingerprint

SIZE = {"height": 32, "width": 48}
PARTS = {
    "sd1": ("unet", "text_encoder"),
    "sdxl": ("unet", "text_encoder", "text_encoder_2"),
    "flux": ("transformer", "text_encoder"),
}


@pytest.fixture(scope="module", autouse=True)
def any_peft() -> Iterator[None]:
    """transformers asks for a newer peft than it needs for what is done here, and than there may be."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("transformers.integrations.peft.MIN_PEFT_VERSION", "0.17.0")
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """Of each kind: the folder of a model, and two LoRAs for it."""
    root = tmp_path_factory.mktemp("adapted")
    folders = {
        "sd1": tiny_models.sd1(root / "sd1"),
        "sdxl": tiny_models.sdxl(root / "sdxl"),
        "flux": flux(root / "flux", guidance_embeds=True),
    }
    return {
        name: {
            "folder": folder,
            "one": lora(folder, root / f"{name}-one.safetensors", parts=PARTS[name]),
            "two": lora(folder, root / f"{name}-two.safetensors", parts=PARTS[name][:1], seed=1, rank=3),
        }
        for name, folder in folders.items()
    }


def study(files: dict[str, Path], *loras: tuple[str, float], fuse: bool = False) -> Study:
    adapters = [{"file": str(files[name]), "weight": weight} for name, weight in loras]
    return Study.model_validate(
        {
            "name": "t",
            "model": {"id": str(files["folder"]), "lora": adapters, "fuse": fuse},
            "sampling": {"steps": 2, "guidance": {"scale": 4.0}, **SIZE},
            "compute": {"batch_size": 1, "device": "cpu"},
            "prompts": ["a"],
            "seeds": "0-1",
        }
    )


def stock(files: dict[str, Path], loras: Sequence[tuple[str, float]], *, fuse: bool = False) -> Any:
    """A user's own code."""
    pipe: Any = DiffusionPipeline.from_pretrained(files["folder"])
    pipe.set_progress_bar_config(disable=True)
    for name, _ in loras:
        pipe.load_lora_weights(files[name].parent, weight_name=files[name].name, adapter_name=name)
    names = [name for name, _ in loras]
    pipe.set_adapters(names, [weight for _, weight in loras])
    if fuse:
        pipe.fuse_lora(components=pipe._lora_loadable_modules, adapter_names=names)
        pipe.unload_lora_weights()
    return pipe


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("fuse", [False, True])
def test_pictures_are_the_stock_pipelines_with_two_adapters(
    made: dict[str, dict[str, Path]], name: str, fuse: bool, tmp_path: Path
) -> None:
    loras = (("one", 0.8), ("two", -0.5))
    here = by_seedscope(study(made[name], *loras, fuse=fuse), tmp_path)
    there = by_stock(stock(made[name], loras, fuse=fuse), **SIZE, guidance_scale=4.0)
    assert np.array_equal(here, there)
    plain = by_seedscope(study(made[name]), tmp_path / "plain")
    assert np.abs(here.astype(int) - plain).max() > 3, "they act"


def test_weights_and_order_name_the_table(made: dict[str, dict[str, Path]]) -> None:
    def named(*loras: tuple[str, float], fuse: bool = False) -> str:
        wanted = study(made["sd1"], *loras, fuse=fuse)
        return fingerprint(cause(wanted, locate(wanted.model)))

    causes = [
        named(),
        named(("one", 0.8)),
        named(("one", 0.7)),
        named(("two", 0.8)),
        named(("one", 0.8), ("two", 0.5)),
        named(("two", 0.5), ("one", 0.8)),
        named(("one", 0.8), fuse=True),
    ]
    assert len(set(causes)) == len(causes)
    assert named(("one", 0.8)) == causes[1]


def test_texts_are_embedded_again_only_for_adapters_of_text_encoders(made: dict[str, dict[str, Path]]) -> None:
    plain = locate(study(made["flux"]).model).identity_of_texts()
    assert locate(study(made["flux"], ("two", 1.0)).model).identity_of_texts() == plain
    assert locate(study(made["flux"], ("one", 1.0)).model).identity_of_texts() != plain


def test_a_lora_in_the_names_of_other_programs(made: dict[str, dict[str, Path]], tmp_path: Path) -> None:
    """As kohya's trainer writes it, with an alpha for each layer."""
    tensors, found = load_file(made["sd1"]["two"]), dict[str, torch.Tensor]()
    for name, each in tensors.items():
        layer, _, side = (
            name.removeprefix("unet.").removesuffix(".weight").rpartition(".lora_" if ".lora_" in name else ".lora.")
        )
        kohya = "lora_unet_" + layer.replace(".processor", "").replace(".", "_")
        found[f"{kohya}.lora_{'down' if side in ('A', 'down') else 'up'}.weight"] = each
        found[f"{kohya}.alpha"] = torch.tensor(6.0)
    file = tmp_path / "kohya.safetensors"
    save_file(found, file)
    files = made["sd1"] | {"kohya": file}
    here = by_seedscope(study(files, ("kohya", 0.5)), tmp_path)
    there = by_seedscope(study(files, ("two", 0.5)), tmp_path / "peft")
    assert np.array_equal(here, by_stock(stock(files, [("kohya", 0.5)]), **SIZE, guidance_scale=4.0))
    assert same_within_a_level(here, there)


@pytest.mark.parametrize(("base", "of"), [("sd1", "sdxl"), ("sd1", "flux"), ("flux", "sd1"), ("sdxl", "sd1")])
def test_a_lora_for_another_base(made: dict[str, dict[str, Path]], base: str, of: str) -> None:
    model = Model.model_validate({"id": str(made[base]["folder"]), "lora": [str(made[of]["two"])]})
    with pytest.raises(
        ModelError, match=rf"model.lora: {of}-two does not fit .*it is of another base model"
    ) as refused:
        load(locate(model), None, Sampling(steps=1), Compute(device="cpu"))
    assert len(str(refused.value).splitlines()) == 1


def test_what_is_no_lora(made: dict[str, dict[str, Path]], tmp_path: Path) -> None:
    folder = made["sd1"]["folder"]
    save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors")
    said = {
        str(tmp_path / "x.safetensors"): "is no LoRA",
        str(tmp_path / "y.safetensors"): r"model.lora.0: there is no file",
    }
    for file, sentence in said.items():
        with pytest.raises(ModelError, match=sentence):
            locate(Model.model_validate({"id": str(folder), "lora": [file]}))


def test_an_old_peft_is_told_where_a_text_encoder_is_changed(
    made: dict[str, dict[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transformers.integrations.peft.MIN_PEFT_VERSION", "99.0")
    with pytest.raises(ModelError, match=r"Run `pip install 'peft>=99.0'`"):
        load(locate(study(made["sd1"], ("one", 1.0)).model), None, Sampling(steps=1), Compute(device="cpu"))
    load(locate(study(made["sd1"], ("two", 1.0)).model), None, Sampling(steps=1), Compute(device="cpu"))


def test_peft_is_asked_for_by_name(made: dict[str, dict[str, Path]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedscope.pipeline.models.libraries.find_spec", lambda _: None)
    with pytest.raises(ModelError, match="Run `pip install peft`"):
        locate(study(made["sd1"], ("one", 1.0)).model)
    locate(study(made["sd1"]).model)
