"""Pictures at their full size, what the pages' scripts know of them, and tables of groups, in files."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_report import made_up, made_up_pictures, repeated
from made_up_run import made_up as made_up_values
from made_up_run import publish_run
from PIL import Image

from seedscope.analysis.report.by_group import by_group
from seedscope.analysis.report.data import ReportData
from seedscope.analysis.report.gather.gather import make_report, report_data
from seedscope.analysis.report.page import write_report
from seedscope.analysis.report.pictures import seeds_shown, wanted_pictures
from seedscope.analysis.report.run_part import MISSING
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.pictures import RunPictures
from seedscope.pipeline.images import Pixels, decode, encode

SEEDS, PROMPTS = 20, 12


@pytest.fixture(scope="module")
def data() -> ReportData:
    return made_up(SEEDS, PROMPTS, np.random.default_rng(3))


def part(report: Path) -> dict[str, object]:
    text = (report / "parts/run.js").read_text(encoding="utf-8")
    found: dict[str, object] = json.loads(text.removeprefix("seedscope.receiveRun(").removesuffix(");\n"))
    return found


def codes(report: Path, name: str) -> np.ndarray:
    text = (report / f"parts/scores/{name}.js").read_text(encoding="ascii")
    return np.frombuffer(base64.b64decode(text.split('"')[1]), "<u2")


def test_the_pictures_of_the_first_page_come_first(data: ReportData) -> None:
    first = {(seed, data.places[prompt]) for seed in seeds_shown(data) for prompt in data.shown}
    for most in (1, 30, len(first)):
        some = wanted_pictures(data, range(SEEDS), most)
        cells = {(seed, place) for seed, places in some.items() for place in places}
        assert len(cells) == most and cells <= first
    assert sum(map(len, wanted_pictures(data, range(SEEDS), 100).values())) == 100
    assert wanted_pictures(data, range(SEEDS), 0) == {}
    every = wanted_pictures(data, range(SEEDS), None)
    assert set(every) == set(range(SEEDS)) and all(len(places) == PROMPTS for places in every.values())


def test_files_are_the_bytes_of_the_run(data: ReportData, tmp_path: Path) -> None:
    picture = repeated(made_up_pictures(5), data)

    def encoded(seed: int, prompt: str) -> bytes | None:
        pixels = picture(seed, prompt)
        if pixels is None:
            return None
        if seed == 1:  # of another format than those that the project writes
            (tmp_path / "x.bmp").parent.mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "x.bmp")
            return (tmp_path / "x.bmp").read_bytes()
        return encode(pixels)

    report = write_report(data, picture, tmp_path / "report", None, encoded, None).parent
    assert (report / "pictures/000004/0007.webp").read_bytes() == encoded(4, list(data.prompts)[7])
    turned = decode((report / "pictures/000001/0002.webp").read_bytes())
    assert np.array_equal(turned, picture(1, list(data.prompts)[2]))  # type: ignore[arg-type]
    full = part(report)["full"]
    without = [place for place in range(PROMPTS) if place not in (1, 6)]
    assert full == {".webp": {str(seed): True if seed != 3 else without for seed in range(SEEDS)}}
    assert len(list((report / "pictures").rglob("*.webp"))) == SEEDS * PROMPTS - 2


def test_scores_are_those_of_the_data(data: ReportData, tmp_path: Path) -> None:
    report = write_report(data, lambda seed, prompt: None, tmp_path / "report").parent
    about = part(report)["measures"]
    assert [one["name"] for one in about] == [scores.measure for scores in data.scores]  # type: ignore[attr-defined]
    of_seed = codes(report, "seed_000007").reshape(len(data.scores), PROMPTS)
    for place, scores in enumerate(data.scores):
        low, high = about[place]["low"], about[place]["high"]  # type: ignore[index]
        found = codes(report, f"measure_{place}").reshape(SEEDS, PROMPTS)
        values = np.where(found == MISSING, np.nan, low + found / (MISSING - 1) * (high - low))
        assert np.allclose(values, scores.values.T, atol=(high - low) / 1e5, equal_nan=True)
        assert np.array_equal(found[7], of_seed[place])
    assert not (report / "pictures").exists() and part(report)["full"] == {}


def test_a_seed_without_scores_has_none(data: ReportData, tmp_path: Path) -> None:
    first = data.scores[0]
    some = replace(first, seeds=first.seeds[:5], values=first.values[:, :5])
    report = write_report(replace(data, scores=[some]), lambda seed, prompt: None, tmp_path / "report").parent
    assert (codes(report, "seed_000019") == MISSING).all() and (codes(report, "seed_000004") != MISSING).any()


def test_groups_by_hand(data: ReportData) -> None:
    groups = {prompt: "even" if place % 2 == 0 else "odd" for prompt, place in data.places.items()}
    values = np.zeros((PROMPTS, SEEDS), np.float32)
    values[::2, 4], values[1::2, 9] = 3.0, -2.0
    values[0, 4] = np.nan
    scores = replace(data.scores[0], values=values)
    golden = replace(data.golden, seeds=[4])  # type: ignore[type-var]
    even, odd = by_group(replace(data, groups=groups, scores=[scores], golden=golden))[scores.measure]
    assert (even.group, even.prompts, odd.group) == ("even", 6, "odd")
    assert even.best == (4, pytest.approx(3 * (1 - 1 / SEEDS))) and odd.worst == (
        9,
        pytest.approx(-2 * (1 - 1 / SEEDS)),
    )
    assert even.golden.value == pytest.approx(3 * (1 - 1 / SEEDS)) and even.golden.interval is not None
    assert odd.golden.value == pytest.approx(2 / SEEDS)
    lower = replace(data.measures[0], better="lower")
    turned = replace(data, groups=groups, scores=[scores], golden=None, measures=[lower])
    (even, _) = by_group(turned)[scores.measure]
    assert even.worst is not None and even.worst[0] == 4 and even.golden.value is None


def test_prompts_that_stand_alone_are_no_groups(data: ReportData) -> None:
    assert by_group(replace(data, groups={prompt: prompt for prompt in data.prompts})) == {}
    assert by_group(replace(data, groups={})) == {}


def noisy(place: int, seed: int) -> Pixels:
    return np.random.default_rng([place, seed]).integers(0, 256, (24, 32, 3), np.uint8)


def test_a_run_has_its_own_pictures_and_scores(tmp_path: Path) -> None:
    values = made_up_values(8, 6)
    values["clip_score"][2, 3] = np.nan
    run = run_of(publish_run(tmp_path, values, pixels=noisy), tmp_path / "run")
    report = make_report(run, tmp_path / "report", None, None).parent
    prompts = [prompt.id for prompt in run.wanted.prompts]
    pictures = RunPictures(run.images, run.units)
    for seed, place in ((0, 0), (5, 7)):
        file = report / f"pictures/{seed:06d}/{place:04d}.webp"
        assert file.read_bytes() == pictures.encoded(seed, prompts[place])
        assert np.array_equal(decode(file.read_bytes()), noisy(place, seed))
    (scores,) = [scores for scores in report_data(run).scores if scores.measure == "clip_score"]
    assert np.allclose(scores.values, values["clip_score"].astype(np.float32), equal_nan=True)
    assert scores.seeds == list(range(6)) and part(report)["ids"] == prompts
