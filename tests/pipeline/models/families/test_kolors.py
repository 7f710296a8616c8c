"""Kolors: pictures equal to the stock pipeline's, a golden list that holds in it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from stock_families import by_seedscope, by_stock, golden_list, holds_in_stock_code, stock_pipe, study
from tiny_families.kolors import kolors

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.locate import locate

sentencepiece = pytest.importorskip("sentencepiece")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kolors(tmp_path_factory.mktemp("models") / "kolors")


@pytest.mark.parametrize("sampling", [{}, {"guidance": {"scale": 4.0, "negative_prompt": "red"}}, {"height": 48}])
def test_pixels_equal_stock(folder: Path, tmp_path: Path, sampling: dict[str, object]) -> None:
    wanted = study(folder, batch_size=1, **sampling)
    call = {"negative_prompt": wanted.sampling.guidance.negative_prompt or None, "height": wanted.sampling.height}
    expected = by_stock(stock_pipe(folder), guidance_scale=4.0, **call)
    np.testing.assert_array_equal(by_seedscope(wanted, tmp_path), expected)


def test_a_golden_list_holds_in_stock_code(folder: Path, tmp_path: Path) -> None:
    golden = golden_list(folder, tmp_path)
    holds_in_stock_code(golden, stock_pipe(folder), num_inference_steps=2, guidance_scale=4.0)


def test_what_its_steps_do_not_know_is_refused(folder: Path) -> None:
    wanted = study(folder, clip_skip=1)
    located = locate(wanted.model)
    with pytest.raises(ModelError, match="sampling.clip_skip: the steps of a KolorsPipeline .* knows no such argument"):
        located.family.refuse(located.pipeline, wanted.sampling, by_prompt=True)


def test_without_sentencepiece_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="needs sentencepiece. Install it: pip install sentencepiece"):
        locate(study(folder).model)
