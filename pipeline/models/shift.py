"""By how much a scheduler shifts its times for pictures of one size, as the stock pipeline tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import wraps
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.models.base import Drawer, Embedding
from seedscope.pipeline.models.stock import StockPipeline

if TYPE_CHECKING:
    import torch

_FIXED = ("shift", "flow_shift")


class _Told(Exception):
    """The pipeline has told its scheduler the times: nothing else was wanted of it."""


def time_shift(model: Drawer, noise: torch.Tensor, embedding: Embedding, size: tuple[int, int]) -> dict[str, float]:
    """`{"shift": 3.0}` of a scheduler with a fixed shift, `{"mu": 1.15}` of one that is told it; empty where there is none.

    Source: diffusers, `FlowMatchEulerDiscreteScheduler.set_timesteps`. What it is told is seen in a call of the stock pipeline
    that is left there, so that it is the library's own formula.

    Args:
        noise: (1, C, h, w) float32, as it is drawn.
        embedding: of any prompt.
        size: (height, width), pixels.
    """
    scheduler: Any = model.pipe.scheduler if isinstance(model, StockPipeline) else getattr(model, "scheduler", None)
    config: Mapping[str, Any] = getattr(scheduler, "config", {})
    if not config.get("use_dynamic_shifting"):
        # One that was set later, by `set_shift`, is a property of the scheduler, and not in its configuration.
        now = {
            name: getattr(scheduler, name)
            for name in _FIXED
            if isinstance(getattr(type(scheduler), name, None), property)
        }
        return {name: float({**config, **now}[name]) for name in _FIXED if {**config, **now}.get(name) is not None}
    if not isinstance(model, StockPipeline):
        return {}
    with _listening(scheduler) as told, suppress(_Told):
        model.draw(noise, [_generator()], [embedding], [embedding] if model.negative else None, size)
    return {"mu": float(told["mu"])} if told.get("mu") is not None else {}


@contextmanager
def _listening(scheduler: Any) -> Iterator[dict[str, Any]]:
    told: dict[str, Any] = {}

    @wraps(scheduler.set_timesteps)
    def listen(*_: object, **options: Any) -> None:
        told.update(options)
        raise _Told

    scheduler.set_timesteps = listen
    try:
        yield told
    finally:
        del scheduler.set_timesteps


def _generator() -> torch.Generator:
    import torch

    return torch.Generator("cpu").manual_seed(0)
