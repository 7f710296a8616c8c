"""What an export is made from: a run as it lies in its folder, and the seeds that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seedscope.analysis.judging.run_view import RunView
from seedscope.analysis.select.golden import GoldenSeeds
from seedscope.pipeline.drawing.noise.recipe import Recipe
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.prompts import Prompt

LOOKING = "fiftyone, evalscope and geneval take its pictures as they are."
"""The remedy where no other program can draw the seeds of a run."""


@dataclass(frozen=True)
class Source:
    """A run to export.

    Attributes:
        run: to look at.
        asked: the seeds that were named; None: the golden ones to draw with, all to look at.
    """

    run: RunView
    asked: Sequence[int] | None = None

    @property
    def place(self) -> str:
        """Where the run lies, for messages."""
        return self.run.folder.storage.url

    @property
    def name(self) -> str:
        """The name of the study: letters, digits and `._-`."""
        return self.run.study.name

    @property
    def prompts(self) -> Sequence[Prompt]:
        """Those by which the seeds were judged."""
        return self.run.judged.prompts

    def golden(self) -> GoldenSeeds:
        """The golden list of the run, whose conditions hold for each of its seeds.

        Raises:
            UserError: of imported pictures; or it is not written yet.
        """
        if "imported" in self.run.cause:
            raise UserError(
                f"{self.place}: its pictures were imported, so that nobody knows how the noise of a seed was drawn, and no "
                f"program can be told how to draw one; {LOOKING}"
            )
        golden = self.run.golden
        if golden is None:
            raise UserError(f"{self.place}: has no golden.json yet. `seedscope export {self.place}` writes it.")
        return golden

    def noise(self, program: str) -> Recipe:
        """How the noise of a seed is drawn.

        Raises:
            UserError: as for `golden`; or the model draws its noise itself, or in a way that is not known here.
        """
        golden = self.golden()
        if golden.noise is None:
            raise UserError(
                f"{self.place}: its {golden.conditions.model.pipeline} draws its noise itself, which cannot be handed to "
                f"{program}. Draw with diffusers, by `golden.generators()`; or look: {LOOKING}"
            )
        try:
            return golden.noise.recipe
        except ValueError as error:
            raise UserError(f"{self.place}: {error}") from None

    def drawn_seeds(self) -> list[int]:
        """The seeds with which another program is to draw.

        Raises:
            UserError: as for `golden`; or none was named, and none is golden.
        """
        golden = self.golden()
        seeds = list(golden.seeds if self.asked is None else self.asked)
        if not seeds:
            raise UserError(
                f"{self.place}: has no golden seeds to draw with. Name others, such as --seeds "
                f"{_some(self.run.edition.seeds)}; "
                "`seedscope seeds` says why none is golden."
            )
        return seeds

    def shown_seeds(self) -> frozenset[int]:
        """The seeds whose pictures are to be looked at.

        Raises:
            UserError: the run has none of that name.
        """
        drawn = {seed for unit in self.run.units for seed in unit.seeds}
        if self.asked is None:
            return frozenset(drawn)
        if missing := [seed for seed in self.asked if seed not in drawn]:
            raise UserError(f"--seeds: {self.place} has no pictures of seed {missing[0]}; it has {len(drawn):,} seeds.")
        return frozenset(self.asked)


def _some(seeds: Sequence[int]) -> str:
    return ",".join(map(str, seeds[:3]))
