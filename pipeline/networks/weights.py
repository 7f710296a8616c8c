"""Reading weight files of others without trusting them, and filling networks with exactly what they need."""

from __future__ import annotations

import pickle
import struct
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from seedscope.pipeline.errors import FeatureError
from seedscope.pipeline.storage import hashes

if TYPE_CHECKING:
    import torch


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes, which are read anew where the file was changed. Raises FeatureError where it cannot be."""
    try:
        state = path.stat()
        return _sha256(path, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise FeatureError(f"the weights file {path} cannot be read ({error.strerror}); check the path.") from error


@cache  # a run asks for it again and again
def _sha256(path: Path, _size: int, _modified: int) -> str:
    return hashes.sha256_of(path)


def read_weights(path: Path, entry: str | None = None) -> dict[str, torch.Tensor]:
    """Tensors by key from a .safetensors file, or from a torch file by `weights_only=True`, which runs no pickled code.

    `entry`: where a torch file holds a training state, the name under which the tensors lie there (`state_dict`).

    Raises FeatureError where the file cannot be read, is damaged, or holds anything but tensors by name.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (
        OSError,
        RuntimeError,
        EOFError,
        ValueError,
        struct.error,
        pickle.UnpicklingError,
        SafetensorError,
    ) as error:
        raise FeatureError(
            f"the weights file {path} is damaged or holds more than tensors ({type(error).__name__}); "
            "use the published file, or one saved as safetensors."
        ) from error
    if entry is not None and isinstance(state, dict) and entry in state:
        state = state[entry]
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        raise FeatureError(
            f"the weights file {path} holds more than tensors by name; save the bare state_dict instead."
        )
    return state


def fill(network: torch.nn.Module, state: dict[str, torch.Tensor], path: Path) -> None:
    """Give `network`, which may be on the meta device, the tensors of `state`, cast to its own dtypes; sets eval mode.

    Batch counters (`num_batches_tracked`), which older files lack and evaluation does not use, may be absent.
    Raises FeatureError, naming `path` and the keys, where keys or shapes differ from the network's.
    """
    import torch

    wanted = network.state_dict()
    counters = {key for key in wanted if key.endswith(".num_batches_tracked")}
    faults = [
        listed("missing keys", sorted(wanted.keys() - state.keys() - counters)),
        listed("unexpected keys", sorted(state.keys() - wanted.keys())),
        listed(
            "wrong shapes",
            [
                f"{key} {tuple(state[key].shape)} instead of {tuple(wanted[key].shape)}"
                for key in wanted
                if key in state and state[key].shape != wanted[key].shape
            ],
        ),
    ]
    if any(faults):
        found = "; ".join(fault for fault in faults if fault)
        raise FeatureError(f"the weights file {path} does not fit {type(network).__name__}: {found}.")
    absent = {key: torch.zeros((), dtype=torch.int64) for key in counters - state.keys()}
    tensors = {key: state[key].to(wanted[key].dtype) for key in wanted if key in state}
    network.load_state_dict(tensors | absent, assign=True)
    network.requires_grad_(False).eval()


def listed(label: str, items: list[str], limit: int = 5) -> str:
    """`label` and the first items, for a message; empty where there are none."""
    if not items:
        return ""
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return f"{label} {', '.join(items[:limit])}{more}"
