"""What the tests of text share: rendered scenes whose words are known, and a feature's columns as rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from seedscope.analysis.features.text.text import Text, TextMeasurer
from seedscope.jobs.sprout import world

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Row = dict[str, Any]
NOTHING = {"text": False, "text_share": 0.0, "text_words": [], "text_confidences": [], "text_polygons": []}
needs_fonts = pytest.mark.skipif(
    not (world.EMOJI_FONT.exists() and world.WORD_FONT.exists()),
    reason="rendering needs Debian's fonts-noto-color-emoji and fonts-dejavu-core",
)


def scenes(first: int, count: int) -> list[world.Scene]:
    """`count` scenes with a word from seed `first` on, then as many without, which stand between them."""
    printed: list[world.Scene] = []
    bare: list[world.Scene] = []
    while len(printed) < count or len(bare) < count:
        scene = world.render(first)
        (bare if scene.word is None else printed).append(scene)
        first += 1
    return [*printed[:count], *bare[:count]]


def rows(text: TextMeasurer, pixels: Pixels, masks: Mask | None = None) -> list[Row]:
    """A row a picture, having checked names and types of the columns, and that they agree."""
    prompts = [""] * len(pixels)
    columns = text.compute(pixels, prompts) if masks is None else text.compute_inside(pixels, prompts, masks)
    assert {item.name: item.type for item in Text().fields()} == {key: value.type for key, value in columns.items()}
    lists = [column.to_pylist() for column in columns.values()]
    found = [dict(zip(columns, values, strict=True)) for values in zip(*lists, strict=True)]
    for row in found:
        if row["text"] is None:
            assert set(row.values()) == {None}
        else:
            assert len(row["text_words"]) == len(row["text_confidences"]) == len(row["text_polygons"])
            assert (row["text_share"] > 0) == row["text"] == bool(row["text_words"])
    return found


def same(row: Row, wanted: Row) -> bool:
    """Whether two rows say the same, numbers to 1e-4."""
    lists = ("text_share", "text_confidences", "text_polygons")
    return bool(
        row["text_words"] == wanted["text_words"]
        and all(np.shape(row[name]) == np.shape(wanted[name]) for name in lists)
        and all(np.allclose(row[name], wanted[name], atol=1e-4) for name in lists)
    )
