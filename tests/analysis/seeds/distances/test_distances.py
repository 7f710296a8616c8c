"""Distances by name: each is what its name says, is made of real pictures that allow it, and no other name passes."""

from __future__ import annotations

import numpy as np
import pytest

from seedscope.analysis.seeds.distances.base import (
    FRECHET,
    NAMES,
    RealFeatures,
    UnfitReference,
    distance_class,
    refuse_unknown,
)
from seedscope.analysis.seeds.distances.frechet import Reference, frechet_distance_of_rows
from seedscope.analysis.seeds.distances.moments import Array, moments
from seedscope.pipeline.errors import UserError


def real(rows: Array) -> RealFeatures:
    return RealFeatures(Reference.of(moments(rows)), lambda: rows, lambda _: np.random.default_rng(0))


@pytest.mark.parametrize("name", [FRECHET, *NAMES])
def test_every_name_is_a_distance_of_that_name(name: str) -> None:
    """The same pictures are the best, others worse the more they are moved, but that copies are not authentic and nothing
    moves a Vendi score; the order of the pictures does not matter."""
    rng = np.random.default_rng(1)
    rows, prompts = rng.standard_normal((60, 4)) + 1.0, np.arange(60) // 2
    distance = distance_class(name)(real(rows))
    assert distance.name == name and (distance.real_images, distance.dimensions) == (None if name == "vendi" else 60, 4)
    moved = [rows + shift * np.array([1.0, 0.0, 0.0, 0.0]) for shift in (0.0, 2.0, 5.0)]
    found = np.array([distance.of_seed(pictures, prompts).estimate for pictures in moved], dtype=np.float64)
    assert (distance.floor - 1e-9 <= found).all() and (found <= distance.ceiling).all()
    if name != "vendi":
        worse = found if (distance.better == "lower") != (name == "authenticity") else -found
        assert worse[0] < worse[1] < worse[2]
    if name != "fd_infinity":  # its subsets go by the order
        order = rng.permutation(60)
        assert distance.of_seed(rows[order] + 1.0, prompts[order]).estimate == pytest.approx(
            distance.of_seed(rows + 1.0, prompts).estimate, rel=1e-9
        )
    assert distance.title("fd_dinov2")


def test_the_frechet_distance_is_that_of_the_rows() -> None:
    rng = np.random.default_rng(2)
    known, rows = real(rng.standard_normal((60, 4))), rng.standard_normal((20, 4))
    expected = frechet_distance_of_rows(rows, known.reference)
    assert distance_class(FRECHET)(known).of_seed(rows, np.arange(20)).estimate == pytest.approx(expected)


def test_real_pictures_that_allow_no_distance_are_refused() -> None:
    with pytest.raises(UnfitReference, match="a row of zeros that has no direction"):
        distance_class("cmmd")(real(np.zeros((5, 4))))


def test_unknown_names_are_refused_with_their_places() -> None:
    refuse_unknown(NAMES)
    known = "Known: kid, cmmd, cmmd_unbiased, fd_infinity, precision, recall, density, coverage, vendi, authenticity."
    with pytest.raises(UserError) as refused:
        refuse_unknown(["kid", "mmd", FRECHET, "ssim"])
    assert str(refused.value).splitlines() == [
        f"ranking.distances.1: no measure is called 'mmd'; did you mean 'cmmd'? {known}",
        f"ranking.distances.2: no measure is called 'frechet'. {known}",
        f"ranking.distances.3: no measure is called 'ssim'. {known}",
    ]
