"""The sheet of table 1: pictures of golden, random and worst seeds, for the same prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from seedscope.analysis.sheets.contact_sheet import BEST, WORST, Row, Section, draw_sections
from seedscope.analysis.sheets.paper import GREY


@dataclass(frozen=True)
class Standing:
    """Of a seed: its rank among those that it was chosen from, its value on the sheet's axis, and the interval of this."""

    rank: int
    value: float
    interval: tuple[float, float] | None


def arms_sheet(
    arms: Mapping[str, Sequence[int]],
    standings: Mapping[int, Standing],
    pictures: Mapping[tuple[int, str], Image.Image],
    prompts: Mapping[str, str],
    *,
    title: str,
    measure: str,
    notes: Sequence[str],
) -> Image.Image:
    """Draw it.

    Args:
        arms: heading -> seeds, in order; the first are the best.
        pictures: (seed, prompt id) -> picture.
        prompts: id -> what stands over the pictures.
    """
    accents = (BEST, GREY, WORST)
    sections = [
        Section(heading, accent, [_row(seed, standings[seed], pictures, prompts) for seed in seeds])
        for (heading, seeds), accent in zip(arms.items(), accents, strict=True)
    ]
    return draw_sections(sections, list(prompts.values()), title=title, measure=measure, notes=notes)


def _row(
    seed: int, standing: Standing, pictures: Mapping[tuple[int, str], Image.Image], prompts: Mapping[str, str]
) -> Row:
    images = [pictures.get((seed, prompt)) for prompt in prompts]
    return Row(seed, standing.rank, standing.value, standing.interval, images)
