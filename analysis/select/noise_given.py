"""Whether the latents and the generators that a call is given are the noise of a golden list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from seedscope.analysis.select.drawn import sampling_of
from seedscope.analysis.select.noise_for import latents_for
from seedscope.analysis.select.scheduler import built_anew
from seedscope.pipeline.drawing.noise import ROUNDING, NoiseContract
from seedscope.pipeline.drawing.noise.half_precision import half_draws
from seedscope.pipeline.models.configuration import MALFORMED
from seedscope.pipeline.models.schedulers import hands_generators_on, later_noise_acts

if TYPE_CHECKING:
    from seedscope.analysis.select.conditions import Conditions

Pipeline: TypeAlias = Any
_LATER = "`generator=golden.generators(after_latent=True)`"
_FRESH = "`generator=golden.generators()`"
_LATENTS = "`latents=golden.latents(pipe)`"
_A_PROMPT = ("num_images_per_prompt", "num_videos_per_prompt")


def noise_differences(
    conditions: Conditions,
    contract: NoiseContract | None,
    seeds: Sequence[int],
    pipe: Pipeline,
    dtype: torch.dtype,
    call: Mapping[str, object],
) -> Iterator[str]:
    """Yield a sentence for each way in which the noise that a call is given is not that of golden seeds, in whatever order.

    What the call names neither latents nor generators of is not compared.

    Args:
        contract: of the list's noise; None: the pipeline draws it itself.
        seeds: of the list.
        dtype: in which the network runs, and the pipeline draws.
    """
    latents, given = call.get("latents"), call.get("generator")
    generators = list(given) if isinstance(given, list | tuple) else [] if given is None else [given]
    if not seeds:
        if latents is not None or generators:
            yield f"The call has {'a generator' if latents is None else 'latents'}, but the list has no golden seeds."
    elif contract is None:
        if latents is not None:
            yield f"The call has latents, but the list was made with noise that the pipeline draws itself; give it {_FRESH}."
        else:
            yield from _fresh(generators, seeds, call)
    elif latents is None:
        none = list(_drawn_otherwise(contract, dtype)) if generators else []
        yield from none or _fresh(generators, seeds, call)
    else:
        found = _seeds_of(latents, latents_for(contract, seeds, pipe, conditions.dtype), seeds)
        if strange := [place for place, seed in enumerate(found, 1) if seed is None]:
            which = f"number {strange[0]} of its {len(found)} is" if len(found) > 1 else "it is"
            yield f"The call's latents are not the list's noise: {which} of no golden seed; give it {_LATENTS}."
        elif draws_between_steps(conditions, pipe):
            yield from _behind(contract, [seed for seed in found if seed is not None], generators)


def draws_between_steps(conditions: Conditions, pipe: Pipeline) -> bool:
    """Whether a scheduler as the pipeline's configuration builds it draws noise between the steps of a list, from the
    generators of the call; the pipeline's own may have a step that acts on more than a copy, and is refused then."""
    built = built_anew(pipe.scheduler)
    with torch.random.fork_rng(devices=[]), suppress(*MALFORMED):
        return (
            built is not None and hands_generators_on(type(pipe)) and later_noise_acts(built, sampling_of(conditions))
        )
    return False


def _drawn_otherwise(contract: NoiseContract, dtype: torch.dtype) -> Iterator[str]:
    """Yield a sentence where no generator makes the pipeline begin from the list's noise."""
    drawn_in = str(dtype).removeprefix("torch.")
    if not contract.recipe.plain:
        yield f"The list's noise is none that a generator on the CPU draws; give the call {_LATENTS}."
    elif any(kind == drawn_in and not same for kind, same in half_draws().items()):
        yield f"torch {torch.__version__} draws other noise in {drawn_in} than in float32; give the call {_LATENTS}."


def _elsewhere(generators: Sequence[Any], remedy: str) -> str | None:
    """A sentence where one is none on the CPU; what it draws is not looked at."""
    for each in generators:
        if not isinstance(each, torch.Generator) or each.device.type != "cpu":
            what = f"on {each.device}" if isinstance(each, torch.Generator) else f"a {type(each).__name__}"
            return f"The call's generator is {what}, but the list's noise is drawn on the CPU; give it {remedy}."
    return None


