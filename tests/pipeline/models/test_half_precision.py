"""Families in half precision: drawn as the stock pipeline in that dtype draws, and their golden lists hold in it alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from every_family import EVERY_FAMILY, TinyFamily
from stock_families import by_seedscope, by_stock, golden_list, stock_pipe, study

from seedscope.analysis import GoldenMismatch

HALF = "bfloat16"
LATENTS = {"sd": torch.bfloat16, "flux": torch.bfloat16, "sd3": torch.bfloat16, "z-image": torch.float32}
"""Family -> dtype of the latents of its stock pipeline; that of Z-Image keeps them in float32 between steps."""


def models(folder: Path, name: str) -> tuple[TinyFamily, Path]:
    family = EVERY_FAMILY[name]
    return family, family.write(folder / "model")


@pytest.mark.parametrize("name", ["flux", "sd3", "z-image"])
def test_families_of_the_stock_call_draw_as_it_does(name: str, tmp_path: Path) -> None:
    family, folder = models(tmp_path, name)
    here = by_seedscope(study(folder, batch_size=1, dtype=HALF, **family.sampling()), tmp_path)
    assert np.array_equal(here, by_stock(stock_pipe(folder, torch.bfloat16), **family.arguments()))
    assert here.std() > 10


def test_the_own_loop_is_nearer_to_float32_than_the_stock_pipeline_is(tmp_path: Path) -> None:
    """The latents between its steps stay in float32."""
    family, folder = models(tmp_path, "sd")
    here, exact = (
        by_seedscope(study(folder, batch_size=1, dtype=dtype, **family.sampling()), tmp_path / dtype).astype(int)
        for dtype in (HALF, "float32")
    )
    there = by_stock(stock_pipe(folder, torch.bfloat16), **family.arguments()).astype(int)
    assert np.abs(here - exact).mean() < np.abs(there - exact).mean()
    assert np.abs(here - there).max() <= 2 * np.abs(there - exact).max()


@pytest.mark.parametrize("name", LATENTS)
def test_a_golden_list_holds_in_the_dtype_in_which_it_was_made(name: str, tmp_path: Path) -> None:
    family, folder = models(tmp_path, name)
    golden = golden_list(folder, tmp_path, dtype=HALF, **family.sampling())
    pipe, call = stock_pipe(folder, torch.bfloat16), family.arguments()
    golden.check(pipe, **call)
    assert golden.canary(pipe) < 1
    assert golden.latents(pipe).dtype == LATENTS[name]
    with pytest.raises(GoldenMismatch, match=f"is 'float32', but the list was made with '{HALF}'"):
        golden.check(stock_pipe(folder), **call)
