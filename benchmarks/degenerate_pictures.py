"""Pictures that no seed should be called golden for, made from those of a real one: for tests and for the benchmark."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image, ImageFilter

from seedscope.pipeline.images import Pixels

Pictures = list[Pixels]
Control = Callable[[Sequence[Pixels]], Pictures]
"""The pictures of a seed, (H, W, 3) uint8 each, one a prompt -> degenerate ones in their place, of the same sizes."""


def flat(level: int) -> Control:
    """One grey everywhere."""
    return lambda pictures: [np.full_like(one, level) for one in pictures]


def each(change: Callable[[Pixels], Pixels]) -> Control:
    """Every picture changed in the same way."""
    return lambda pictures: [change(one) for one in pictures]


def blurred(radius: float) -> Control:
    """Gaussian blur; radius in pixels."""
    return each(lambda one: np.asarray(Image.fromarray(one).filter(ImageFilter.GaussianBlur(radius))))


def with_noise(level: float) -> Control:
    """Gaussian noise added, of a standard deviation of `level` grey levels, to each colour of each pixel by itself."""

    def add(pictures: Sequence[Pixels]) -> Pictures:
        rng = np.random.default_rng(0)
        noisy = [one + rng.normal(0, level, one.shape) for one in pictures]
        return [np.clip(np.rint(one), 0, 255).astype(np.uint8) for one in noisy]

    return add


def noise(pictures: Sequence[Pixels]) -> Pictures:
    """Every pixel by itself, and every level as likely as any other."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, one.shape, dtype=np.uint8) for one in pictures]


def checkerboard(pictures: Sequence[Pixels]) -> Pictures:
    """Black and white squares, eight on the longer side."""

    def board(one: Pixels) -> Pixels:
        side = max(1, max(one.shape) // 8)
        rows, columns = np.indices(one.shape[:2]) // side
        return np.repeat((255 * ((rows + columns) % 2)).astype(np.uint8)[..., None], 3, axis=2)

    return [board(one) for one in pictures]


def of_colours(count: int) -> Control:
    """Posterised: each picture in the `count` colours that suit it."""
    return each(lambda one: np.asarray(Image.fromarray(one).quantize(count).convert("RGB")))


def repeated(times: int | None = None) -> Control:
    """Each picture for `times` prompts in a row; the first for all, where no number is given."""
    return lambda pictures: [pictures[i // times * times if times else 0] for i in range(len(pictures))]


def black_every(step: int) -> Control:
    """Every so manieth picture black."""
    return lambda pictures: [one * np.uint8(i % step > 0) for i, one in enumerate(pictures)]


CONTROLS: Mapping[str, Control] = {
    "black": flat(0),
    "white": flat(255),
    "grey": flat(128),
    "noise": noise,
    "noise added, s.d. 50": with_noise(50),
    "checkerboard": checkerboard,
    "one picture repeated": repeated(),
    "each picture twice": repeated(2),
    "blurred, radius 1.5": blurred(1.5),
    "blurred, radius 3": blurred(3),
    "two colours": of_colours(2),
    "half of them black": black_every(2),
    "a third of them black": black_every(3),
}
