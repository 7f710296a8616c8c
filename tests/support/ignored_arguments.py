"""Whether the arguments of a stock call that are said to be ignored are: by drawing with others in their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np
import torch

from seedscope.pipeline.models.families import family_of

PROMPT = "a red apple"


def are_as_said(
    pipe: Any, call: Mapping[str, Any], changes: Sequence[Mapping[str, Any]], fields: str = "images"
) -> list[frozenset[str]]:
    """Draw with a call and with each change of it; a picture is the same if, and only if, all that changed is ignored.

    Returns:
        Of each change, the names that are ignored in both calls; of all others the picture is another.
    """
    family = family_of(type(pipe).__name__)
    assert family is not None
    usual = {name: each.default for name, each in signature(type(pipe).__call__).parameters.items()}
    before, ignored = drawn(pipe, call, fields), family.ignored(pipe, usual | dict(call))
    found = []
    for change in changes:
        other = {**call, **change}
        free = ignored & family.ignored(pipe, usual | other)
        same = np.array_equal(before, drawn(pipe, other, fields))
        assert same == (change.keys() <= free), f"{change}: ignored are {sorted(free & change.keys())}"
        found.append(free & change.keys())
    return found


def drawn(pipe: Any, call: Mapping[str, Any], fields: str) -> Any:
    """Values of the picture of a seed, not rounded to levels."""
    made = pipe(
        prompt=PROMPT,
        generator=torch.Generator("cpu").manual_seed(7),
        num_inference_steps=2,
        output_type="latent",
        **call,
    )
    return np.asarray(getattr(made, fields))
