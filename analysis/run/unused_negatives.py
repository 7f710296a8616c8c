"""Negative prompts that stand beside the prompts of a file, and that nothing is drawn with."""

from seedscope.analysis.run.run import Run

_NAMES = ("negative_prompt", "negative")


def unused_negatives(run: Run) -> list[str]:
    """A sentence on negative prompts that a file of prompts has and the study does not draw with; none where there are none."""
    found = {
        name: sum(bool(str(prompt.facts.get(name) or "").strip()) for prompt in run.wanted.prompts)
        for name in dict.fromkeys(name for prompt in run.wanted.prompts for name in prompt.facts)
        if name.strip().lower().replace(" ", "_") in _NAMES
    }
    return [
        f"{f'{count:,} prompts have' if count > 1 else '1 prompt has'} a negative prompt in the column {name!r}, which is not "
        "used: a study has one for all prompts, `sampling.guidance.negative_prompt`."
        for name, count in found.items()
        if count
    ]
