"""Tiny models as single files: the tensors of a folder under the names that they have in published checkpoints.

These are the inverse of what diffusers does to such a file (`loaders/single_file_utils.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers.loaders.single_file_utils import DIFFUSERS_TO_LDM_MAPPING
from safetensors.torch import load_file, save_file

Tensors = dict[str, torch.Tensor]
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def part(folder: Path, name: str) -> Tensors:
    (file,) = (folder / name).glob("*.safetensors")
    return load_file(file)


def sd1_file(folder: Path, file: Path) -> Path:
    """Stable Diffusion 1.x, as `v1-5-pruned-emaonly.safetensors`."""
    clip = {
        f"cond_stage_model.transformer.text_model.{name}": each for name, each in _bare(part(folder, "text_encoder"))
    }
    return _save(
        file, _unet(part(folder, "unet")) | _under("first_stage_model.", vae_names(part(folder, "vae"))) | clip
    )


def sdxl_file(folder: Path, file: Path) -> Path:
    """Stable Diffusion XL, as `sd_xl_base_1.0.safetensors`."""
    begin = "conditioner.embedders.0.transformer.text_model."
    clip = {f"{begin}{name}": each for name, each in _bare(part(folder, "text_encoder"))}
    big = _under("conditioner.embedders.1.model.", _open_clip(dict(part(folder, "text_encoder_2"))))
    vae = _under("first_stage_model.", vae_names(part(folder, "vae")))
    return _save(file, _unet(part(folder, "unet")) | vae | clip | big)


def vae_file(folder: Path, file: Path) -> Path:
    """An autoencoder alone, as `vae-ft-mse-840000-ema-pruned.safetensors`."""
    return _save(file, vae_names(part(folder, "vae")))


def _save(file: Path, tensors: Mapping[str, torch.Tensor]) -> Path:
    save_file({name: each.contiguous() for name, each in tensors.items()}, file)
    return file


def _under(begin: str, tensors: Tensors) -> Tensors:
    return {f"{begin}{name}": each for name, each in tensors.items()}


def _bare(tensors: Tensors) -> list[tuple[str, torch.Tensor]]:
    return [(name.removeprefix("text_model."), each) for name, each in tensors.items()]


def _replaced(name: str, names: Mapping[str, str]) -> str:
    """A name with its first part, or the first two, under another name."""
    begin = max((old for old in names if name.startswith(f"{old}.")), key=len)
    return names[begin] + name.removeprefix(begin)


def _unet(tensors: Tensors) -> Tensors:
    known = DIFFUSERS_TO_LDM_MAPPING["unet"]["layers"] | DIFFUSERS_TO_LDM_MAPPING["unet"]["addition_embed_type"]
    layers = 1 + max(
        int(found[1]) for name in tensors if (found := re.match(r"down_blocks\.\d+\.resnets\.(\d+)", name))
    )
    attends = {int(found[1]) for name in tensors if (found := re.match(r"up_blocks\.(\d+)\.attentions", name))}
    return {
        f"model.diffusion_model.{known.get(name) or _unet_block(name, layers, attends)}": each
        for name, each in tensors.items()
    }


def _unet_block(name: str, layers: int, attends: set[int]) -> str:
    kind, *rest = name.split(".", 1)
    if kind == "mid_block":
        what, number, inside = rest[0].split(".", 2)
        return _inside(f"middle_block.{1 if what == 'attentions' else 2 * int(number)}", what, inside)
    block, what, number, inside = rest[0].split(".", 3)
    if what == "downsamplers":
        return f"input_blocks.{(int(block) + 1) * (layers + 1)}.0.op{inside.removeprefix('conv')}"
    if what == "upsamplers":
        place = int(block) * (layers + 1) + layers
        return f"output_blocks.{place}.{2 if int(block) in attends else 1}.{inside}"
    first, side = (1, "input") if kind == "down_blocks" else (0, "output")
    place = first + int(block) * (layers + 1) + int(number)
    return _inside(f"{side}_blocks.{place}.{1 if what == 'attentions' else 0}", what, inside)


def _inside(begin: str, what: str, inside: str) -> str:
    return f"{begin}.{inside if what == 'attentions' else _replaced(inside, _RESNET)}"


def vae_names(tensors: Tensors) -> Tensors:
    """An autoencoder's tensors as checkpoints name them; its attention as 1 x 1 convolutions, as it once was."""
    levels = 1 + max(int(found[1]) for name in tensors if (found := re.match(r"encoder\.down_blocks\.(\d+)", name)))
    named = {_vae_name(name, levels): each for name, each in tensors.items()}
    return {
        name: each[:, :, None, None] if ".attn_1." in name and each.ndim == 2 else each for name, each in named.items()
    }


def _vae_name(name: str, levels: int) -> str:
    if name in DIFFUSERS_TO_LDM_MAPPING["vae"]:
        return str(DIFFUSERS_TO_LDM_MAPPING["vae"][name])
    coder, kind, *rest = name.split(".", 2)
    if kind == "mid_block":
        what, number, inside = rest[0].split(".", 2)
        if what == "attentions":
            return f"{coder}.mid.attn_1.{_replaced(inside, _ATTENTION)}"
        return f"{coder}.mid.block_{int(number) + 1}.{inside}"
    block, what, number, inside = rest[0].split(".", 3)
    side, place = ("down", int(block)) if kind == "down_blocks" else ("up", levels - 1 - int(block))
    if what in ("downsamplers", "upsamplers"):
        return f"{coder}.{side}.{place}.{side}sample.{inside}"
    return f"{coder}.{side}.{place}.block.{number}.{inside.replace('conv_shortcut', 'nin_shortcut')}"


def _open_clip(tensors: Tensors) -> Tensors:
    """A text encoder of CLIP as open_clip has it: query, key and value together, the projection turned."""
    names = {
        old: new
        for old, new in DIFFUSERS_TO_LDM_MAPPING["openclip"]["transformer"].items()
        if "transformer." not in old
    }
    found: Tensors = {}
    for name, each in tensors.items():
        if name in DIFFUSERS_TO_LDM_MAPPING["openclip"]["layers"]:
            new = DIFFUSERS_TO_LDM_MAPPING["openclip"]["layers"][name]
            found[new] = each.T if new == "text_projection" else each
        elif ".q_proj." in name:
            whole = torch.cat([tensors[name.replace(".q_proj.", f".{which}_proj.")] for which in "qkv"])
            found[f"transformer.{_renamed(name, names)}".replace(".q_proj.", ".in_proj_")] = whole
        elif ".k_proj." not in name and ".v_proj." not in name:
            found[f"transformer.{_renamed(name, names)}"] = each
    return found


def _renamed(name: str, names: Mapping[str, str]) -> str:
    for old, new in names.items():
        name = name.replace(old, new)
    return name
