"""Latents and generators that a call names are held against the golden list's noise, also that of the steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, EulerAncestralDiscreteScheduler, SASolverScheduler, StableDiffusionPipeline
from tiny_golden import SEEDS, SHAPE, golden_for

from seedscope.analysis import GoldenMismatch, GoldenSeeds
from seedscope.analysis.select.mismatch import GoldenError
from seedscope.analysis.select.noise_given import noise_differences
from seedscope.pipeline.drawing.noise import NoiseContract, Recipe
from seedscope.pipeline.study.noise import Variation

CALL = {"num_inference_steps": 2, "guidance_scale": 5.0, "height": 64, "width": 64}


@pytest.fixture(scope="module")
def pipe(tiny: dict[str, Path]) -> Any:
    made = StableDiffusionPipeline.from_pretrained(tiny["sd1"])
    made.set_progress_bar_config(disable=True)
    return made


def stepping(pipe: Any, kind: Any) -> Any:
    pipe.scheduler = kind.from_config(pipe.scheduler.config)
    return pipe


def reason(golden: GoldenSeeds, pipe: Any, **call: Any) -> str:
    with pytest.raises(GoldenMismatch) as refusal:
        golden.check(pipe, tensors=False, **CALL, **call)
    (only,) = refusal.value.reasons
    return only


def fresh(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


def drawn_from(generator: torch.Generator) -> torch.Generator:
    torch.randn(20, generator=generator)
    return generator


def test_noise_of_golden_seeds_passes_in_any_order(pipe: Any) -> None:
    golden = golden_for(stepping(pipe, DDIMScheduler))
    latents = golden.latents(pipe)
    for call in (
        {"latents": latents},
        {"latents": latents[1:2]},
        {"latents": latents.flip(0)},
        {"latents": latents.double()},
        {"latents": latents.bfloat16()},
        {"latents": latents, "generator": fresh(1)},  # DDIM's steps draw nothing
        {"latents": latents, "generator": 7},  # nor is anything drawn from one that is elsewhere
        {"generator": fresh(SEEDS[0])[0], "prompt_embeds": torch.zeros(1, 2, 8)},
        {"generator": golden.generators()},
        {"generator": fresh(SEEDS[2])},
        {"generator": fresh(SEEDS[2])[0]},
        {"generator": fresh(2**32 + SEEDS[1])},  # the same noise: torch reads 32 bits
        {"latents": None, "generator": None},
    ):
        golden.check(pipe, tensors=False, **CALL, **call)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda _: {"generator": fresh(999)[0]}, "The call's generator is of the seed 999; give it"),
        (lambda _: {"generator": fresh(*SEEDS[:2], 5)}, "Number 3 of the call's 3 generators is of the seed 5"),
        (lambda _: {"generator": drawn_from(fresh(*SEEDS)[0])}, "The call's generator is of another state"),
        (
            lambda golden: {"generator": golden.generators(after_latent=True)},
            "Number 1 of the call's 3 generators is of",
        ),
        (
            lambda _: {"generator": fresh(SEEDS[0]), "prompt": ["a cat"] * 3},
            "The call draws 3 pictures from one generator",
        ),
        (
            lambda _: {"generator": fresh(SEEDS[0])[0], "prompt_embeds": torch.zeros(4, 2, 8)},
            "The call draws 4 pictures from one generator",
        ),
        (
            lambda _: {"generator": fresh(SEEDS[0])[0], "prompt": ["a cat"], "prompt_embeds": [torch.zeros(2, 8)] * 2},
            "The call draws 2 pictures from one generator",
        ),
        (lambda _: {"generator": 7}, "The call's generator is a int, but the list's noise is drawn on the CPU"),
        (lambda golden: {"latents": torch.zeros_like(golden.latents())}, "number 1 of its 3 is of no golden seed"),
        (lambda golden: {"latents": golden.latents()[:1] * 1.01}, "it is of no golden seed; give it `latents=golden"),
        (lambda golden: {"latents": golden.latents()[:, :, :4]}, "it is of no golden seed"),
    ],
)
def test_other_noise_is_told_by_the_argument(
    given: Callable[[GoldenSeeds], dict[str, Any]], said: str, pipe: Any
) -> None:
    golden = golden_for(stepping(pipe, DDIMScheduler))
    assert said in reason(golden, pipe, **given(golden))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_generator_of_a_gpu_is_other_noise(pipe: Any) -> None:
    golden = golden_for(stepping(pipe, DDIMScheduler))
    given = torch.Generator("cuda").manual_seed(SEEDS[0])
    assert "The call's generator is on cuda:0, but the list's noise is drawn on the CPU" in reason(
        golden, pipe, generator=given
    )


def noise_reasons(golden: GoldenSeeds, pipe: Any, **call: Any) -> list[str]:
    return list(noise_differences(golden.conditions, golden.noise, golden.seeds, pipe, torch.float32, call))


def test_several_videos_are_several_pictures(pipe: Any) -> None:
    golden = golden_for(stepping(pipe, DDIMScheduler))
    (said,) = noise_reasons(golden, pipe, generator=fresh(SEEDS[0])[0], num_videos_per_prompt=2)
    assert "The call draws 2 pictures from one generator" in said


@pytest.mark.parametrize(
    "how", [{"source": "nv"}, {"small": (4, 4, 4)}, {"variation": Variation(seed=5, strength=0.1)}], ids=str
)
def test_where_no_generator_draws_the_noise_latents_are_the_remedy_of_any_generator(
    how: dict[str, Any], pipe: Any
) -> None:
    golden = golden_for(stepping(pipe, DDIMScheduler))
    golden = golden.model_copy(update={"noise": NoiseContract.of(SEEDS, Recipe(SHAPE, **how))})
    for given in (fresh(SEEDS[0])[0], 7):
        (said,) = noise_reasons(golden, pipe, generator=given)
        wanted = (
            "The list's noise is none that a generator on the CPU draws; give the call `latents=golden.latents(pipe)`."
        )
        assert said == wanted
    assert not noise_reasons(golden, pipe, latents=golden.latents(pipe), generator=7)


def test_an_empty_list_has_no_noise_to_give(pipe: Any) -> None:
    golden = golden_for(stepping(pipe, DDIMScheduler))
    right = {"latents": golden.latents(pipe), "generator": golden.generators()}
    golden = golden.model_copy(update={"seeds": []})
    for name, what in (("latents", "latents"), ("generator", "a generator")):
        assert noise_reasons(golden, pipe, **{name: right[name]}) == [
            f"The call has {what}, but the list has no golden seeds."
        ]


@pytest.mark.parametrize("kind", [EulerAncestralDiscreteScheduler, SASolverScheduler])
def test_where_the_steps_draw_their_generators_are_compared_too(kind: Any, pipe: Any) -> None:
    """What passes draws the pictures of the run, and what is refused does not; each SASolver has a function of its own."""
    golden = golden_for(stepping(pipe, kind))
    right, latents = np.stack(golden.draw(pipe, "a red cat")).astype(int), golden.latents(pipe)

    def off(**noise: Any) -> int:
        drawn = pipe(["a red cat"] * 3, output_type="np", **CALL, **noise).images
        return int(np.abs((drawn * 255).round() - right).max())

    before = torch.random.get_rng_state()
    passing: list[Callable[[], dict[str, Any]]] = [
        lambda: {"generator": golden.generators()},
        lambda: {"latents": latents, "generator": golden.generators(after_latent=True)},
    ]
    for noise in passing:
        golden.check(pipe, tensors=False, **CALL, **noise())
        assert off(**noise()) <= 1
    assert torch.equal(before, torch.random.get_rng_state())
    refused: list[tuple[Callable[[], dict[str, Any]], str]] = [
        (
            lambda: {"latents": latents, "generator": golden.generators()},
            "number 1 of the call's 3 generators is as fresh",
        ),
        (
            lambda: {"latents": latents},
            "the call has latents, but no generator; give it `generator=golden.generators(after",
        ),
        (
            lambda: {"latents": latents, "generator": golden.generators(after_latent=True)[::-1]},
            f"generators is of the seed {SEEDS[2]}, beside latents of seed {SEEDS[0]}",
        ),
        (
            lambda: {"latents": latents, "generator": golden.generators(after_latent=True)[0]},
            "the call has 1 generators for 3 latents",
        ),
    ]
    for noise, said in refused:
        assert said in reason(golden, pipe, **noise())
        assert off(**noise()) > 3
    said = (
        "is a int, but the list's noise is drawn on the CPU; give it `generator=golden.generators(after_latent=True)`"
    )
    assert said in reason(golden, pipe, latents=latents, generator=[7, 7, 7])
    one = {"latents": latents[:1], "generator": golden.generators(after_latent=True)[0]}
    golden.check(pipe, tensors=False, **CALL, **one)


@pytest.mark.parametrize("kind", [DDIMScheduler, EulerAncestralDiscreteScheduler])
def test_the_call_of_some_seeds_draws_their_pictures(kind: Any, pipe: Any) -> None:
    golden, some = golden_for(stepping(pipe, kind)), [SEEDS[2], SEEDS[0]]
    call = golden.call_kwargs(pipe, seeds=some)
    golden.check(pipe, tensors=False, **call)
    assert ("generator" in call) == (kind is EulerAncestralDiscreteScheduler)
    drawn = pipe(["a red cat"] * 2, output_type="np", **call).images
    assert np.abs((drawn * 255).round() - np.stack(golden.draw(pipe, "a red cat", seeds=some))).max() <= 1


def test_noise_of_some_seeds_is_theirs_among_all(pipe: Any) -> None:
    golden = golden_for(pipe)
    assert torch.equal(golden.latents(seeds=[SEEDS[1]])[0], golden.latents()[1])
    assert torch.equal(golden.latent(SEEDS[1]), golden.latents()[1])
    assert [each.initial_seed() for each in golden.generators(seeds=SEEDS[::-1])] == SEEDS[::-1]
    assert len(golden.draw(pipe, "a red cat", seeds=[])) == 0
    turn = golden.rotate(begin=1)
    assert [next(turn) for _ in range(4)] == [*SEEDS[1:], *SEEDS[:2]]
    for of_another in (golden.latents, golden.generators, lambda seeds: golden.draw(pipe, "a cat", seeds=seeds)):
        with pytest.raises(GoldenError, match="Seed 999 is not on the list, which has 7, 3, 12."):
            of_another(seeds=[999])
