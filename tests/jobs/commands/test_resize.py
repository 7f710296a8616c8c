"""`seedscope resize` on the bundled one-step model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from commands import command
from PIL import Image

from seedscope.analysis.features.efficientnet_lite0 import EfficientNetLite0
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.run import DrawnRun
from seedscope.jobs.planning.draw_changed import draw_changed
from seedscope.jobs.planning.draw_resized import resizing_of

STUDY = {
    "name": "r",
    "model": "sprout-turbo",
    "sampling": {"steps": 1, "guidance": {"scale": 0}},
    "prompts": [{"grid": {"objects": ["cat", "car"]}}],
    "seeds": "0-3",
}


def written(folder: Path, **more: object) -> Path:
    file = folder / "study.yaml"
    file.write_text(yaml.safe_dump(STUDY | more))
    return file


def opened(folder: Path, **more: object) -> DrawnRun:
    run = run_of(written(folder, **more), folder / "run")
    assert isinstance(run, DrawnRun)
    return run


def test_tables_and_pages_are_written_and_the_own_size_is_the_same_picture(tmp_path: Path) -> None:
    sizes = ("--sizes", "72x48, 64x64")
    done = command("resize", written(tmp_path), "--out", tmp_path / "run", *sizes, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    table = pq.read_table(tmp_path / "run" / "resize.parquet")
    assert sorted(table["seed"].to_pylist()) == [0, 1, 2, 3] and said["seeds"] == table.to_pylist()
    for noise in ("resized", "plain"):
        assert set(table[f"{noise}_at_64x64"].to_pylist()) == {0.0}
        assert min(table[f"{noise}_at_72x48"].to_pylist()) > 0.05
    assert table["distance"].to_pylist() == pytest.approx(table["resized_at_72x48"].to_pylist())
    by_size = pq.read_table(tmp_path / "run" / "resize_sizes.parquet").to_pylist()
    assert [row["size"] for row in by_size] == ["72x48", "64x64"] and said["sizes"] == by_size
    assert by_size[1]["resized"] == 0 and by_size[1]["resized_p"] < by_size[0]["plain_p"]
    assert all(Image.open(tmp_path / "run" / name).width > 640 for name in ("resize.png", "resize_curves.png"))
    assert any("At 72x48 resized noise goes" in sentence for sentence in said["sentences"])
    assert not (tmp_path / "run" / ".resize").exists()


@pytest.mark.parametrize(
    ("size", "own", "other"),
    [
        ("72x64", (0, 64, 0, 64), (0, 64, 0, 64)),  # of an odd line, the place is at the border
        ("96x96", (0, 64, 0, 64), (16, 80, 16, 80)),
        ("96x48", (8, 56, 0, 64), (0, 48, 16, 80)),
        ("64x56", (8, 56, 0, 64), (0, 48, 0, 64)),
    ],
)
def test_compared_is_where_the_noise_is_the_seeds_own(
    tmp_path: Path, size: str, own: tuple[int, ...], other: tuple[int, ...]
) -> None:
    how = resizing_of(opened(tmp_path), size)
    assert how.regions == [(own, other)]
    native, resized, plain = (change.noise.latent(7) for change in how.changes)
    cut, cut_other = ((slice(None), slice(a // 8, b // 8), slice(c // 8, d // 8)) for a, b, c, d in (own, other))
    assert native[cut].equal(resized[cut_other]) and not native[cut].equal(plain[cut_other])
    assert resized.shape == plain.shape == (16, int(size[3:]) // 8, int(size[:2]) // 8)


def test_a_resized_picture_is_that_of_a_study_that_resizes(tmp_path: Path) -> None:
    run = opened(tmp_path)
    how = resizing_of(run, "80x72")
    drawn = draw_changed(run, EfficientNetLite0(), [0, 1], run.wanted.prompts[:1], [how.changes], tmp_path / "kept")
    sampling = {**STUDY["sampling"], "width": 80, "height": 72}  # type: ignore[dict-item]  # of a study as it is written
    (tmp_path / "two").mkdir()
    as_study = opened(tmp_path / "two", sampling=sampling, noise={"from": "64x64"})
    seen = resizing_of(opened(tmp_path / "two", sampling=sampling), "80x64").changes[:1]
    from seedscope.jobs.planning.draw_changed import Change
    from seedscope.pipeline.drawing.noise import recipe_of

    recipe = recipe_of(as_study.study, as_study.located)
    assert recipe is not None and recipe == how.changes[1].noise and seen[0].noise == how.changes[2].noise
    own = draw_changed(
        as_study, EfficientNetLite0(), [0, 1], run.wanted.prompts[:1], [[Change(recipe)]], tmp_path / "k"
    )
    for one, other in zip(drawn.pictures[1], own.pictures[0], strict=True):
        assert one is not None and other is not None and one.shape == (72, 80, 3)
        assert np.abs(one.astype(int) - other).max() <= 1


def test_what_was_stopped_goes_on(tmp_path: Path) -> None:
    run, kept = opened(tmp_path), tmp_path / "kept"
    how = resizing_of(run, "72x64")
    asked = (run, EfficientNetLite0(), [0, 1], run.wanted.prompts, [how.changes] * 2)
    told: list[int] = []

    def stop(count: int) -> None:
        told.append(count)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_changed(*asked, kept, stop)
    done = {file: file.stat().st_mtime_ns for file in kept.iterdir()}
    assert len(done) == 2
    next(iter(done)).write_bytes(b"PK damaged")
    drawn, whole = draw_changed(*asked, kept), draw_changed(*asked, tmp_path / "afresh")
    assert np.array_equal(drawn.vectors, whole.vectors)
    assert len(list(kept.iterdir())) == 6 and list(done)[1].stat().st_mtime_ns == list(done.values())[1]
    for one, other in zip(drawn.pictures, whole.pictures, strict=True):
        assert np.array_equal(one, other)  # type: ignore[arg-type]  # none failed


@pytest.mark.parametrize(
    ("more", "options", "said"),
    [
        ({}, "70x64", "--sizes 70x64: sprout-turbo makes sides that are multiples of 8, not 70; the nearest is 72"),
        ({}, "big", "--sizes big: sizes are WIDTHxHEIGHT in pixels"),
        ({}, "64x9000", "from 8 to 8192"),
        ({}, "64x64", "--sizes 64x64: is the study's own size. Name another one"),
        ({}, "64x8", "--sizes 64x8: is so small that its noise has nothing of the seeds' own"),
        ({"noise": {"from": "32x32"}}, "96x96", "noise.from: the study's noise is resized already"),
        (
            {"seeds": "0-2"},
            "96x96",
            "2 prompt(s) x 3 seed(s): seeds are compared with each other over prompts; take at ",
        ),
        ({"prompts": ["a cat"]}, "96x96", "1 prompt(s) x 4 seed(s)"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_drawn(
    tmp_path: Path, more: dict[str, object], options: str, said: str
) -> None:
    done = command("resize", written(tmp_path, **more), "--out", tmp_path / "run", "--sizes", options)
    assert done.returncode == 2 and said in " ".join(done.stderr.split())
    assert not list((tmp_path / "run").glob("resize*")) and not (tmp_path / "run" / ".resize").exists()


def test_without_sizes_there_are_smaller_larger_and_other_shapes(tmp_path: Path) -> None:
    how = resizing_of(opened(tmp_path, noise="nv"), None)
    assert how.sizes == [(48, 48), (64, 96), (96, 64), (80, 80), (96, 96)]
    assert {change.noise.source for change in how.changes} == {"nv"} and len(how.changes) == 11
