"""Text: the truth of rendered scenes, polygons and masks with known answers, and files that are not EasyOCR's."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import easyocr
import numpy as np
import pytest
from easyocr_en_models import model_dir
from PIL import Image
from repository import SHARED
from text_scenes import NOTHING, Mask, Row, needs_fonts, rows, same, scenes

from seedscope.analysis.features import FeatureError, feature
from seedscope.analysis.features.text.text import Counting, Text, TextMeasurer
from seedscope.analysis.features.text.text_regions import Polygon, Region, covered, upright
from seedscope.jobs.sprout import world

FIRST_SCENE = world.REFERENCE_SEEDS + (5 << 20)
COUNT = 30


@pytest.fixture(scope="module")
def text() -> TextMeasurer:
    return Text().load("cpu")


@pytest.fixture(scope="module")
def renders() -> list[world.Scene]:
    return scenes(FIRST_SCENE, COUNT)


@pytest.fixture(scope="module")
def found(text: TextMeasurer, renders: list[world.Scene]) -> list[Row]:
    return rows(text, np.stack([scene.pixels for scene in renders]))


def judged(words: list[tuple[Polygon, str, float]], mask: Mask, **options: float) -> Row:
    """The row of hand-made words (polygon in pixels, text, confidence) on a picture as large as the mask."""
    counting = Counting(**{"confidence": 0.0, "smallest_share": 0.0} | options)
    polygons = [np.clip(corners / mask.shape[::-1], 0, 1) for corners, _, _ in words]
    regions = [Region(polygon, covered(polygon, mask.shape), []) for polygon in polygons]
    kept = [i for i, region in enumerate(regions) if counting.counts(region.plane, mask)]
    values = counting.row([regions[i] for i in kept], [words[i][1:] for i in kept], mask)
    return dict(zip([item.name for item in Text().fields()], values, strict=True))


@needs_fonts
def test_words_are_found_where_they_are_printed_and_nowhere_else(renders: list[world.Scene], found: list[Row]) -> None:
    yes = np.array([row["text"] for row in found])
    true = np.array([scene.word is not None for scene in renders])
    assert true.sum() == (~true).sum() == COUNT
    assert (yes & true).sum() >= 0.95 * yes.sum()
    assert (yes & true).sum() >= 0.95 * COUNT
    read = [scene.word in row["text_words"] for scene, row in zip(renders[:COUNT], found[:COUNT], strict=True)]
    assert np.mean(read) > 0.75


@needs_fonts
def test_the_share_is_about_that_of_the_true_polygon(renders: list[world.Scene], found: list[Row]) -> None:
    """CRAFT's boxes have a margin around the ink: about 4 of 64 pixels in height."""
    errors = []
    for scene, row in zip(renders[:COUNT], found[:COUNT], strict=True):
        assert scene.word_polygon is not None
        true = covered(np.array(scene.word_polygon), (64, 64))
        seen = np.any([covered(np.reshape(corners, (4, 2)), (64, 64)) for corners in row["text_polygons"]], axis=0)
        errors.append(row["text_share"] - true.mean())
        assert (seen & true).sum() > 0.6 * true.sum()
    assert np.abs(errors).mean() < 0.08


@needs_fonts
def test_answers_and_words_are_readtexts(renders: list[world.Scene]) -> None:
    reader = easyocr.Reader(
        ["en"], gpu=False, quantize=False, model_storage_directory=model_dir(), download_enabled=False, verbose=False
    )
    exact = Text(half=False).load("cpu")
    chosen = [*range(5), COUNT]
    pixels = np.stack([renders[i].pixels.mean(axis=2, keepdims=True).astype(np.uint8).repeat(3, 2) for i in chosen])
    for row, picture in zip(rows(exact, pixels), pixels, strict=True):
        large = np.asarray(Image.fromarray(picture).resize((128, 128), Image.Resampling.BICUBIC))
        theirs = reader.readtext(large)
        assert sorted(row["text_words"]) == sorted(word for _, word, _ in theirs)
        assert sorted(row["text_confidences"]) == pytest.approx(sorted(sure for *_, sure in theirs), abs=1e-4)
        corners = sorted(np.clip(np.ravel(one) / 128, 0, 1).tolist() for one, *_ in theirs)
        assert np.allclose(sorted(row["text_polygons"]), corners, atol=1e-6)


@needs_fonts
def test_values_do_not_depend_on_the_batch_or_the_order(
    text: TextMeasurer, renders: list[world.Scene], found: list[Row]
) -> None:
    chosen = [0, COUNT, 1, 2, 3, COUNT + 1, 4]
    for order in (chosen, chosen[::-1], [3], [COUNT]):
        answers = rows(text, np.stack([renders[i].pixels for i in order]))
        assert all(same(row, found[i]) for row, i in zip(answers, order, strict=True))
    assert rows(text, np.zeros((0, 64, 64, 3), np.uint8)) == []


@needs_fonts
def test_only_words_in_the_mask_count(text: TextMeasurer, renders: list[world.Scene], found: list[Row]) -> None:
    masks = np.zeros((3, 64, 64), np.bool_)
    polygon = np.array(renders[0].word_polygon) * 64
    (left, top), (right, bottom) = polygon.min(axis=0).astype(int), polygon.max(axis=0).astype(int)
    masks[0, max(0, top - 4) : bottom + 4, max(0, left - 4) : right + 4] = True
    masks[1] = ~masks[0]
    around, elsewhere, empty = rows(text, np.stack([renders[0].pixels] * 3), masks)
    assert around["text"] and around["text_share"] > found[0]["text_share"]
    assert elsewhere == NOTHING
    assert set(empty.values()) == {None}
    assert Text.needs_control


