"""Noise as an NVIDIA card draws it, computed on the CPU: counter-based random numbers, turned into normal ones.

Source: Salmon, Moraes, Dror, Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", SC '11, section 4.3 (Philox 4x32-10);
cuRAND, `curand_philox4x32_x.h` for the layout of key and counter, `curand_normal.h::_curand_box_muller` for the transform;
AUTOMATIC1111, `modules/rng_philox.py`, for the arithmetic: in float64, on cuRAND's constants in float32.
Deviation: a card computes in float32 (1e-6 of a standard deviation apart). Where a tensor has more values than a card has
threads (196,608 on an RTX 4090), the card takes the further ones from second halves, which differ from card to card; here, as
in A1111's setting NV, each value comes from a counter of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.overrides import TorchFunctionMode

Words = npt.NDArray[np.uint32]

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_UNIT = float(np.float32(2.0**-32))
_TURN = float(np.float32(2.0**-32 * 2 * np.pi))


def philox(counter: Words, key: tuple[int, int], rounds: int = 10) -> Words:
    """Random words (4, n) of the counters (4, n) under a key of two 32-bit words."""
    words = [word.astype(np.uint64) for word in counter]
    for number in range(rounds):
        first, second = (np.uint64((word + number * step) % 2**32) for word, step in zip(key, _WEYL, strict=True))
        even, odd = words[0] * _MULTIPLIERS[0], words[2] * _MULTIPLIERS[1]
        words = [(odd >> 32) ^ words[1] ^ first, odd & _LOW, (even >> 32) ^ words[3] ^ second, even & _LOW]
    return np.stack(words).astype(np.uint32)


def normal(first: Words, second: Words) -> npt.NDArray[np.float32]:
    """N(0, 1) of two random words each: the sine of Box and Muller (1958)."""
    unit = first * _UNIT + _UNIT / 2
    angle = second * _TURN + _TURN / 2
    values: npt.NDArray[np.float32] = (np.sqrt(-2.0 * np.log(unit)) * np.sin(angle)).astype(np.float32)
    return values


class CardGenerator(torch.Generator):
    """The generator of a seed on an NVIDIA card, by whose count further noise of a sampler's steps goes on.

    `torch.randn(..., generator=)` draws from it within `CardsNoise()`, and from the CPU's own outside.
    """

    def __new__(cls, seed: int, drawn: int = 0) -> CardGenerator:  # noqa: ARG004
        return super().__new__(cls, "cpu")  # type: ignore[call-arg]  # torch declares an __init__, and has a __new__

    def __init__(self, seed: int, drawn: int = 0) -> None:
        """drawn: tensors that were drawn before."""
        self.seed_on_card, self.drawn = seed, drawn

    def randn(self, shape: tuple[int, ...]) -> torch.Tensor:
        """The next tensor of the shape, float32 on the CPU: element i is of the counter (tensors drawn before, 0, i, 0)."""
        count = int(np.prod(shape))
        counter = np.zeros((4, count), np.uint32)
        counter[0], counter[2] = self.drawn, np.arange(count, dtype=np.uint32)
        self.drawn += 1
        words = philox(counter, (self.seed_on_card % 2**32, self.seed_on_card >> 32))
        return torch.from_numpy(normal(words[0], words[1]).reshape(shape))


class CardsNoise(TorchFunctionMode):
    """While it lasts, diffusers draws from a `CardGenerator` what it asks a generator for.

    Raises:
        TypeError: something else than `torch.randn` was asked of one.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        options = kwargs or {}
        generator = options.get("generator")
        if not isinstance(generator, CardGenerator):
            return func(*args, **options)
        if func is not torch.randn:
            raise TypeError(f"{func} draws from the generator of an NVIDIA card; only torch.randn can")
        shape = args if args and isinstance(args[0], int) else args[0] if args else options["size"]
        return generator.randn(tuple(shape)).to(device=options.get("device"), dtype=options.get("dtype"))
