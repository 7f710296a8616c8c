"""What ways to better pictures are compared on: prompts that chose no seed, seeds, who guides, who chooses and who judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seedscope.analysis.experiments.golden_table.arms import Arms, arms_of_half, halves
from seedscope.analysis.features.clip_score import ClipScore
from seedscope.analysis.judging.measurement import Measurement, good_measurement, quality
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.run.sampled_pictures import evenly
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.networks.likeness import PROMPT, likeness_of
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import fingerprint
from seedscope.pipeline.study.similarity import CLIP, Similarity

FEWEST_GROUPS = 3


@dataclass(frozen=True)
class Guide:
    """The CLIP that guides towards a text: a bundled name, a folder or a hub id. measured: by which measurement of the run it
    judges too, None where it is none of the run's features."""

    model: str
    revision: str | None
    measured: Measurement | None


@dataclass(frozen=True, eq=False)
class Ground:
    """prompts: that are judged on. other: one of another group, of the other half. random: seeds that are not golden; drawn:
    those of them that are drawn anew. golden: None where `silent` says why. chooser: by which the best of N is chosen."""

    run: DrawnRun
    prompts: Sequence[Prompt]
    other: Prompt
    golden: Arms | None
    random: Sequence[int]
    drawn: Sequence[int]
    guide: Guide
    judge: Measurement
    silent: str

    @property
    def chooser(self) -> Measurement:
        """What guides, where the run measures it: so both ways go by the same; else what judges."""
        return self.guide.measured or self.judge

    @property
    def groups(self) -> int:
        return len({prompt.group for prompt in self.prompts})


def rng_of(run: DrawnRun, use: str) -> np.random.Generator:
    """Randomness of its own for each use, which depends on the run alone."""
    cause = {"cause": run.cause, "for": f"table guidance {use}"}
    return np.random.default_rng(int(fingerprint(cause)[:16], 16))


def ground(run: DrawnRun, prompts: int, seeds: int, best: int | None, by: str | None, guide: str | None) -> Ground:
    """Choose golden seeds on one half of the prompts, and at most so many `prompts` of the other to judge on.

    Args:
        seeds: how many are drawn anew.
        best: golden seeds to choose; None: as many as the study's list may have.

    Raises:
        UserError: the run is not finished, measures too little, has too few groups of prompts, or draws what cannot be guided.
    """
    _refuse(run)
    judge = good_measurement(run.measured, by, "--by")
    guided_by = _guide(run, guide)
    half = halves(run, "Draw prompts of more groups.")
    judged = evenly(half.held_out, prompts)
    if (count := len({prompt.group for prompt in judged})) < FEWEST_GROUPS:
        raise UserError(
            f"--prompts {prompts}: {len(judged)} prompts are of {count} group(s), and intervals need {FEWEST_GROUPS}. Ask for "
            "more."
        )
    golden, silent = _golden(run, half.choosing, best)
    random = list(run.wanted.seeds) if golden is None else list(golden.random)
    rng = rng_of(run, "seeds")
    drawn = sorted(int(seed) for seed in rng.choice(random, min(seeds, len(random)), replace=False))
    other = half.choosing[int(rng.integers(len(half.choosing)))]
    return Ground(run, judged, other, golden, random, drawn, guided_by, judge, silent)


def towards(guide: Guide, text: str, strength: float, through: str) -> Similarity:
    """Guidance towards a text, in which `{prompt}` is that of each picture."""
    return Similarity.model_validate(
        {
            "to": {"text": text},
            "by": guide.model,
            "revision": guide.revision,
            "strength": strength,
            "through": through,
        }
    )


def _refuse(run: DrawnRun) -> None:
    name, sampling = run.study.name, run.study.sampling
    if run.study.task_name != "prompts":
        raise UserError(
            f"{name}: draws by `{run.study.task_name}`, and guidance is tried in pictures drawn from prompts alone. Name a "
            "study without this key."
        )
    if sampling.guidance.acting_similarity is not None:
        raise UserError(
            f"{name}: its pictures are guided by similarity already, and are no plain ones to compare with. Name a study "
            "without sampling.guidance.similarity."
        )
    if sampling.steps == 1:
        raise UserError(
            f"{name}: makes one step, so that there is none on the way to guide. `seedscope table golden` holds golden seeds "
            "and best-of-N against each other."
        )


def _guide(run: DrawnRun, named: str | None) -> Guide:
    """The named CLIP, or that of the study's clip_score.

    Raises:
        UserError: there is none.
    """
    scores = [item for item in run.measured if isinstance(item, ClipScore)]
    options = next((choice.options for choice in run.study.features if choice.name == ClipScore.name), {})
    if named is None and not scores:
        raise UserError(
            f"{run.study.name}: measures no clip_score, whose network could guide. Name a CLIP with --guide, such as "
            "sprout-clip."
        )
    model, revision = (named, None) if named is not None else (str(options.get("model", CLIP)), options.get("revision"))
    guide = Guide(model, None if revision is None else str(revision), None)
    identity = likeness_of(towards(guide, PROMPT, 1.0, "network")).cause()["model"]
    same = next((quality(item) for item in scores if item.facts()["model"] == identity), None)
    return Guide(guide.model, guide.revision, same)


def _golden(run: DrawnRun, choosing: Sequence[Prompt], best: int | None) -> tuple[Arms | None, str]:
    try:
        return arms_of_half(run, choosing, best), ""
    except UserError as reason:
        return None, str(reason)
