"""How a picture looks, in plain formulas: colour, light, sharpness, border, sky. Clusters of styles turn out to mean these.

Pixels are taken as sRGB. Values of two pictures compare where these have one size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seedscope.analysis.direction import Better
from seedscope.analysis.features.base import Feature, Measurer, check_pictures
from seedscope.analysis.features.looks.border import borders
from seedscope.analysis.features.looks.colour import Pixels, Plane, cielab, distance, shrunk, tristimulus
from seedscope.pipeline.tables.columns import About, column

VERSION = 1
AT_ONCE = 1 << 16  # pixels: what a processor's cache holds
GREY_BELOW = 12.0
"""Chroma below which a picture is greyscale. On the bundled model's pictures the autoencoder's noise makes up to 9.1 of
grey; the palest of 6,000 scenes in which a colour can be seen, a small elephant with its pink mouth, has 14."""
COLOURED_SHARE = 0.002  # of the pixels; fewer make no colour picture
SKY_LIGHTNESS = 55.0
SKY_STEP = 4.0

_NUMBERS: dict[str, About] = {
    "colourfulness": About("Colourfulness as people rate it: 0 not, 15 slightly, 109 extremely.", "M3"),
    "saturation": About("Mean chroma of the pixels.", "C*ab"),
    "brightness": About("Mean lightness: 0 black, 100 white.", "L*"),
    "contrast": About("Standard deviation of the relative luminance, 0 to 0.5.", "relative luminance"),
    "sharpness": About("Variance of the Laplacian of the luma, smoothed; falls with blur.", "squared levels of 0..255"),
    "border_strength": About(
        "A frame of one colour along all four sides: 0 none, a border from 0.5 on, 1 clear.", "0..1"
    ),
    "border_width": About("Mean width of that frame; null where there is none.", "share of the shorter side"),
    "sky": About("Part that is bright, smooth and reaches the top edge.", "share of the picture"),
    "chroma": About("The strongest colour: 99.8th percentile of chroma inside a border.", "C*ab"),
}
Values = dict[str, npt.NDArray[np.float64]]


class Looks(Feature, Measurer):
    """Ten columns, float32 but for the last. Null: sharpness where a side is under 5 pixels, border_* under 16.

    | column | what | range |
    | --- | --- | --- |
    | `colourfulness` | `colourfulness()`, as people rate it | 0 not, 15 slightly, 109 extremely, up to about 270 |
    | `saturation` | mean chroma C*ab | 0 .. about 130 |
    | `brightness` | mean lightness L* | 0 black .. 100 white |
    | `contrast` | standard deviation of the relative luminance | 0 .. 0.5 |
    | `sharpness` | `sharpness()`, variance of the Laplacian | 0 .. |
    | `border_strength` | `borders()`: a frame of one colour along all four sides | 0 .. 1, a border from 0.5 on |
    | `border_width` | its mean width, as share of the shorter side; null where there is none | 0 .. 0.2 |
    | `sky` | `sky()`: share that is bright, smooth and reaches the top edge, inside a border | 0 .. 1 |
    | `chroma` | 99.8th percentile of C*ab inside a border | 0 .. about 130 |
    | `greyscale` | bool: `chroma` is below 12 | |

    Saturation is chroma and not the S of HSV, which is a ratio and takes the noise of dark pixels for strong colour: it is
    0.5 for (2, 1, 1). `chroma` asks for the strongest colour instead: one red toy is colour enough, one red pixel is not.
    A grey scene in a coloured border is greyscale: the border has its own columns. A colour photograph of grey things is
    greyscale too, since nothing tells it apart; a toned picture (sepia) is not.

    Source: CIE 15:2004, section 8.2.1 (L*, C*ab); Peli (1990), JOSA A 7(10), 2032-2040 (root-mean-square contrast).
    """

    name: ClassVar[str] = "looks"
    on_gpu: ClassVar[bool] = False

    def fields(self) -> list[pa.Field]:
        numbers = [said.on(pa.field(name, pa.float32())) for name, said in _NUMBERS.items()]
        return [*numbers, column("greyscale", pa.bool_(), "Whether the picture has no colour: `chroma` is below 12.")]

    def scalars(self) -> dict[str, Better | None]:
        """All but the width of a border, which few pictures have; none has a direction that is good."""
        return {name: None for name in (*_NUMBERS, "greyscale") if name != "border_width"}

    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.name} {VERSION}".encode()).hexdigest()

    def load(self, device: str) -> Looks:  # noqa: ARG002  (the formulas run on the processor)
        return self

    def compute(self, pixels: Pixels, prompts: Sequence[str]) -> dict[str, pa.Array]:
        check_pictures(pixels, prompts)
        parts = [_looks(chunk) for chunk in _chunks(pixels)]
        values = {name: np.concatenate([np.empty(0), *(part[name] for part in parts)]) for name in _NUMBERS}
        columns = {name: pa.array(values[name], pa.float32(), from_pandas=True) for name in _NUMBERS}
        return columns | {"greyscale": pa.array(values["chroma"] < GREY_BELOW, pa.bool_())}


def colourfulness(pixels: Pixels) -> npt.NDArray[np.float64]:
    """Colourfulness (N,) of pictures (N, H, W, 3): 0 not, 15 slightly, 33 moderately, 45 averagely, 59 quite, 82 highly,
    109 extremely colourful.

    Source: Hasler and Suesstrunk (2003), Proc. SPIE 5007, 87-95: the metric M3 = sigma_rgyb + 0.3 mu_rgyb.
    """
    red, green, blue = (pixels[..., channel].reshape(len(pixels), -1).astype(np.float64) for channel in range(3))
    opponents = np.stack([red - green, (red + green) / 2 - blue])
    spread, offset = opponents.std(axis=2), opponents.mean(axis=2)
    values: npt.NDArray[np.float64] = np.hypot(*spread) + 0.3 * np.hypot(*offset)
    return values


def sharpness(pixels: Pixels) -> npt.NDArray[np.float64]:
    """Variance (N,) of the smoothed Laplacian of the luma of pictures (N, H, W, 3), in squared levels of 0..255.

    It falls with blur; NaN where a side is under 5 pixels. It is a number for pixels: enlarging a picture lowers it.

    Source: Pech-Pacheco et al. (2000), ICPR, 3, 314-317 (variance of the Laplacian); luma by ITU-R BT.601. Deviation: smoothed
    by the 3 x 3 binomial filter first, since of noise with variance v the bare Laplacian makes 20 v, this one 0.41 v.
    """
    if min(pixels.shape[1:3]) < 5:
        return np.full(len(pixels), np.nan)
    luma: Plane = np.matmul(pixels, np.array([0.299, 0.587, 0.114], np.float32), dtype=np.float32)
    smooth = _binomial(_binomial(luma).swapaxes(1, 2)).swapaxes(1, 2)
    around = smooth[:, :-2, 1:-1] + smooth[:, 2:, 1:-1] + smooth[:, 1:-1, :-2] + smooth[:, 1:-1, 2:]
    laplacian = (around - 4 * smooth[:, 1:-1, 1:-1]).reshape(len(pixels), -1)
    variance: npt.NDArray[np.float64] = laplacian.var(axis=1, dtype=np.float64)
    return variance


def sky(lab: Plane) -> float:
    """Share of a picture (H, W, 3), CIELAB, that is bright, smooth and reaches the top edge, in 0..1.

    Bright is L* >= 55; smooth is a step of at most 4 (under two noticeable differences) to the neighbours above and at the
    left; what belongs together is connected by sides. Seen at 64 pixels or a little more on the shorter side, so that
    neither size nor grain matters. A bright plain wall counts as well; a night sky does not.

    Source: this project, after the "large bright sky" that some seeds bring (arXiv 2405.14828, section on style).
    """
    from scipy.ndimage import binary_propagation

    (small,), _ = shrunk(lab[None], 64)
    open_to = small[..., 0] >= SKY_LIGHTNESS
    open_to[1:] &= distance(small[1:], small[:-1]) <= SKY_STEP
    open_to[:, 1:] &= distance(small[:, 1:], small[:, :-1]) <= SKY_STEP
    top = np.zeros_like(open_to)
    top[0] = open_to[0]
    return float(binary_propagation(top, mask=open_to).mean())


def _looks(pixels: Pixels) -> Values:
    """The numbers of some pictures; NaN is null."""
    light = tristimulus(pixels)
    lab = cielab(light)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    flat = (len(pixels), -1)
    values: Values = {
        "colourfulness": colourfulness(pixels),
        "saturation": chroma.reshape(flat).mean(axis=1, dtype=np.float64),
        "brightness": lab[..., 0].reshape(flat).mean(axis=1, dtype=np.float64),
        "contrast": light[..., 1].reshape(flat).std(axis=1, dtype=np.float64),
        "sharpness": sharpness(pixels),
    }
    found = borders(lab)
    values["border_strength"] = _or_nan(border.strength for border in found)
    values["border_width"] = _or_nan(border.width for border in found)
    values["sky"] = _or_nan(sky(picture[border.inside]) for picture, border in zip(lab, found, strict=True))
    insides = (plane[border.inside] for plane, border in zip(chroma, found, strict=True))
    values["chroma"] = _or_nan(float(np.quantile(inside, 1 - COLOURED_SHARE)) for inside in insides)
    return values


def _or_nan(values: Iterable[float | None]) -> npt.NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _chunks(pixels: Pixels) -> Iterator[Pixels]:
    step = max(1, AT_ONCE // max(1, pixels.shape[1] * pixels.shape[2]))
    for start in range(0, len(pixels), step):
        yield pixels[start : start + step]


def _binomial(planes: Plane) -> Plane:
    """(N, H - 2, W): each row of planes (N, H, W) averaged with its neighbours, which count half."""
    averaged: Plane = (planes[:, :-2] + 2 * planes[:, 1:-1] + planes[:, 2:]) / np.float32(4)
    return averaged
