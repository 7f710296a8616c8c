"""Which random numbers are drawn from a generator, as it happens: how they are asked for, and which they were."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


@dataclass(frozen=True)
class Draw:
    """One draw: the function of torch, such as `randn` or `multinomial`, the shape, the dtype, and the sha256 of its bytes."""

    by: str
    shape: tuple[int, ...]
    dtype: str
    sha256: str


class WatchedNoise(TorchFunctionMode):
    """While it lasts, every call of a function of torch that is given this generator is kept in `draws`, in order.

    It sees the calls themselves, wherever a library makes them and under whatever name it has imported them.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self._generator, self.draws = generator, list[Draw]()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        options = kwargs or {}
        made = func(*args, **options)
        if options.get("generator") is self._generator:
            self.draws.append(_draw(func.__name__, made))
        return made


def _draw(by: str, made: torch.Tensor) -> Draw:
    values = made.detach().cpu().contiguous().flatten().view(torch.uint8).numpy()
    sha256 = hashlib.sha256(values.tobytes()).hexdigest()
    return Draw(by, tuple(made.shape), str(made.dtype).removeprefix("torch."), sha256)
