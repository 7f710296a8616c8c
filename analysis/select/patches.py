"""In what a network differs from one that its configuration builds: modules, settings, methods, hooks, processors."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from seedscope.analysis.select.loaded import WRAPPERS, adapted, of_adapter, unwrapped
from seedscope.analysis.select.own_code import is_of_class, own_callables, replaced_methods

# Of diffusers' hooks, those that only move tensors.
_MOVING = {"group_offloading", "lazy_prefetch_group_offloading", "layer_execution_tracker"}
# Methods that accelerate puts onto a module: it keeps the forward that it found as `_old_forward`, and warns of moves.
_PUT_BY_OFFLOADING = {"forward", "to", "cuda", "npu", "xpu", "mlu", "sdaa", "musa"}
# Hooks of these look on: transformers' gather hidden states, once a text was encoded.
_LIBRARIES = {"accelerate", "diffusers", "torch", "transformers"}
# Settings of modules that are not what they compute.
_UNSEEN = {"training", "gradient_checkpointing", "use_slicing", "lora_scale"}
# What settings are made of; a tuple, as `isinstance` is asked a hundred thousand times and takes it fastest.
_PLAIN = (bool, int, float, str, type(None))
# Names of diffusers' processors that compute the same, by another library, in slices, or of fused projections.
_FORMS = re.compile(r"^(Sliced|XFormers|Fused|XLA)|Flash(?=Attn)|(2_0)?(_?NPU)?$")


def patches(part: nn.Module) -> Iterator[str]:
    """What was changed in a network since it was built from its configuration, such as FreeU: `up_blocks.0 has b1 = 1.5`.

    It is compared with one that is built anew, without values, in a few hundredths of a second.
    """
    part = unwrapped(part)
    here, built = _modules(part), _modules(_built(part))
    for name, module in here.items():
        label = name or type(module).__name__
        if name not in built:
            yield f"{label} was put in"
        elif type(module) is not type(built[name]):
            yield f"{label} is a {type(module).__name__}, not a {type(built[name]).__name__}"
        else:
            yield from (f"{label} {what}" for what in _changes(module, built[name]))
    yield from (f"{name} was taken out" for name in built.keys() - here.keys())
    computing = [*here.values(), *(getattr(module, "processor", None) for module in here.values())]
    methods = (name for kind in dict.fromkeys(map(type, computing)) for name in replaced_methods(kind))
    yield from (f"{name} was replaced" for name in dict.fromkeys(methods))


def _built(part: nn.Module) -> nn.Module:
    import diffusers

    kind: Any = type(part)
    config: Any = part.config
    with torch.device("meta"):
        built: nn.Module = (
            kind.from_config(config) if isinstance(part, diffusers.ModelMixin) else kind(copy.deepcopy(config))
        )
    return built


def _modules(part: nn.Module) -> dict[str, nn.Module]:
    """All modules by name, without what torch.compile and adapters put around them."""
    layers = adapted(part)
    found: dict[str, nn.Module] = {}
    for name, module in part.named_modules():
        if not of_adapter(name, layers):  # the layer itself comes after what stands around it, and takes its name
            found[WRAPPERS.sub("", f"{name}.").removesuffix(".")] = unwrapped(module)
    return found


def _changes(module: nn.Module, built: nn.Module) -> Iterator[str]:
    here, then = _settings(module), _settings(built)
    for key in sorted(here.keys() | then.keys()):
        if here.get(key) != then.get(key):
            yield f"has {key} = {here.get(key)!r}"
    yield from (f"has a {key} of its own" for key in _own_methods(module, built))
    hooks = [*module._forward_hooks.values(), *module._forward_pre_hooks.values()]
    if any(str(getattr(hook, "__module__", "")).split(".")[0] not in _LIBRARIES for hook in hooks):
        yield "has a forward hook"
    processors = [getattr(each, "processor", None) for each in (module, built)]
    if processors[0] is not None and _form(processors[0]) != _form(processors[1]):
        yield f"has the processor {type(processors[0]).__name__}"


def _form(processor: object) -> str:
    """The name of a processor, the same of those of diffusers that compute the same."""
    kind = type(processor)
    return (
        _FORMS.sub("", kind.__name__)
        if kind.__module__.startswith("diffusers.")
        else f"{kind.__module__} {kind.__name__}"
    )


def in_tiles(part: nn.Module, size: tuple[int, int]) -> bool:
    """Whether an autoencoder that is set to decode in tiles has several for pictures of so many pixels (height, width).

    Source: diffusers, `AutoencoderKL._decode`, and those with a least height and width of their own; others are taken to.
    """
    told = vars(unwrapped(part))
    if "tile_latent_min_size" in told:
        cells = 2 ** (len(unwrapped(part).config.get("block_out_channels", ())) - 1)
        return any(side / cells > told["tile_latent_min_size"] for side in size)
    sides = [told.get(f"tile_sample_min_{side}") for side in ("height", "width")]
    return any(least is None or side > least for side, least in zip(size, sides, strict=True))


def _own_methods(module: nn.Module, built: nn.Module) -> Iterator[str]:
    """Methods that were put onto a module; what offloading puts onto one calls what was there before."""
    found = own_callables(module, vars(built))
    if not _only_moves(module):
        yield from found
        return
    yield from (name for name in found if name not in _PUT_BY_OFFLOADING)
    below = vars(module).get("_old_forward")
    if below is not None and not hasattr(module, "_diffusers_hook") and not is_of_class(module, "forward", below):
        yield "forward"


def _settings(module: nn.Module) -> dict[str, object]:
    return {
        key: value
        for key, value in vars(module).items()
        if _is_plain(value) and not key.startswith("_") and key not in _UNSEEN
    }


def _is_plain(value: object) -> bool:
    """Whether a value is made of numbers and texts; tables of positions are not, which some modules keep in lists."""
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    return isinstance(value, _PLAIN)


def _only_moves(module: nn.Module) -> bool:
    """Whether a forward of its own only moves tensors: accelerate's and diffusers' offloading."""
    registry: Any = getattr(module, "_diffusers_hook", None)
    return hasattr(module, "_hf_hook") if registry is None else set(registry.hooks) <= _MOVING
