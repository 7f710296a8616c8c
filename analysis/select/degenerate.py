"""Seeds whose pictures are degenerate: empty, noisy, blurred, of two tones, or one picture again and again.

Such pictures can win a measurement (black ones never show text), so that they are looked at whatever a study measures. A seed
is degenerate where a descriptor of its pictures lies far from that of the median of the other seeds, on the same prompts:
further than a fixed ratio, so that small differences never bar a seed, *and* further than other seeds lie, by four robust
standard deviations, so that no seed is barred where seeds differ as much anyway. Contrast, tones, variety and distinctness
bar a seed where they are too small, detail also where it is too large.

The ratios are wide. With 24 prompts the furthest of real seeds lies about half as far, in octaves, as is allowed, with 8 up to
nine tenths. So what is bad without being extreme is missed: half the contrast, a blur below one pixel, a little noise. And
pixels alone are seen: pictures of the wrong thing, turned over, negative, in wrong colours, of shuffled parts or at each
other's prompts pass, and so does what is degenerate in a small part of a picture (a black hole of an inpainting) or in fewer
than about a quarter of the pictures. The other seeds are the measure: where all of a run is degenerate none is barred, and
where most of it is blurred or noisy, the few that are not may be.

Source: distance from the median in units of the median absolute deviation, with 1.4826 for normal values: Leys et al. (2013),
"Detecting outliers", Journal of Experimental Social Psychology 49(4).
Deviation: of logarithms, as descriptors are compared by ratios; beside the fixed ratio; and of the other seeds, so that a seed
has no part in what it is compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seedscope.analysis.select.picture_set import PictureSet

LEAST_SEEDS = 4
"""Other seeds of which a descriptor is known; with fewer, nobody knows what is usual."""
DEVIATIONS = 4.0


@dataclass(frozen=True)
class Descriptor:
    """One number of a set of pictures, and how far from the other seeds it may lie.

    Attributes:
        words: what it is, for "their ... is 0.0".
        digits: decimals that are told.
        floor: smaller values count as this one: nobody would see the difference.
        ratio: to the median seed, within which a seed is never barred; above 1.
        bad: what bars a seed.
    """

    words: str
    value: Callable[[PictureSet], float]
    digits: int
    floor: float
    ratio: float
    bad: Literal["less", "both"] = "less"


DESCRIPTORS = (
    Descriptor("contrast (grey levels, lower quartile)", lambda seen: seen.contrast, 1, 2.0, 4.0),
    Descriptor("tones (bits of luminance, lower quartile)", lambda seen: seen.tones, 1, 1.0, 4.0),
    Descriptor("fine detail (lower quartile)", lambda seen: seen.detail[0], 2, 0.05, 3.0, "both"),
    Descriptor("fine detail (upper quartile)", lambda seen: seen.detail[1], 2, 0.05, 3.0, "both"),
    Descriptor("variety between prompts (grey levels)", lambda seen: seen.variety, 1, 2.0, 3.0),
    Descriptor("share of distinct pictures", lambda seen: seen.distinct, 2, 0.001, 1.25),
)
"""In the order in which they are told; the first that bars a seed is its reason."""


@dataclass(frozen=True)
class Gap:
    """Where a seed stands by one descriptor.

    Attributes:
        value, median: of the seed, and of the median of the others.
        octaves: log2 of their ratio, 0 or more on the bad side; below 0 on the good one.
        allowed: octaves up to which no seed is barred.
    """

    descriptor: Descriptor
    value: float
    median: float
    octaves: float
    allowed: float

    @property
    def bars(self) -> bool:
        return self.octaves > self.allowed

    def reason(self) -> str:
        """The end of a sentence, such as "their contrast is 0.0, the median seed's 24.6"."""
        digits = self.descriptor.digits
        return f"their {self.descriptor.words} is {self.value:.{digits}f}, the median seed's {self.median:.{digits}f}"


def gaps(seen: PictureSet, others: Sequence[PictureSet]) -> list[Gap]:
    """Where a seed stands by each descriptor that is known of it and of at least four others; those are not the seed itself."""
    found = []
    for one in DESCRIPTORS:
        value, known = one.value(seen), np.array([one.value(other) for other in others])
        known = known[~np.isnan(known)]
        if np.isnan(value) or len(known) < LEAST_SEEDS:
            continue
        logs = np.log2(np.maximum(known, one.floor))
        middle = float(np.median(logs))
        robust = 1.4826 * float(np.median(np.abs(logs - middle)))
        octaves = middle - float(np.log2(max(value, one.floor)))
        found.append(
            Gap(
                descriptor=one,
                value=value,
                median=float(np.median(known)),
                octaves=abs(octaves) if one.bad == "both" else octaves,
                allowed=max(float(np.log2(one.ratio)), DEVIATIONS * robust),
            )
        )
    return found


def degenerate(seen: PictureSet, others: Sequence[PictureSet]) -> Gap | None:
    """The first descriptor by which the pictures of a seed are degenerate beside those of others; None where they are not."""
    return next((gap for gap in gaps(seen, others) if gap.bars), None)