def test_pixels_are_covered_by_their_centres() -> None:
    plane = covered(upright(0.25, 0.75, 0, 0.5), (4, 8))
    assert plane.sum() == 8 and plane[:2, 2:6].all()
    diamond = np.array([[0.5, 0], [1, 0.5], [0.5, 1], [0, 0.5]])
    assert covered(diamond, (200, 300)).mean() == pytest.approx(0.5, abs=0.01)
    assert not covered(upright(0.5, 0.5, 0.2, 0.9), (50, 50)).any()


def test_overlapping_words_are_counted_once_and_by_half_in_the_mask() -> None:
    whole = np.ones((10, 20), np.bool_)
    words = [(upright(0, 10, 0, 4), "ONE", 0.9), (upright(5, 15, 2, 6), "TWO", 0.2)]
    row = judged(words, whole)
    assert row["text"] and row["text_share"] == pytest.approx((40 + 40 - 10) / 200)
    half = whole.copy()
    half[:, 10:] = False  # all of one, half of the other
    row = judged(words, half)
    assert row["text_words"] == ["ONE", "TWO"] and row["text_share"] == pytest.approx((40 + 20 - 10) / 100)
    half[:, 9] = False  # 36 of 40, and less than half
    row = judged(words, half)
    assert row["text_words"] == ["ONE"] and row["text_share"] == pytest.approx(36 / 90)
    assert row["text_polygons"][0] == pytest.approx([0, 0, 0.5, 0, 0.5, 0.4, 0, 0.4])
    assert judged(words, whole, confidence=0.5)["text_words"] == ["ONE"]
    assert judged([(upright(-4, 40, -4, 40), "", 0.0)], whole)["text_share"] == 1
    assert judged(words, whole, smallest_share=0.21)["text"] is False
    assert set(judged(words, ~whole).values()) == {None}


def test_text_is_found_in_photographs_of_any_size(text: TextMeasurer) -> None:
    pictures = sorted((SHARED / "data" / "ocr").glob("*.png"))
    if not pictures:
        pytest.skip("the photographs with text are not there")
    small = Text(canvas_size=320).load("cpu")
    for path in pictures:
        pixels = np.asarray(Image.open(path).convert("RGB"))
        (row,) = rows(small, pixels[None])
        assert row["text"] and 0 < row["text_share"] < 1 and max(row["text_confidences"]) > 0.5, path
    plain = np.full((1, 70, 40, 3), 200, np.uint8)
    assert not rows(text, plain)[0]["text"]
    assert not rows(text, plain[:, :3, :])[0]["text"]


def test_files_that_are_not_easyocrs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match="there is no folder"):
        Text(weights=tmp_path / "none").fingerprint()
    with pytest.raises(FeatureError, match=r"craft_mlt_25k\.pth cannot be read .*; get it from https://github\.com"):
        Text(weights=tmp_path).load("cpu")
    (tmp_path / "craft_mlt_25k.pth").write_bytes(b"a pickle")
    wanted = "2f8227d2def4037cdb3b34389dcf9ec1"
    with pytest.raises(FeatureError, match=rf"its MD5 is \w{{32}}, {wanted} is wanted"):
        Text(weights=tmp_path).load("cpu")
    shutil.copy(Path(model_dir()) / "craft_mlt_25k.pth", tmp_path)
    with pytest.raises(FeatureError, match=r"english_g2\.pth cannot be read"):
        Text(weights=tmp_path).fingerprint()
    with pytest.raises(FeatureError, match=r"latin_g2\.pth cannot be read"):
        Text(languages="en, fr").fingerprint()
    for wrong in ("xx", "ja,ko", ""):
        with pytest.raises(FeatureError, match=r"text\.languages: EasyOCR does not read"):
            Text(languages=wrong).fingerprint()


def test_wrong_options_and_pictures_are_errors(text: TextMeasurer) -> None:
    with pytest.raises(FeatureError, match=r"text\.low_text is 1\.5"):
        feature("text", low_text=1.5)
    with pytest.raises(FeatureError, match=r"text\.shorter_side is 8"):
        Text(shorter_side=8)
    picture = np.zeros((1, 64, 64, 3), np.uint8)
    with pytest.raises(ValueError, match="masks are bool"):
        text.compute_inside(picture, [""], np.zeros((1, 32, 32), np.bool_))
    with pytest.raises(ValueError, match="uint8"):
        text.compute(picture.astype(np.float32), [""])


def test_fingerprints_follow_all_that_changes_values() -> None:
    options: list[dict[str, Any]] = [
        {},
        {"shorter_side": 256},
        {"canvas_size": 1000},
        {"text_threshold": 0.6},
        {"low_text": 0.3},
        {"link_threshold": 0.3},
        {"confidence": 0.1},
        {"smallest_share": 0.1},
        {"half": False},
    ]
    assert len({Text(**one).fingerprint() for one in options}) == len(options)
    assert Text(weights=model_dir()).fingerprint() == Text().fingerprint()
