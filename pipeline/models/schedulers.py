"""The scheduler that a study asks for, as the stock pipeline of diffusers would have it, and schedulers that are refused."""

from __future__ import annotations

import copy
import difflib
import inspect
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.configuration import MALFORMED
from seedscope.pipeline.models.device import memory_ran_out
from seedscope.pipeline.study.sampling import Sampling, SchedulerChoice
from seedscope.pipeline.study.scheduler_names import OWN, SCHEDULERS
from seedscope.pipeline.study.strict import Json

if TYPE_CHECKING:
    import torch

    from seedscope.pipeline.models.base import Scheduler

_BETAS = "beta_schedule"
_BROWNIAN = "torchsde"
"""A library that is asked for by schedulers which draw their noise from a Brownian tree of their own."""
_SUFFIX = "Scheduler"
STEP_ARGUMENTS = ("original_inference_steps",)
"""Arguments of a stock call that its scheduler is told."""
_TOLD_SOME = ("intermediate_timesteps", "max_timesteps")
"""The same, of calls whose other arguments a scheduler need not take."""
_WITH_AN_END = "SCMScheduler"
"""The scheduler whose last time is the end, at which pipelines make no step."""


def scheduler_class(name: str) -> Any:
    """The scheduler of a model by the name of its class.

    Raises:
        ModelError: diffusers has none, it needs a library that is missing, or it draws noise that is not the seed's.
    """
    import diffusers

    found = getattr(diffusers, name, None)
    if found is None:
        raise ModelError(
            f"model: its scheduler {name} is not one of the diffusers {diffusers.__version__} that is installed."
        )
    return _of_the_seed(found, name)


def _of_the_seed(found: Any, name: str, *, own: bool = True) -> Any:
    if _BROWNIAN in getattr(found, "_backends", ()):
        raise _draws_elsewhere(name, own=own)
    return found


def scheduler_names() -> list[str]:
    """The classes of all schedulers of diffusers, those too that need a library which is missing."""
    import diffusers

    return [name for name in dir(diffusers) if name.endswith(_SUFFIX) and name != _SUFFIX]


def refuse_scheduler(sampling: Sampling) -> None:
    """Refuse a scheduler that diffusers does not have, or settings that it does not take; no model is needed to tell.

    Raises:
        ModelError: a sentence.
    """
    kind, config = sampling.wanted
    in_full = isinstance(sampling.scheduler, SchedulerChoice) or kind == sampling.scheduler
    if in_full and kind != OWN:
        _refuse_settings(_named(kind), config)


