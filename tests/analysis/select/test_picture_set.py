"""What sets of pictures are like: closed forms of each descriptor, scipy, independence of order and size."""

import itertools

import numpy as np
import pytest
from scipy import ndimage, stats

from seedscope.analysis.select.picture_set import PictureSet, picture_set, sketch
from seedscope.pipeline.images import Pixels


def grey(values: np.ndarray) -> Pixels:
    return np.repeat(np.asarray(values, np.uint8)[..., None], 3, axis=2)


def some(count: int, rng: int = 0) -> list[Pixels]:
    return list(np.random.default_rng(rng).integers(0, 256, (count, 24, 20, 3), dtype=np.uint8))


def test_a_picture_equals_scipy() -> None:
    picture = some(1)[0]
    luminance = picture @ np.array([0.299, 0.587, 0.114])
    seen = sketch(picture)
    assert seen.contrast == pytest.approx(luminance.std(), rel=1e-6)
    laplacian = ndimage.laplace(luminance, mode="nearest").std()
    assert seen.detail == pytest.approx(laplacian / luminance.std(), rel=1e-5)
    counts = np.unique(np.rint(luminance.astype(np.float32)), return_counts=True)[1]
    assert seen.tones == pytest.approx(stats.entropy(counts, base=2), rel=1e-9)


def test_closed_forms() -> None:
    board = sketch(grey(255 * (np.indices((32, 32)).sum(axis=0) % 2)))
    assert board.contrast == pytest.approx(127.5)
    assert board.tones == pytest.approx(1.0)
    assert board.detail == pytest.approx(8.0, rel=0.05)  # at the edges it is 6
    flat = sketch(grey(np.full((32, 32), 77)))
    assert (flat.contrast, flat.tones) == pytest.approx((0.0, 0.0), abs=1e-4)
    assert np.isnan(flat.detail)
    np.testing.assert_allclose(flat.thumbnail, 77)
    levels = sketch(grey(np.tile(np.arange(256), (4, 1))))
    assert levels.tones == pytest.approx(8.0)
    white = sketch(grey(np.random.default_rng(0).integers(0, 256, (256, 256))))
    assert white.detail == pytest.approx(20**0.5, rel=0.01)


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (16, 16), (300, 7)])
def test_pictures_of_any_size(shape: tuple[int, int]) -> None:
    seen = sketch(np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8))
    assert seen.thumbnail.shape == (16 * 16 * 3,)
    assert 0 <= seen.contrast <= 127.5
    assert 0 <= seen.tones <= 8


def test_variety_and_distinctness() -> None:
    def of(*levels: int) -> PictureSet:
        return picture_set([sketch(grey(np.full((8, 8), level))) for level in levels])

    rest = (40, 60, 80, 100, 120, 140)
    pairs = [abs(a - b) for a, b in itertools.combinations((0, 0, *rest), 2)]
    assert of(0, 0, *rest).variety == pytest.approx(np.mean(pairs))
    assert of(0, 0, *rest).distinct == pytest.approx(7 / 8)
    assert of(0, 1, *rest).distinct == pytest.approx(7 / 8)
    assert of(0, 3, *rest).distinct == 1
    again = picture_set([sketch(picture) for picture in some(1) * 10])
    assert (again.variety, again.distinct) == pytest.approx((0, 1 / 10))


def test_quartiles_over_pictures() -> None:
    contrasts = [10, 20, 30, 40, 50, 60, 70, 80, 90]
    ramps = [grey(100 + np.tile([-one, one], (8, 4))) for one in contrasts]
    seen = picture_set([sketch(one) for one in ramps])
    assert seen.contrast == pytest.approx(30)
    assert seen.tones == pytest.approx(1)
    of_two = picture_set([sketch(one) for one in [*some(7), *[grey(np.zeros((8, 8)))] * 8]])
    assert np.isnan(of_two.detail).all(), "seven pictures are not flat: too few for their detail"
    assert of_two.contrast == 0


def test_the_order_of_pictures_does_not_matter() -> None:
    sketches = [sketch(picture) for picture in some(9)]
    assert _numbers(picture_set(sketches[::-1])) == pytest.approx(_numbers(picture_set(sketches)), rel=1e-12)


def test_of_few_pictures_nothing_is_said() -> None:
    assert np.isnan(_numbers(picture_set([]))).all()
    assert np.isnan(_numbers(picture_set([sketch(one) for one in some(7)]))).all()
    assert not np.isnan(_numbers(picture_set([sketch(one) for one in some(8)]))).any()


def _numbers(seen: PictureSet) -> list[float]:
    return [seen.contrast, seen.tones, *seen.detail, seen.variety, seen.distinct]
