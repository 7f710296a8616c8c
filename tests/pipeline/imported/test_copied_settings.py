"""Texts of A1111 and SD.Next that went through another program on their way into the picture."""

import json
import time
from pathlib import Path

import foreign_pictures as foreign
import pytest

from seedscope.pipeline.imported.formats import a1111
from seedscope.pipeline.imported.formats.embedded import read_header, recipe_of
from seedscope.pipeline.imported.formats.recipe import NoMetadata, Settings, Unread

LINE = "Steps: 36, Sampler: deis beta, CFG scale: 5, Seed: 77, Size: 24x16, Model: nova"
SETTINGS = Settings("bad", "nova", "deis beta", 36, 5.0, (24, 16))
BARS = "Steps: 36 | Seed: 77 | Sampler: deis beta | CFG scale: 5 | Size: 24x16 | Model: nova | Operations: | Note: a, b"


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        (f"a knight,.Negative prompt: bad.{LINE}", "a knight,"),
        (f"a knight..Negative prompt: bad.{LINE}", "a knight."),
        (f"a (knight:1.2), snow, Negative prompt: bad {LINE}", "a (knight:1.2), snow,"),
        (f"a knight\\nin snow\\nNegative prompt: bad\\n{LINE}", "a knight\nin snow"),
        (f"a knight\nin snow\nNegative prompt: bad {LINE}", "a knight\nin snow"),
    ],
)
def test_lost_line_breaks_are_found_by_what_follows_them(text: str, prompt: str) -> None:
    found = a1111.parse(text)
    assert (found.prompt, found.seed, found.settings, found.further) == (prompt, 77, SETTINGS, {})


def test_a_line_alone_has_no_negative_prompt() -> None:
    assert a1111.parse(f"a cat.{LINE}").prompt == a1111.parse(f"a cat {LINE}").prompt == "a cat"
    assert a1111.parse(f"a cat.{LINE}").settings.negative_prompt == ""


@pytest.mark.parametrize(
    "text",
    [
        f"a cat Sampler: Euler, {LINE}",  # where the settings begin is not told
        f"a cat\nsampler: Euler, {LINE}",
        f"a cat.Negative prompt: a.Negative prompt: b.{LINE}",
        f"a cat;Negative prompt: a;{LINE}",
        '{"prompt": "a cat\\\\nSteps: 20, Sampler: Euler, Seed: 5',
        "a drawing in Steps: 3, Hands: 2",
        "how to draw. Steps: 3, then more",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(Unread, match="no line of settings"):
        a1111.parse(text)


def test_a_text_with_line_breaks_is_read_by_them() -> None:
    asked = f"a cat.Negative prompt: dogs. {LINE}"
    found = a1111.parse(foreign.infotext(asked, 5))
    assert (found.prompt, found.seed, found.settings.negative_prompt) == (asked, 5, "")


@pytest.mark.parametrize(
    ("text", "pipeline"),
    [
        (f"prompt: a harbour\nat dusk\nNegative prompt: bad\nVersion: aa62, Pipeline: Original,\n{BARS}", "Original"),
        (f"a harbour\nat dusk\nNegative prompt: bad\nVersion: aa62, Pipeline: Original, {BARS}", "Original"),
        (f"a harbour\nat dusk\nNegative prompt: bad\n{BARS}", None),
    ],
)
def test_settings_of_sd_next_between_bars(text: str, pipeline: str | None) -> None:
    found = a1111.parse(text)
    assert (found.prompt, found.seed, found.settings) == ("a harbour\nat dusk", 77, SETTINGS)
    assert found.further == {"note": "a, b"} | ({"pipeline": pipeline} if pipeline else {})


def test_a_prompt_keeps_its_bars_and_the_word_prompt() -> None:
    assert a1111.parse(f"prompt: a cat | a dog\n{LINE}").prompt == "prompt: a cat | a dog"
    assert a1111.parse(f"a cat | a dog, Version: 2,\n{BARS}").prompt == "a cat | a dog, Version: 2,"


def test_a_copy_is_found_where_other_programs_put_comments(tmp_path: Path) -> None:
    file = foreign.with_user_comment(tmp_path / "a.jpg", f"a knight.Negative prompt: bad.{LINE}")
    assert recipe_of(read_header(file).texts).prompt == "a knight"
    file = foreign.with_exif(tmp_path / "b.jpg", 0x010E, f"a knight.Negative prompt: bad.{LINE}")
    assert recipe_of(read_header(file).texts).prompt == "a knight"
    file = foreign.with_exif(
        tmp_path / "c.jpg", 0x010E, json.dumps({"note": f"a knight\nNegative prompt: bad\n{LINE}"})
    )
    with pytest.raises(NoMetadata):
        recipe_of(read_header(file).texts)


def test_long_texts_take_no_long_time() -> None:
    begun = time.process_time()
    for text in ("x Steps: 1, A: 1 " * 50_000, ".Negative prompt:" * 50_000 + f".{LINE}", "a: b, " * 50_000 + LINE):
        with pytest.raises(Unread):
            a1111.parse(text)
    assert time.process_time() - begun < 5
