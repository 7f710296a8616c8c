"""Outside the object is where SSIM sees nothing of it, and a change inside counts for nothing there."""

import numpy as np
import numpy.typing as npt

from seedscope.analysis.experiments.negatives.outside import REACH, changes, outside
from seedscope.analysis.features.layout.mask_geometry import png

SIZE = (64, 64)


def mask(side: int = 24) -> npt.NDArray[np.bool_]:
    shown = np.zeros(SIZE, bool)
    shown[20 : 20 + side, 20 : 20 + side] = True
    return shown


def test_places_keep_their_distance_from_the_object_or_its_edge() -> None:
    around, inside = (outside(png(mask()), where, SIZE) for where in ("object", "background"))
    assert around is not None and inside is not None
    assert around.sum() == 64**2 - (24 + 2 * REACH) ** 2 and inside.sum() == (24 - 2 * REACH) ** 2
    whole = outside(None, "whole", SIZE)
    assert whole is not None and whole.all()


def test_nothing_is_said_where_the_object_is_not_found_or_too_small_or_the_sizes_differ() -> None:
    assert outside(None, "object", SIZE) is None
    assert outside(png(mask(8)), "background", SIZE) is None
    assert outside(png(mask()), "object", (32, 32)) is None


def test_a_change_of_the_object_is_none_outside_it() -> None:
    rng = np.random.default_rng(6)
    before = rng.integers(0, 255, (*SIZE, 3), np.uint8)
    object_changed, ground_changed = before.copy(), before.copy()
    object_changed[mask()] = 255 - object_changed[mask()]
    ground_changed[~mask()] = 255 - ground_changed[~mask()]
    around, inside = (outside(png(mask()), where, SIZE) for where in ("object", "background"))
    assert around is not None and inside is not None
    found = changes(
        [before] * 5,
        [object_changed, ground_changed, object_changed, ground_changed, before],
        [around] * 2 + [inside] * 2 + [around],
    )
    assert abs(found[0]) < 1e-4 and found[1] > 0.5 and found[2] > 0.5 and abs(found[3]) < 1e-4 and found[4] == 0