def _fresh(generators: Sequence[Any], seeds: Sequence[int], call: Mapping[str, object]) -> Iterator[str]:
    """Yield a sentence where generators are not as golden seeds make them."""
    if elsewhere := _elsewhere(generators, _FRESH):
        yield elsewhere
        return
    known = {_next(torch.Generator("cpu").manual_seed(seed)) for seed in seeds} if generators else set()
    for place, generator in enumerate(generators, 1):
        if _next(generator) not in known:
            yield f"{_named(place, generators)} is {_state(generator, seeds)}; give it {_FRESH}."
            return
    if len(generators) == 1 and (count := _pictures(call)) > 1:
        yield f"The call draws {count} pictures from one generator, and all but the first from other noise; give it {_FRESH}."


def _behind(contract: NoiseContract, seeds: Sequence[int], generators: Sequence[Any]) -> Iterator[str]:
    """Yield a sentence where generators are not as they are after the initial latents of these seeds."""
    draws = "The scheduler draws noise between the steps"
    if contract.recipe.source == "nv":
        yield f"{draws}, and that of the list is an NVIDIA card's; `golden.draw(pipe, prompt)` draws so."
    elif not generators:
        yield f"{draws}, and the call has latents, but no generator; give it {_LATER}."
    elif elsewhere := _elsewhere(generators, _LATER):
        yield elsewhere
    elif len(generators) != len(seeds):
        yield f"{draws}, and the call has {len(generators)} generators for {len(seeds)} latents; give it {_LATER}."
    else:
        for place, (seed, generator) in enumerate(zip(seeds, generators, strict=True), 1):
            if _next(generator) != _next(contract.recipe.generator(seed)):
                name, state = _named(place, generators), _state(generator, [seed])
                yield f"{draws}, and {name[0].lower()}{name[1:]} is {state}, beside latents of seed {seed}; give it {_LATER}."
                return


def _named(place: int, generators: Sequence[Any]) -> str:
    return (
        "The call's generator" if len(generators) == 1 else f"Number {place} of the call's {len(generators)} generators"
    )


def _state(generator: torch.Generator, seeds: Sequence[int]) -> str:
    """What a generator is that is not as it should be."""
    seed = generator.initial_seed()
    if seed not in seeds:
        return f"of the seed {seed}"
    fresh = _next(generator) == _next(torch.Generator("cpu").manual_seed(seed))
    return (
        f"as fresh, so that the steps would draw the initial latent of seed {seed} again"
        if fresh
        else "of another state"
    )


def _next(generator: torch.Generator) -> tuple[float, ...]:
    """What a generator would draw next; it is left as it is."""
    copy = torch.Generator("cpu")
    copy.set_state(generator.get_state())
    return tuple(torch.randn(16, generator=copy, dtype=torch.float32, device="cpu").tolist())


def _pictures(call: Mapping[str, object]) -> int:
    """Of a call, as far as it is told: by the most rows of a prompt, as texts or as tensors."""
    rows = [_rows(call.get(name)) for name in ("prompt", "prompt_embeds", "pooled_prompt_embeds")]
    each = [count for name in _A_PROMPT if isinstance(count := call.get(name), int)]
    return max(rows) * max(each, default=1)


def _rows(value: object) -> int:
    if isinstance(value, torch.Tensor):
        return value.shape[0] if value.ndim > 1 else 1
    return len(value) if isinstance(value, list | tuple) else 1


def _seeds_of(given: object, golden: torch.Tensor, seeds: Sequence[int]) -> list[int | None]:
    """The seed of each of the latents that a call is given; None: of no golden seed.

    Args:
        golden: (k, ...) of the seeds, as the call takes them.
    """
    if not isinstance(given, torch.Tensor) or given.shape[1:] != golden.shape[1:]:
        return [None]
    narrow = max(torch.finfo(each.dtype).eps if each.is_floating_point() else 0.0 for each in (given, golden))
    here, there = given.detach().float().cpu(), golden.float().cpu()
    allowed = (ROUNDING + 2 * narrow * there.abs()).flatten(1)
    far = [((row - there).flatten(1).abs() <= allowed).all(dim=1).tolist() for row in here]
    return [next((seed for seed, same in zip(seeds, row, strict=True) if same), None) for row in far]
