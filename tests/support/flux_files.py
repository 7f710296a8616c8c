"""A tiny FLUX.1 as single files: under the names of Black Forest Labs, alone, and with all its parts as ComfyUI saves it.

These are the inverse of what diffusers does to such a file (`convert_flux_transformer_checkpoint_to_diffusers`).
"""

from __future__ import annotations

from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import torch
from diffusers.loaders.single_file_model import SINGLE_FILE_LOADABLE_CLASSES
from safetensors.torch import save_file
from single_files import Tensors, part, vae_names

PUBLISHED_WIDTH = 3072
_EMBEDDERS = {
    "time_text_embed.timestep_embedder": "time_in",
    "time_text_embed.text_embedder": "vector_in",
    "time_text_embed.guidance_embedder": "guidance_in",
}
_DOUBLE = {
    "norm1.linear": "img_mod.lin",
    "norm1_context.linear": "txt_mod.lin",
    "attn.norm_q": "img_attn.norm.query_norm",
    "attn.norm_k": "img_attn.norm.key_norm",
    "attn.norm_added_q": "txt_attn.norm.query_norm",
    "attn.norm_added_k": "txt_attn.norm.key_norm",
    "ff.net.0.proj": "img_mlp.0",
    "ff.net.2": "img_mlp.2",
    "ff_context.net.0.proj": "txt_mlp.0",
    "ff_context.net.2": "txt_mlp.2",
    "attn.to_out.0": "img_attn.proj",
    "attn.to_add_out": "txt_attn.proj",
}
_SINGLE = {
    "norm.linear": "modulation.lin",
    "attn.norm_q": "norm.query_norm",
    "attn.norm_k": "norm.key_norm",
    "proj_out": "linear2",
}
_REST = {"context_embedder": "txt_in", "x_embedder": "img_in", "proj_out": "final_layer.linear"}
_TOGETHER = {
    "img_attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
    "txt_attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
    "linear1": ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"),
}
"""Tensors that lie in one behind each other."""


def flux_names(tensors: Tensors) -> Tensors:
    """A transformer's tensors as `flux1-dev.safetensors` names them."""
    found: Tensors = {}
    for name in tensors:
        module, kind = name.rsplit(".", 1)
        if module == "norm_out.linear":
            scale, shift = tensors[name].chunk(2, dim=0)
            found[f"final_layer.adaLN_modulation.1.{kind}"] = torch.cat([shift, scale])
        elif module.startswith("time_text_embed"):
            embedder, layer = module.rsplit(".", 1)
            found[f"{_EMBEDDERS[embedder]}.{'in' if layer == 'linear_1' else 'out'}_layer.{kind}"] = tensors[name]
        elif module in _REST:
            found[f"{_REST[module]}.{kind}"] = tensors[name]
        else:
            place, each = _of_block(tensors, name)
            found |= {place: each}
    return found


def _of_block(tensors: Tensors, name: str) -> tuple[str, torch.Tensor]:
    blocks, number, rest = name.split(".", 2)
    inside, kind = rest.rsplit(".", 1)
    single = blocks == "single_transformer_blocks"
    begin, known = f"{'single' if single else 'double'}_blocks.{number}", _SINGLE if single else _DOUBLE
    if inside in known:
        scaled = "scale" if "query_norm" in known[inside] or "key_norm" in known[inside] else kind
        return f"{begin}.{known[inside]}.{scaled}", tensors[name]
    choices = ["linear1"] if single else ["img_attn.qkv", "txt_attn.qkv"]
    whole = next(each for each in choices if inside in _TOGETHER[each])
    return f"{begin}.{whole}.{kind}", torch.cat(
        [tensors[f"{blocks}.{number}.{each}.{kind}"] for each in _TOGETHER[whole]]
    )


def flux_file(folder: Path, file: Path) -> Path:
    """The transformer alone, as `flux1-dev.safetensors`."""
    save_file({name: each.contiguous() for name, each in flux_names(part(folder, "transformer")).items()}, file)
    return file


def all_in_one(folder: Path, file: Path) -> Path:
    """All parts, as ComfyUI's node CheckpointSave writes them."""
    parts = {
        "model.diffusion_model.": flux_names(part(folder, "transformer")),
        "vae.": vae_names(part(folder, "vae")),
        "text_encoders.clip_l.transformer.text_model.": {
            name.removeprefix("text_model."): each for name, each in part(folder, "text_encoder").items()
        },
        "text_encoders.t5xxl.transformer.": part(folder, "text_encoder_2"),
    }
    named = {f"{begin}{name}": each.contiguous() for begin, tensors in parts.items() for name, each in tensors.items()}
    save_file(named, file)
    return file


def of_width(width: int) -> dict[str, Any]:
    """diffusers' loader of FLUX.1 files, whose function has the published width as a number, with another in its place."""
    entry: dict[str, Any] = SINGLE_FILE_LOADABLE_CLASSES["FluxTransformer2DModel"]
    own = entry["checkpoint_mapping_fn"]
    code: CodeType = own.__code__
    assert PUBLISHED_WIDTH in code.co_consts
    consts = tuple(width if each == PUBLISHED_WIDTH else each for each in code.co_consts)
    return entry | {"checkpoint_mapping_fn": FunctionType(code.replace(co_consts=consts), own.__globals__)}
