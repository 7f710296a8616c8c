"""A model in a single file: its pictures are those of the stock pipeline loaded from it, and nothing is asked of the hub."""

from __future__ import annotations

import json
import shutil
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import single_files
import tiny_models
import torch
from diffusers import (
    AutoencoderKL,
    FluxPipeline,
    FluxTransformer2DModel,
    GGUFQuantizationConfig,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
)
from safetensors.torch import load_file, save_file
from stock_families import by_seedscope, by_stock, same_within_a_level
from tiny_flux import flux

from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.load import load
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.study.schema import Compute, Json, Model, Sampling, Study, fingerprint

SIZE = {"height": 32, "width": 48}


def study(model: dict[str, Any], **sampling: Any) -> Study:
    return Study.model_validate(
        {
            "name": "t",
            "model": model,
            "sampling": {"steps": 2, "guidance": {"scale": 4.0}, **SIZE} | sampling,
            "compute": {"batch_size": 1, "device": "cpu"},
            "prompts": ["a"],
            "seeds": "0-1",
        }
    )


def quiet(pipe: Any) -> Any:
    pipe.set_progress_bar_config(disable=True)
    return pipe


def settings_of(folder: Path, to: Path, keep: tuple[str, ...] = ()) -> Path:
    """A copy of a folder without weights, but of the parts in `keep`."""
    left_out = {file for file in folder.rglob("*.safetensors") if file.parent.name not in keep}
    shutil.copytree(folder, to, ignore=lambda at, names: [name for name in names if Path(at) / name in left_out])
    return to


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """Of each kind: the whole folder, the folder of its settings, and the file."""
    root = tmp_path_factory.mktemp("single")
    found = {}
    for name, write in (("sd1", single_files.sd1_file), ("sdxl", single_files.sdxl_file)):
        whole = getattr(tiny_models, name)(root / name)
        settings = settings_of(whole, root / f"{name}-settings")
        found[name] = {"whole": whole, "settings": settings, "file": write(whole, root / f"{name}.safetensors")}
    whole = flux(root / "flux", guidance_embeds=True)
    file = Path(shutil.copy(whole / "transformer" / "diffusion_pytorch_model.safetensors", root / "flux.safetensors"))
    settings = settings_of(whole, root / "flux-settings", keep=("vae", "text_encoder", "text_encoder_2"))
    found["flux"] = {"whole": whole, "settings": settings, "file": file}
    return found


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(("name", "kind"), [("sd1", StableDiffusionPipeline), ("sdxl", StableDiffusionXLPipeline)])
def test_pictures_are_the_stock_pipelines_from_the_file(
    made: dict[str, dict[str, Path]], name: str, kind: Any, tmp_path: Path
) -> None:
    """The folder has settings alone, so that all weights come from the file."""
    files = made[name]
    here = by_seedscope(study({"file": str(files["file"]), "config": str(files["settings"])}), tmp_path)
    pipe = kind.from_single_file(str(files["file"]), config=str(files["settings"]), local_files_only=True)
    assert np.array_equal(here, by_stock(quiet(pipe), **SIZE, guidance_scale=4.0))
    folder = by_seedscope(study({"id": str(files["whole"])}), tmp_path / "folder")
    assert same_within_a_level(here, folder), (
        "the file has the folder's weights; tensors lie elsewhere, and round otherwise"
    )


@pytest.mark.usefixtures("no_network")
def test_a_transformer_alone_has_the_folder_s_other_parts(made: dict[str, dict[str, Path]], tmp_path: Path) -> None:
    files = made["flux"]
    here = by_seedscope(study({"file": str(files["file"]), "config": str(files["settings"])}), tmp_path)
    transformer = FluxTransformer2DModel.from_single_file(
        str(files["file"]), config=str(files["settings"]), subfolder="transformer", local_files_only=True
    )
    pipe = quiet(FluxPipeline.from_pretrained(files["settings"], transformer=transformer))
    assert np.array_equal(here, by_stock(pipe, **SIZE, guidance_scale=4.0))


def test_the_file_and_the_settings_are_the_identity(made: dict[str, dict[str, Path]], tmp_path: Path) -> None:
    files = made["sd1"]
    file = Path(shutil.copy(files["file"], tmp_path / "renamed.safetensors"))
    settings = Path(shutil.copytree(files["settings"], tmp_path / "settings"))

    def named() -> str:
        wanted = study({"file": str(file), "config": str(settings)})
        return fingerprint(cause(wanted, locate(wanted.model)))

    before = named()
    (settings / "unet" / "unused.safetensors").write_bytes(b"not read")
    assert named() == before
    changed = load_file(file)
    changed["model.diffusion_model.out.2.bias"] += 1
    save_file(changed, file)
    after = named()
    assert after != before
    scheduler = settings / "scheduler" / "scheduler_config.json"
    scheduler.write_text(json.dumps(json.loads(scheduler.read_text()) | {"beta_end": 0.02}))
    assert named() != after


