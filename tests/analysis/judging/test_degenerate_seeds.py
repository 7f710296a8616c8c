"""Degenerate seeds of a run: found by its pictures, drawn or imported, whatever was measured; none where nothing is wrong."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imported_runs import imported_run
from made_up_run import made_up, publish_run

from seedscope.analysis.features.real_images import RealImages
from seedscope.analysis.judging.degenerate_seeds import SEEDS, DegenerateSeeds, degenerate_seeds
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.pictures import RunPictures
from seedscope.pipeline.images import Pixels, decode

PROMPTS, COUNT = 8, 10


@cache
def real() -> list[Pixels]:
    source = RealImages.named("sprout")
    return [decode(row["bytes"]) for row in source.read(source.units()[0])["image"].to_pylist()[: PROMPTS * COUNT]]


def picture(prompt: int, seed: int) -> Pixels:
    return real()[prompt * COUNT + seed % COUNT]


def black(*seeds: int) -> Callable[[int, int], Pixels]:
    """The pictures of these seeds are black, for the others they are real ones."""
    return lambda prompt, seed: picture(prompt, seed) * np.uint8(seed not in seeds)


def test_the_seeds_of_black_pictures_are_named(tmp_path: Path) -> None:
    study = publish_run(tmp_path, made_up(PROMPTS, COUNT), pixels=black(3, 7))
    run = run_of(study, tmp_path / "run")
    found = degenerate_seeds(run, range(COUNT))
    assert list(found) == [3, 7]
    assert found[3].startswith("their contrast (grey levels, lower quartile) is 0.0, the median seed's ")
    assert degenerate_seeds(run, []) == {}
    assert degenerate_seeds(run, [1, 2]) == {}
    assert degenerate_seeds(run, [7]) == {7: found[7]}, "whatever else is asked for"


@pytest.mark.parametrize("pixels", [picture, lambda prompt, seed: picture(prompt, 0), lambda prompt, seed: real()[0]])
def test_none_where_nothing_is_wrong_or_all_are_alike(pixels: Callable[[int, int], Pixels], tmp_path: Path) -> None:
    study = publish_run(tmp_path, made_up(PROMPTS, COUNT), pixels=pixels)
    assert degenerate_seeds(run_of(study, tmp_path / "run"), range(COUNT)) == {}


def test_none_of_a_run_of_flat_colours(tmp_path: Path) -> None:
    study = publish_run(tmp_path, made_up(PROMPTS, COUNT))
    assert degenerate_seeds(run_of(study, tmp_path / "run"), range(COUNT)) == {}


def test_none_of_three_seeds_that_were_imported_with_a_gap(tmp_path: Path) -> None:
    study = imported_run(tmp_path)
    run = run_of(study)
    assert degenerate_seeds(run, run.wanted.seeds) == {}


def test_of_many_seeds_some_are_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not among those to compare with is found too; the second question reads no picture."""
    study = publish_run(tmp_path, made_up(PROMPTS, 80), pixels=black(79))
    read: list[int] = []
    monkeypatch.setattr(RunPictures, "__call__", _counting(RunPictures.__call__, read))
    guard = DegenerateSeeds(run_of(study, tmp_path / "run"))
    assert list(guard([79])) == [79]
    assert len(set(read)) == SEEDS
    before = len(read)
    assert list(guard([79, *sorted(set(read))])) == [79]
    assert len(read) <= before + PROMPTS, "at most one other stands in where a seed is not compared with itself"


def _counting(call: Callable[[RunPictures, int, str], Pixels | None], read: list[int]) -> Any:
    def counted(pictures: RunPictures, seed: int, prompt_id: str) -> Pixels | None:
        read.append(seed)
        return call(pictures, seed, prompt_id)

    return counted