def _named(kind: str) -> Any:
    import diffusers

    if kind not in (names := scheduler_names()):
        near = difflib.get_close_matches(kind, [*names, *SCHEDULERS], n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "Name one such as DDIMScheduler."
        raise ModelError(f"sampling.scheduler: diffusers has no scheduler {kind!r}. {hint}")
    return _of_the_seed(getattr(diffusers, kind), kind, own=False)


def _refuse_settings(kind: Any, config: Mapping[str, Json]) -> None:
    """diffusers only warns of settings that a scheduler does not have."""
    known = set(inspect.signature(kind.__init__).parameters) - {"self", "kwargs"}
    for name in config:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"It takes {', '.join(sorted(known))}."
            raise ModelError(f"sampling.scheduler.config.{name}: a {kind.__name__} has no such setting. {hint}")


def study_scheduler(own: Any, name: str, sampling: Sampling) -> Any:
    """The scheduler of a study, where `own` is that of the model, and `name` is what messages call the model.

    Raises:
        ModelError: there is none of this name or with these settings, or the two are for other kinds of noise.
    """
    kind, config = sampling.wanted
    if kind == OWN and not config:
        return own
    wanted = type(own) if kind == OWN else _named(kind)
    _refuse_settings(wanted, config)
    try:
        made = wanted.from_config(own.config, **config)
    except (ImportError, *MALFORMED) as error:
        raise ModelError(f"sampling.scheduler: a {wanted.__name__} cannot be made so: {_reason(error)}") from error
    _refuse_another_noise(own, made, name, sampling.scheduler if isinstance(sampling.scheduler, str) else kind)
    return made


def _refuse_another_noise(own: Any, made: Any, name: str, said: str) -> None:
    """A network was trained on one kind of noise, and a scheduler is for one."""
    needs = _noise(made)
    if needs == _noise(own):
        return
    flow = "use_flow_sigmas" in inspect.signature(type(made).__init__).parameters and _noise(own) == _FLOW
    hint = (
        "Give it `config: {use_flow_sigmas: true, prediction_type: flow_prediction}`."
        if flow
        else "Use its own: `scheduler: model`."
    )
    raise ModelError(
        f"sampling.scheduler: {said} needs {needs}, and the {type(own).__name__} of {name} has none. {hint}"
    )


_FLOW = "the straight paths of flow matching"


def _noise(scheduler: Any) -> str:
    """The kind of noise that a scheduler takes away."""
    parameters, config = inspect.signature(type(scheduler).__init__).parameters, scheduler.config
    if (
        "FlowM" in type(scheduler).__name__
        or config.get("use_flow_sigmas")
        or config.get("prediction_type") == "flow_prediction"
    ):
        return _FLOW
    if _BETAS in parameters:
        return "the betas of a noise schedule"
    return "the sigmas of EDM" if "sigma_max" in parameters else f"noise that only a {type(scheduler).__name__} has"


def set_steps(scheduler: Any, sampling: Sampling, device: str, *, count: bool = False, mu: float | None = None) -> None:
    """Set the steps of a study.

    Args:
        count: the scheduler counts its steps from the first on.
        mu: how far the times are shifted, of a scheduler that is told by the size of the picture.
    """
    taken = (*STEP_ARGUMENTS, *inspect.signature(scheduler.set_timesteps).parameters.keys() & set(_TOLD_SOME))
    told = {name: sampling.call[name] for name in taken if name in sampling.call}
    shift = {} if mu is None else {"mu": mu}
    scheduler.set_timesteps(sampling.steps, device=device, **told, **shift)
    if count and hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(0)


def step_options(scheduler: Scheduler, generators: list[torch.Generator], eta: float = 0.0) -> dict[str, object]:
    """Only some schedulers take eta (0: DDIM proper) and generators."""
    accepted = inspect.signature(scheduler.step).parameters
    options: dict[str, object] = {"eta": eta, "generator": generators}
    return {name: value for name, value in options.items() if name in accepted}


def refuse_what_cannot_draw(scheduler: Scheduler, sampling: Sampling) -> None:
    """Try a copy of a scheduler on a few numbers.

    Raises:
        ModelError: it cannot make the study's steps, or draws noise from torch's global random state, so that the seed does
            not decide the picture.
    """
    import torch

    kind, own = type(scheduler).__name__, sampling.wanted[0] == OWN
    if sampling.eta and "eta" not in inspect.signature(scheduler.step).parameters:
        raise ModelError(f"sampling.eta: has no effect on {kind}. Remove it, or take a scheduler such as ddim.")
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        before = torch.random.get_rng_state()
        try:
            _try(copy.deepcopy(scheduler), sampling)
        except MALFORMED as error:
            raise ModelError(f"sampling: {kind} cannot make {sampling.steps} steps: {_reason(error)}") from error
        if not torch.equal(before, torch.random.get_rng_state()):
            raise _draws_elsewhere(kind, own=own)


def hands_generators_on(pipeline: Any) -> bool:
    """Whether a class of diffusers gives its scheduler the generators of a call; some define how, and do not."""
    return "prepare_extra_step_kwargs" in inspect.unwrap(pipeline.__call__).__code__.co_names


def refuse_noise_from_elsewhere(pipeline: Any, scheduler: Any, sampling: Sampling) -> None:
    """Try a copy of the scheduler of a pipeline that is called whole, given the generators that its class gives it.

    What cannot be tried so is left to the call itself, which is watched.

    Raises:
        ModelError: it draws noise from torch's global random state.
    """
    import torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        before = torch.random.get_rng_state()
        with suppress(*MALFORMED):
            _try(copy.deepcopy(scheduler), sampling, generators=hands_generators_on(pipeline))
        if not torch.equal(before, torch.random.get_rng_state()):
            raise _draws_elsewhere(type(scheduler).__name__, own=sampling.wanted[0] == OWN)


def later_noise_acts(scheduler: Scheduler, sampling: Sampling) -> bool:
    """Whether the noise that a study's steps draw changes what comes out: seen by a copy, on a few numbers and two seeds."""
    import torch

    with torch.no_grad():
        one, other = (_try(copy.deepcopy(scheduler), sampling, seed=seed) for seed in (0, 1))
    return not torch.equal(one, other)


def _try(scheduler: Any, sampling: Sampling, *, generators: bool = True, seed: int = 0) -> torch.Tensor:
    """Make the steps of a study without a network, whose place the latents take; (1, 4, 8, 8) latents."""
    import torch

    latents = torch.full((1, 4, 8, 8), 0.5)
    # Schedulers that shift their times by the size of the picture are told by how much.
    shifts = getattr(getattr(scheduler, "config", None), "use_dynamic_shifting", False)
    set_steps(scheduler, sampling, "cpu", mu=1.0 if shifts else None)
    latents = latents * getattr(scheduler, "init_noise_sigma", 1.0)
    options = step_options(scheduler, [torch.Generator("cpu").manual_seed(seed)], sampling.eta) if generators else {}
    scaled = getattr(scheduler, "scale_model_input", lambda sample, _: sample)  # those of flow matching have none
    for timestep in scheduler.timesteps[: -1 if type(scheduler).__name__ == _WITH_AN_END else None]:
        model_input = scaled(latents, timestep)
        latents = scheduler.step(model_input, timestep, latents, **options, return_dict=False)[0]
    return latents


def _draws_elsewhere(kind: str, *, own: bool) -> ModelError:
    whose = ", the model's own," if own else ""
    return ModelError(
        f"sampling.scheduler: {kind}{whose} draws noise that does not come from the seed: the same seed would be another "
        "picture each time. Name one such as ddim, euler or dpm++ 2m."
    )


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def scheduler_errors(pipe: Any) -> Iterator[None]:
    """While a pipeline is called whole: what its scheduler raises is the study's mistake, not one to try again.

    Raises:
        ModelError: the scheduler cannot be used by the pipeline.
    """
    try:
        yield
    except MALFORMED as error:
        if memory_ran_out(error):
            raise
        frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
        if any("/schedulers/" in code.co_filename or code.co_name == "retrieve_timesteps" for code in frames[-3:]):
            raise ModelError(
                f"sampling.scheduler: a {type(pipe).__name__} cannot use {type(pipe.scheduler).__name__}: {_reason(error)}"
            ) from error
        raise
