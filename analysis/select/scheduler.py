"""Whether a scheduler or a guider computes what its configuration builds: settings, tables and methods changed afterwards."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from seedscope.analysis.select.own_code import own_callables, replaced_methods
from seedscope.pipeline.models.configuration import MALFORMED
from seedscope.pipeline.models.schedulers import set_steps
from seedscope.pipeline.study.schema import Sampling

if TYPE_CHECKING:
    from pydantic import JsonValue

_ROUNDING = 1e-5
"""Relative: tables that were computed on another device."""


def scheduler_differences(
    scheduler: Any, name: str, steps: int, call: Mapping[str, JsonValue] | None = None
) -> Iterator[str]:
    """Yield a sentence where a scheduler was changed after it was built from its configuration; it is left as it is.

    Args:
        steps, call: of the list: what the scheduler makes of them is compared, its noise levels and times among it.
    """
    if (built := built_anew(scheduler)) is None:
        return
    found = list(_methods(scheduler, built))
    if not found:
        with suppress(*MALFORMED):  # it cannot make these steps by itself
            found = [f"has another {key}" for key in _changed(scheduler, built, steps, call or {})]
    yield from _told(found, name)


def settings_differences(part: Any, name: str) -> Iterator[str]:
    """The same of a part that has settings alone and sets no steps, such as a guider; what it kept of a call is none."""
    if (built := built_anew(part)) is not None:
        then = {key: value for key, value in vars(built).items() if _is_setting(key, value, built)}
        here = ((key.lstrip("_"), vars(part).get(key)) for key in then if vars(part).get(key) != then[key])
        yield from _told([*_methods(part, built), *(f"has {key} = {value!r}" for key, value in here)], name)


def _methods(part: Any, built: Any) -> Iterator[str]:
    methods = [
        *own_callables(part, vars(built)),
        *(key for key in vars(built) if _code(part, key) != _code(built, key)),
    ]
    yield from (f"has a {method} of its own" for method in methods)
    yield from (f"{method} was replaced" for method in replaced_methods(type(part)))


def _code(part: Any, key: str) -> object:
    """Of a function that every part of the class has of its own, such as the SASolver's `tau_func`."""
    return getattr(vars(part).get(key), "__code__", None)


def _is_choice(key: str, value: object, part: Any) -> bool:
    return isinstance(value, bool | str) and _is_setting(key, value, part)


def _is_setting(key: str, value: object, part: Any) -> bool:
    """Whether a part keeps a setting of its configuration so, as `_enabled`, and it is no table."""
    return key.lstrip("_") in part.config and (value is None or isinstance(value, bool | int | float | str))


def _told(found: list[str], name: str) -> Iterator[str]:
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        yield f"The {name} was changed after it was built, and the list was made without: {', '.join(found[:3])}{more}."


def built_anew(part: Any) -> Any:
    """One of the same class and configuration as a part of settings alone has, such as a scheduler; None: there is none.

    A value that a stock pipeline has mended counts, though no file named it.
    """
    with suppress(*MALFORMED):
        return type(part).from_config(
            {key: value for key, value in part.config.items() if key != "_use_default_values"}
        )
    return None


def _changed(scheduler: Any, built: Any, steps: int, call: Mapping[str, JsonValue]) -> list[str]:
    """Names of tables and numbers that are others once the steps are set, of a copy; what it kept of a picture is not."""
    here, sampling = copy.deepcopy(scheduler), Sampling.model_validate({"steps": steps, "call": dict(call)})
    mu = 1.0 if scheduler.config.get("use_dynamic_shifting") else None
    for each in (here, built):
        set_steps(each, sampling, "cpu", mu=mu)
    return [
        key.lstrip("_")
        for key, value in vars(built).items()
        if _is_other(now := vars(here).get(key), value) or (_is_choice(key, value, built) and now != value)
    ]


def _is_other(here: object, then: object) -> bool:
    now, was = _numbers(here), _numbers(then)
    if was is None:
        return False
    same = now is not None and now.shape == was.shape and np.allclose(now, was, rtol=_ROUNDING, atol=0, equal_nan=True)
    return not same


def _numbers(value: object) -> np.ndarray[Any, Any] | None:
    """A number, or a table of them; None of anything else."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().double().numpy()
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "fiu" else None
    return None if isinstance(value, bool) or not isinstance(value, int | float) else np.array(value)
