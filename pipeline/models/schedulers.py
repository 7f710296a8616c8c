"""The scheduler that a study asks for, as the stock pipeline of diffusers would have it, and schedulers that are refused."""

from __future__ import annotations

import copy
import inspect
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.configuration import MALFORMED
from seedscope.pipeline.study.schema import Sampling

if TYPE_CHECKING:
    import torch

    from seedscope.pipeline.models.base import Scheduler

SCHEDULERS = {
    "ddim": "DDIMScheduler",
    "ddpm": "DDPMScheduler",
    "euler": "EulerDiscreteScheduler",
    "dpm++": "DPMSolverMultistepScheduler",
}
_BETAS = "beta_schedule"
_BROWNIAN = "torchsde"
"""A library that is asked for by schedulers which draw their noise from a Brownian tree of their own."""


def scheduler_class(name: str) -> Any:
    """A scheduler of diffusers by the name of its class.

    Raises:
        ModelError: there is none, it needs a library that is missing, or it draws noise that is not the seed's.
    """
    import diffusers

    found = getattr(diffusers, name, None)
    if found is None:
        raise ModelError(
            f"model: its scheduler {name} is not one of the diffusers {diffusers.__version__} that is installed."
        )
    if _BROWNIAN in getattr(found, "_backends", ()):
        raise _draws_elsewhere(name)
    return found


def study_scheduler(own: Any, name: str, sampling: Sampling) -> Any:
    """The scheduler of a study, where `own` is that of the model, and `name` is what messages call the model.

    Raises:
        ModelError: the two have no noise schedule in common.
    """
    if sampling.scheduler == "model":
        return own
    wanted = scheduler_class(SCHEDULERS[sampling.scheduler])
    if _BETAS not in inspect.signature(type(own).__init__).parameters:
        raise ModelError(
            f"sampling.scheduler: {sampling.scheduler} needs the betas of a noise schedule, and the {type(own).__name__} of "
            f"{name} has none. Use its own: `scheduler: model`."
        )
    return wanted.from_config(own.config)


def step_options(scheduler: Scheduler, generators: list[torch.Generator]) -> dict[str, object]:
    """Only some schedulers take eta (0: DDIM proper) and generators."""
    accepted = inspect.signature(scheduler.step).parameters
    options: dict[str, object] = {"eta": 0.0, "generator": generators}
    return {name: value for name, value in options.items() if name in accepted}


def refuse_what_cannot_draw(scheduler: Scheduler, sampling: Sampling) -> None:
    """Try a copy of a scheduler on a few numbers.

    Raises:
        ModelError: it cannot make the study's steps, or draws noise from torch's global random state, so that the seed does
            not decide the picture.
    """
    import torch

    kind = type(scheduler).__name__
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        before = torch.random.get_rng_state()
        try:
            _try(copy.deepcopy(scheduler), sampling.steps)
        except MALFORMED as error:
            reason = " ".join(str(error).split())
            raise ModelError(f"sampling: {kind} cannot make {sampling.steps} steps: {reason}") from error
        if not torch.equal(before, torch.random.get_rng_state()):
            raise _draws_elsewhere(kind)


def refuse_noise_from_elsewhere(pipe: Any, sampling: Sampling) -> None:
    """Try a copy of the scheduler of a pipeline that is called whole, given the generators that the pipeline gives it.

    What cannot be tried so is left to the call itself, which is watched.

    Raises:
        ModelError: it draws noise from torch's global random state.
    """
    import torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        before = torch.random.get_rng_state()
        with suppress(*MALFORMED):
            _try(copy.deepcopy(pipe.scheduler), sampling.steps, generators=hasattr(pipe, "prepare_extra_step_kwargs"))
        if not torch.equal(before, torch.random.get_rng_state()):
            raise _draws_elsewhere(type(pipe.scheduler).__name__)


def _try(scheduler: Any, steps: int, *, generators: bool = True) -> None:
    import torch

    latents = torch.full((1, 4, 8, 8), 0.5)
    # Schedulers that shift their times by the size of the picture are told by how much.
    shifts = {"mu": 1.0} if getattr(getattr(scheduler, "config", None), "use_dynamic_shifting", False) else {}
    scheduler.set_timesteps(steps, device="cpu", **shifts)
    options = step_options(scheduler, [torch.Generator("cpu").manual_seed(0)]) if generators else {}
    for timestep in scheduler.timesteps:
        model_input = scheduler.scale_model_input(latents, timestep)
        latents = scheduler.step(model_input, timestep, latents, **options, return_dict=False)[0]


def _draws_elsewhere(kind: str) -> ModelError:
    return ModelError(
        f"sampling.scheduler: {kind}, the model's own, draws noise that does not come from the seed: the same seed would be "
        f"another picture each time. Name one of {', '.join(SCHEDULERS)}."
    )
