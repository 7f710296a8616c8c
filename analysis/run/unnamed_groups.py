"""Prompts that seem to belong together though the study does not say so: how many, and what that does to the tests.

Every test of seeds takes prompts of different groups for independent. The luck of a seed with one object comes into all
prompts of it, and passes for an effect where each of them counts by itself.
Source: Kish (1965), "Survey Sampling", section 11.7, for the effective number.
Deviation: by the extreme case, in which all prompts of a group tell the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from seedscope.analysis.run.run import Run
from seedscope.pipeline.study.likely_groups import with_likely_groups
from seedscope.pipeline.study.prompts import Prompt

TELL_BELOW = 0.8
"""Share of the effective number of prompts that is left with the groups that were found. At that, were all prompts of a group
to tell the same, a test of one seed at 5 % would err in 8 %."""


def unnamed_groups(run: Run) -> list[str]:
    """Sentences on groups that the study does not name and its texts suggest; none where it has them, or loses little."""
    if run.study.groups == "auto":
        return []
    named, found = run.wanted.prompts, with_likely_groups(run.wanted.prompts)
    before, after = effective_number(named), effective_number(found)
    if after >= TELL_BELOW * before:
        return []
    together = _together(named, found)
    groups = Counter(prompt.group for prompt in together)
    largest = min(groups, key=lambda group: (-groups[group], group))
    one, other = sorted(
        (prompt.text for prompt in together if prompt.group == largest), key=lambda text: (len(text), text)
    )[:2]
    return [
        f"{len(together):,} of {len(named):,} prompts seem to belong to {len(groups):,} group{'s' * (len(groups) > 1)} that "
        f"the study does not name, such as {_short(one)!r} and {_short(other)!r}. Tests take each prompt for evidence of its "
        f"own, so that a seed's luck with one object passes for an effect of the seed: all {len(named):,} may be worth no more "
        f"than {after:,.0f} independent ones.",
        "Write `groups: auto` into the study, or name groups by a grid or a `group` column, and judge again; pictures stay.",
    ]


def effective_number(prompts: Sequence[Prompt]) -> float:
    """n^2 / (sum of squared sizes of groups): the independent prompts that n are worth if each group tells one thing."""
    sizes = Counter(prompt.group for prompt in prompts)
    return len(prompts) ** 2 / sum(size**2 for size in sizes.values()) if prompts else 0.0


def _together(named: Sequence[Prompt], found: Sequence[Prompt]) -> list[Prompt]:
    """Those of the prompts without a named group that are not alone in the group that was found."""
    sizes = Counter(prompt.group for prompt in found)
    return [new for old, new in zip(named, found, strict=True) if not old.has_named_group and sizes[new.group] > 1]


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