def test_embeddings_are_known_by_the_text_encoders_alone(made: dict[str, dict[str, Path]]) -> None:
    files = made["flux"]
    single = locate(Model(file=str(files["file"]), config=str(files["whole"])))
    assert single.identity_of_texts() == locate(Model(id=str(files["whole"]))).identity_of_texts()
    assert "text_encoder_2" in str(single.identity_of_texts())


def test_a_gguf_file_is_the_stock_pipelines(made: dict[str, dict[str, Path]], tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    whole, file = made["flux"]["whole"], tmp_path / "x.gguf"
    writer = gguf.GGUFWriter(str(file), "flux")
    for name, each in load_file(made["flux"]["file"]).items():
        kind = gguf.GGMLQuantizationType.Q8_0
        fits = each.ndim == 2 and each.shape[1] % 32 == 0
        values = gguf.quants.quantize(each.numpy(), kind) if fits else each.numpy()
        writer.add_tensor(name, values, raw_dtype=kind if fits else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    transformer = FluxTransformer2DModel.from_single_file(
        str(file),
        config=str(whole),
        subfolder="transformer",
        dtype=torch.float32,
        quantization_config=GGUFQuantizationConfig(compute_dtype=torch.float32),
    )
    there = by_stock(quiet(FluxPipeline.from_pretrained(whole, transformer=transformer)), **SIZE, guidance_scale=4.0)
    assert np.array_equal(by_seedscope(study({"file": str(file), "config": str(whole)}), tmp_path), there)


# --- another autoencoder


def other_vae(folder: Path, to: Path) -> Path:
    vae = AutoencoderKL.from_pretrained(folder, subfolder="vae")
    with torch.no_grad():
        vae.decoder.conv_out.bias += 0.2
    vae.save_pretrained(to)
    return to


def test_another_autoencoder_draws_as_in_the_stock_pipeline(made: dict[str, dict[str, Path]], tmp_path: Path) -> None:
    whole = made["sd1"]["whole"]
    folder = other_vae(whole, tmp_path / "vae")
    tensors = single_files.vae_names(load_file(folder / "diffusion_pytorch_model.safetensors"))
    save_file({name: each.contiguous() for name, each in tensors.items()}, tmp_path / "vae.safetensors")
    pipe = StableDiffusionPipeline.from_pretrained(whole, vae=AutoencoderKL.from_pretrained(folder))
    there = by_stock(quiet(pipe), **SIZE, guidance_scale=4.0)
    plain = by_seedscope(study({"id": str(whole)}), tmp_path / "plain")
    assert not np.array_equal(there, plain)
    identities = []
    for number, vae in enumerate((folder, tmp_path / "vae.safetensors")):
        wanted = study({"id": str(whole), "vae": str(vae)})
        assert np.array_equal(by_seedscope(wanted, tmp_path / str(number)), there), vae
        identities.append(locate(wanted.model).identity)
    (one, other) = identities
    assert isinstance(one, dict) and isinstance(one["weights"], dict) and isinstance(other, dict)
    assert one["vae"] != other["vae"] and not any(file.startswith("vae/") for file in one["weights"])


def test_a_file_with_another_autoencoder(made: dict[str, dict[str, Path]], tmp_path: Path) -> None:
    files, folder = made["sd1"], other_vae(made["sd1"]["whole"], tmp_path / "vae")
    model = {"file": str(files["file"]), "config": str(files["settings"]), "vae": str(folder)}
    pipe = StableDiffusionPipeline.from_pretrained(files["whole"], vae=AutoencoderKL.from_pretrained(folder))
    there = by_stock(quiet(pipe), **SIZE, guidance_scale=4.0)
    assert np.array_equal(by_seedscope(study(model), tmp_path / "drawn"), there)


# --- what is refused before anything is drawn


def header(file: Path, text: bytes, data: bytes = b"") -> Path:
    file.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return file


def one_tensor(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        save_file({name: torch.zeros(1)}, folder / "x.safetensors")
        return folder / "x.safetensors"

    return write


BAD_FILES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "x.safetensors", "there is no file"),
    "a folder": (lambda folder: folder, "is a folder"),
    "text": (lambda folder: header(folder / "x.safetensors", b"hello"), "is no .safetensors file"),
    "short": (lambda folder: header(folder / "x.safetensors", b"{}"), "holds no tensors"),
    "zip": (lambda folder: header(folder / "x.safetensors", b"") and pickled(folder), "is a pickle"),
    "cut off": (
        lambda folder: header(
            folder / "x.safetensors", b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}', b"1234"
        ),
        "is cut off: 4 bytes are missing",
    ),
    "a LoRA": (one_tensor("unet.down_blocks.0.lora_A.weight"), "is a LoRA, which changes a model and is none"),
    "an autoencoder": (one_tensor("first_stage_model.decoder.conv_in.weight"), "has no unet, which draws"),
    "of another kind": (
        one_tensor("double_blocks.0.img_attn.norm.key_norm.scale"),
        "does not fit the settings of the unet",
    ),
}


