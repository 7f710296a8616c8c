"""Tests that render scenes need the fonts of the world."""

import pytest

from seedscope.jobs.sprout import world

needs_fonts = pytest.mark.skipif(
    not (world.EMOJI_FONT.exists() and world.WORD_FONT.exists()),
    reason="rendering needs Debian's fonts-noto-color-emoji and fonts-dejavu-core",
)
