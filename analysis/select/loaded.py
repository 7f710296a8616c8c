"""What is loaded in a stock pipeline: digests of tensors and tokenizers, and adapters.

A digest is the same in another process, on another device, of a compiled part, and of a part in a wider dtype than the one
in which it is taken. It costs about 0.7 s a GB on one core, with threads less.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import nn

TEXTS = 2048  # words of a vocabulary that are tokenized to see how it is used
LONGEST = 1024  # tokens to which a text is padded, where the tokenizer names no length
# Names that a wrapper puts into those of the tensors: torch.compile, peft, and transformers 4.
WRAPPERS = re.compile(r"\b(_orig_mod|base_layer)\.|^text_model\.")


def unwrapped(part: Any) -> Any:
    """The part itself, of one that torch.compile has wrapped."""
    return getattr(part, "_orig_mod", part)


def digest(part: nn.Module, dtype: torch.dtype, *, fused: bool = False) -> str | None:
    """sha256 (hex) over the names, shapes and values of all parameters and buffers that a checkpoint holds.

    Args:
        part: a network; what torch.compile or peft put around a tensor does not count, nor do adapters' own tensors.
        dtype: in which values are taken: a list made in half precision knows those that half precision can tell apart.
        fused: with the adapters that act added to the weights, as peft adds them; nothing is changed.

    Returns:
        None of a network without values (on the meta device), and, fused, of adapters that are more than a sum.
    """
    tensors, layers = _tensors(part), adapted(unwrapped(part)) if fused else {}
    if any(tensor.is_meta for tensor in tensors.values()) or any(
        getattr(each, "lora_variant", 0) for each in layers.values()
    ):
        return None
    added = {f"{bare_name(name)}.weight": layer for name, layer in layers.items()}

    def line(item: tuple[str, torch.Tensor]) -> str:
        name, tensor = item
        values = _fused(added[name], tensor) if name in added else tensor
        return f"{name} {tuple(values.shape)} {sha256_of_tensor(values, dtype)}"

    with ThreadPoolExecutor() as pool:
        return hashlib.sha256("\n".join(sorted(pool.map(line, tensors.items()))).encode()).hexdigest()


def _fused(layer: Any, weight: torch.Tensor) -> torch.Tensor:
    """A layer's weight with its adapters. Source: peft, `LoraLayer.merge`, operation for operation."""
    weight = weight.detach().clone()
    for name in layer.active_adapters:
        if name in layer.scaling:
            weight += layer.get_delta_weight(name).detach()
    return weight


def _tensors(part: nn.Module) -> dict[str, torch.Tensor]:
    part = unwrapped(part)
    layers = adapted(part)
    return {
        bare_name(name): tensor
        for name, tensor in state_of(part).items()
        if not name.endswith("position_ids") and not of_adapter(name, layers)
    }


def state_of(part: nn.Module) -> dict[str, torch.Tensor]:
    """All tensors of a part by name, be they on the host while the part is offloaded."""
    state: dict[str, torch.Tensor] = part.state_dict()
    if any(tensor.is_meta for tensor in state.values()) and hasattr(part, "_hf_hook"):
        from accelerate.utils.modeling import get_state_dict_offloaded_model  # type: ignore[import-untyped]  # it has no types

        state = get_state_dict_offloaded_model(part)
    return state


def bare_name(name: str) -> str:
    """The name of a tensor or a module without what torch.compile, peft and transformers put into it."""
    return WRAPPERS.sub("", name)


def of_adapter(name: str, layers: Iterable[str]) -> bool:
    """Whether a tensor, or a module, belongs to an adapter of one of these layers, not to the layer."""
    return any(name.startswith(f"{layer}.") and not name.startswith(f"{layer}.base_layer") for layer in layers)


def sha256_of_tensor(tensor: torch.Tensor, dtype: torch.dtype) -> str:
    """sha256 (hex) over the values of a tensor, taken in a dtype where they are not whole numbers."""
    values = tensor.detach().to(dtype) if tensor.is_floating_point() else tensor.detach()
    return hashlib.sha256(values.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data).hexdigest()


def tokenizer_of(part: Any) -> Any:
    """A tokenizer, or that of a processor, which reads pictures too."""
    return getattr(part, "tokenizer", part)


def tokenizer_digest(tokenizer: Any, pads: str | None = None) -> str:
    """sha256 (hex) over a tokenizer's vocabulary, its longest text, and what it makes of some texts, padding included.

    Args:
        pads: on which side; None: as it is.
    """
    side = {} if pads is None else {"padding_side": pads}
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    words = sorted({word.removesuffix("</w>") for word in vocabulary if re.fullmatch(r"[A-Za-z0-9]+(</w>)?", word)})
    texts = [
        *words[:: max(1, len(words) // TEXTS)],
        "A photo of the Red fox, 3 cats & a dog's house!",
        "",
        " ".join(words[:200]),
    ]
    longest = int(min(tokenizer.model_max_length, LONGEST))
    made = tokenizer(texts, padding="max_length", max_length=longest, truncation=True, verbose=False, **side)
    ids = [[int(token) for token in row] for row in made["input_ids"]]
    said = [sorted(vocabulary.items()), int(min(tokenizer.model_max_length, 2**53)), ids]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def adapted(part: nn.Module) -> dict[str, nn.Module]:
    """The layers that an adapter stands around, as peft makes them."""
    return {name: module for name, module in part.named_modules() if "base_layer" in module._modules}