def pickled(folder: Path) -> Path:
    torch.save({"a": torch.zeros(1)}, folder / "x.safetensors")
    return folder / "x.safetensors"


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_checkpoint(made: dict[str, dict[str, Path]], name: str, tmp_path: Path) -> None:
    write, said = BAD_FILES[name]
    model = Model(file=str(write(tmp_path)), config=str(made["sd1"]["whole"]))
    with pytest.raises(ModelError, match=said) as refused:
        load(locate(model), None, Sampling(steps=1), Compute(device="cpu"))
    assert len(str(refused.value).splitlines()) == 1 and "model.file" in str(refused.value)


def test_parts_that_are_nowhere(made: dict[str, dict[str, Path]]) -> None:
    model = Model(file=str(made["flux"]["file"]), config=str(made["sd1"]["settings"]))
    with pytest.raises(ModelError, match=r"flux.safetensors has unet alone, .*text_encoder: has no weights"):
        locate(model)


def test_a_file_of_another_kind_than_its_settings(made: dict[str, dict[str, Path]]) -> None:
    model = Model(file=str(made["sdxl"]["file"]), config=str(made["sd1"]["whole"]))
    with pytest.raises(ModelError, match="does not fit the settings of the unet: .*Name a `config` of its own kind"):
        load(locate(model), None, Sampling(steps=1), Compute(device="cpu"))


def test_a_file_without_settings_says_whose_they_are(made: dict[str, dict[str, Path]], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model.config: sd1.safetensors has weights and no settings; .*hub id"):
        locate(Model(file=str(made["sd1"]["file"])))
    known = "conditioner.embedders.1.model.transformer.resblocks.9.mlp.c_proj.bias"
    file = one_tensor(known)(tmp_path)
    with pytest.raises(ModelError, match="`config: stabilityai/stable-diffusion-xl-base-1.0`, or a folder"):
        locate(Model(file=str(file)))


@pytest.mark.parametrize(
    ("vae", "said"),
    [
        ("nowhere", "there is no 'nowhere'"),
        ("nowhere.safetensors", "there is no file nowhere.safetensors"),
        ("{folder}/unet", "has no config.json of an autoencoder"),
        ("{folder}/unet/diffusion_pytorch_model.safetensors", "does not fit the settings of the vae"),
        ("{flux}", r"has block_out_channels|does not fit|latent_channels"),
    ],
)
def test_an_autoencoder_that_is_none(made: dict[str, dict[str, Path]], vae: str, said: str) -> None:
    whole = made["sd1"]["whole"]
    wide = AutoencoderKL.from_config(json.loads((whole / "vae" / "config.json").read_text()) | {"latent_channels": 16})
    wide.save_pretrained(whole.parent / "wide")
    name = vae.format(folder=whole, flux=whole.parent / "wide")
    with pytest.raises(ModelError, match=said) as refused:
        load(locate(Model(id=str(whole), vae=name)), None, Sampling(steps=1), Compute(device="cpu"))
    assert "model.vae" in str(refused.value) and len(str(refused.value).splitlines()) == 1


def test_libraries_are_asked_for_by_name(made: dict[str, dict[str, Path]], tmp_path: Path) -> None:
    whole = str(made["flux"]["whole"])
    (tmp_path / "x.gguf").write_bytes(b"GGUF")
    wanted: dict[str, dict[str, Json]] = {
        "gguf": {"file": str(tmp_path / "x.gguf"), "config": whole},
        "bitsandbytes": {"id": whole, "quantization": {"backend": "bitsandbytes_4bit"}},
        "torchao": {"id": whole, "quantization": {"backend": "torchao"}},
    }
    for library, model in wanted.items():
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("seedscope.pipeline.models.libraries.find_spec", lambda _: None)
            with pytest.raises(ModelError, match=f"Run `pip install {library}`"):
                locate(Model.model_validate(model))
