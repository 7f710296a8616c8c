"""Pixels as light and as seen colour: relative luminance, and CIELAB, in which equal distances look about equally far."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]

NOTICEABLE = 2.3
"""The distance in CIELAB at which two colours begin to look different. Source: Mahy, Van Eycken and Oosterlinck (1994),
Color Research & Application 19(2), 105-121."""

# sRGB primaries to CIE XYZ for the white D65. Source: IEC 61966-2-1:1999, section 5.
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = _TO_XYZ.sum(axis=1, keepdims=True)
_LEVEL = np.arange(256) / 255
_LINEAR = np.where(_LEVEL <= 0.04045, _LEVEL / 12.92, ((_LEVEL + 0.055) / 1.055) ** 2.4).astype(np.float32)


def tristimulus(pixels: Pixels) -> Plane:
    """Relative (X, Y, Z) of sRGB pixels (..., 3) uint8: float32 of the same shape, each 1 for white; Y is the luminance.

    Source: IEC 61966-2-1:1999, section 5. Deviation: each is divided by its value for white, so that the three are
    equal for every grey.
    """
    light: Plane = _LINEAR[pixels] @ (_TO_XYZ / _WHITE).astype(np.float32).T
    return light


def cielab(light: Plane) -> Plane:
    """(L*, a*, b*) of relative tristimulus values (..., 3): L* in 0..100, a* and b* 0 for greys, within about +-128.

    Source: CIE 15:2004, section 8.2.1, for the white D65.
    """
    bend = np.float32((6 / 29) ** 3)
    x, y, z = np.moveaxis(np.where(light > bend, np.cbrt(light), light * (841 / 108) + 4 / 29), -1, 0)
    lab: Plane = np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32, copy=False)
    return lab


def distance(one: Plane, other: Plane) -> Plane:
    """Colour difference (...) of CIELAB values (..., 3): float32, CIE 15:2004, section 8.2.1."""
    difference = one - other
    # Much faster than np.linalg.norm over so short an axis.
    between: Plane = np.sqrt(np.einsum("...c,...c", difference, difference))
    return between


def shrunk(values: Plane, side: int) -> tuple[Plane, int]:
    """Means of k x k blocks of pictures (N, H, W, C), and k >= 1: the largest that leaves the shorter side `side` or more.

    Up to k - 1 rows and columns at the bottom and at the right are left out.
    """
    count, height, width, channels = values.shape
    k = max(1, min(height, width) // side)
    if k == 1:
        return values, 1
    rows, columns = height // k, width // k
    blocks = values[:, : rows * k, : columns * k].reshape(count, rows, k, columns, k, channels)
    return blocks.mean(axis=(2, 4)), k
