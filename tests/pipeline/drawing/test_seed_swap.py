"""The noise of later steps is another seed's, from a step on; (a, a) is the plain picture; nothing is swapped without noise."""

import pickle
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from half_model import SHAPE, Half

from seedscope.pipeline.drawing import noise
from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.drawing.draw import Drawing
from seedscope.pipeline.drawing.hooks import Hooks
from seedscope.pipeline.drawing.noise.philox import CardGenerator, CardsNoise
from seedscope.pipeline.drawing.sampler import sample
from seedscope.pipeline.drawing.tasks import task_of
from seedscope.pipeline.drawing.tasks.seed_swap import SeedSwap
from seedscope.pipeline.drawing.tasks.swapped_noise import SwappedNoise
from seedscope.pipeline.drawing.tasks.text_to_image import TextToImage
from seedscope.pipeline.errors import ModelError, StudyError
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.schema import Study

STEPS = 6
DRAWING = {
    "ddpm": diffusers.DDPMScheduler(100, clip_sample=False),
    "ddim": diffusers.DDIMScheduler(100, clip_sample=False),
    "euler a": diffusers.EulerAncestralDiscreteScheduler(100),
    "lcm": diffusers.LCMScheduler(100, original_inference_steps=50, clip_sample=False),
    "dpm2 a": diffusers.KDPM2AncestralDiscreteScheduler(100),
    "dpm++ sde": diffusers.DPMSolverMultistepScheduler(100, algorithm_type="sde-dpmsolver++"),
}


class Steps:
    """A scheduler that tells what noise each of its steps was made with, in place of the latents."""

    order = 1
    init_noise_sigma = 1.0

    def __init__(self, at: set[int], count: int = STEPS) -> None:
        self.at, self.timesteps, self.seen = at, torch.arange(count), list[torch.Tensor | None]()

    def set_timesteps(self, count: int, device: str) -> None:
        self.seen = []

    def scale_model_input(self, sample: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        return sample

    def step(self, output: Any, timestep: Any, sample: Any, generator: Any = None, return_dict: bool = True) -> Any:
        draws = int(timestep) in self.at
        self.seen.append(torch.cat([torch.randn((1, *SHAPE), generator=each) for each in generator]) if draws else None)
        return (sample,)


def drawn(
    scheduler: Any, cells: list[tuple[int, int, int]] | list[int], make: Any = lambda seed: noise.generator(seed, SHAPE)
) -> torch.Tensor:
    """The latents of cells (seed, step seed, from step), or of seeds alone."""
    model = Half()
    model.scheduler = scheduler
    swaps = [cell if isinstance(cell, tuple) else None for cell in cells]
    seeds = [cell[0] if isinstance(cell, tuple) else cell for cell in cells]
    generators, hooks = [make(seed) for seed in seeds], Hooks()
    if all(swaps):
        hooks = SwappedNoise(generators, [make(swap[1]) for swap in swaps if swap], [swap[2] for swap in swaps if swap])
    sampling = Study.model_validate(
        {
            "name": "t",
            "model": "sprout",
            "prompts": ["a"],
            "seeds": [0],
            "sampling": {
                "steps": STEPS,
                "guidance": {"scale": 1.0},
                "eta": 0.7 * isinstance(scheduler, diffusers.DDIMScheduler),
            },
        }
    ).sampling
    start = torch.stack([noise.latent(seed, SHAPE) for seed in seeds])
    texts = {"positive": [{"states": torch.zeros(1, 1, 1)}] * len(cells)}
    return sample(model, start, generators, texts, sampling, (64, 64), hooks)  # type: ignore[arg-type]  # a literal


@pytest.mark.parametrize("at", [set(range(STEPS)), set(range(STEPS - 1)), {1, 2, 5}])
def test_noise_from_a_step_on_is_that_of_the_other_seed_at_these_steps(at: set[int]) -> None:
    plain, swapped = Steps(at), Steps(at)
    drawn(plain, [1, 2])
    drawn(swapped, [(1, 2, 0), (1, 2, 3), (1, 2, STEPS)])
    for step, (own, mixed) in enumerate(zip(plain.seen, swapped.seen, strict=True)):
        if own is None or mixed is None:
            assert own is mixed
            continue
        assert torch.equal(mixed[0], own[1]), "swapped from the first step on"
        assert torch.equal(mixed[1], own[1] if step >= 3 else own[0]), "swapped at step 3"
        assert torch.equal(mixed[2], own[0]), "swapped after the last step: not at all"


@pytest.mark.parametrize("name", DRAWING)
def test_with_every_scheduler_that_draws_the_own_seed_is_plain_and_another_is_not(name: str) -> None:
    scheduler = DRAWING[name]
    plain = drawn(scheduler, [3, 4])
    own = drawn(scheduler, [(3, 3, 0), (3, 3, 2), (4, 4, STEPS), (4, 3, STEPS)])
    assert torch.equal(own, plain[[0, 0, 1, 1]])
    apart = drawn(scheduler, [(3, 4, step) for step in range(STEPS + 1)]) - plain[0]
    lengths = apart.flatten(1).norm(dim=1)
    assert (lengths[:4] > 0).all() and lengths[STEPS] == 0
    assert torch.equal(drawn(scheduler, [(3, 4, 2)]), drawn(scheduler, [(3, 4, 2)]))


@pytest.mark.parametrize(
    "scheduler", [diffusers.EulerDiscreteScheduler(100), diffusers.DPMSolverMultistepScheduler(100)]
)
def test_a_sampler_that_draws_nothing_is_not_changed_by_a_swap(scheduler: Any) -> None:
    assert torch.equal(drawn(scheduler, [(3, 4, 0), (3, 5, 2)]), drawn(scheduler, [3, 3]))


def test_noise_of_an_nvidia_card_is_swapped_too() -> None:
    def make(seed: int) -> CardGenerator:
        return CardGenerator(seed, drawn=1)

    with CardsNoise():
        plain = drawn(DRAWING["ddpm"], [3, 4], make)
        found = drawn(DRAWING["ddpm"], [(3, 3, 2), (3, 4, STEPS), (3, 4, 2), (3, 4, 0)], make)
    assert torch.equal(found[:2], plain[[0, 0]])
    assert not torch.equal(found[2], plain[0]) and not torch.equal(found[2], found[3])


def test_a_scheduler_that_draws_something_else_is_refused() -> None:
    class Other(Steps):
        def step(self, output: Any, timestep: Any, sample: Any, generator: Any = None, return_dict: bool = True) -> Any:
            torch.randn(5, generator=generator[0])
            return (sample,)

    with pytest.raises(ModelError, match="draws its noise in another shape"):
        drawn(Other(set()), [(1, 2, 3)])


def study(**changes: Any) -> Study:
    fields = {
        "name": "t",
        "model": "sprout",
        "sampling": {"steps": 2, "guidance": {"scale": 2.0}, "scheduler": "ddpm"},
        "compute": {"batch_size": 3, "device": "cpu"},
        "prompts": [{"grid": {"objects": ["cat", "dog"], "modifiers": ["a {object}", "a red {object}"]}}],
        "seeds": "0-1",
        "task": {"swap": {"step_seeds": "0, 5-6", "from": "0", "in_turn": "1, 2", "prompts": 2}},
    }
    return Study.model_validate(fields | changes)


def task(**changes: Any) -> SeedSwap:
    wanted = study(**changes)
    found = task_of(wanted).of(wanted, locate(wanted.model))
    assert isinstance(found, SeedSwap)
    return found


def test_the_prompts_are_those_of_the_study_times_the_swaps() -> None:
    found = pickle.loads(pickle.dumps(task()))  # noqa: S301
    prompts, plain = found.prompts(), TextToImage.of(study(), locate(study().model)).prompts()
    assert [prompt.text for prompt in prompts] == ["a cat"] * 5 + ["a dog"] * 5
    assert [prompt.group for prompt in prompts] == ["cat"] * 5 + ["dog"] * 5 and prompts[0].facts == plain[0].facts
    swaps = [found.swaps[prompt.id] for prompt in prompts]
    assert [(swap.step_seed, swap.from_step) for swap in swaps[:5]] == [(0, 0), (5, 0), (6, 0), (0, 1), (0, 2)]
    assert [(swap.step_seed, swap.from_step) for swap in swaps[5:]] == [(0, 0), (5, 0), (6, 0), (5, 1), (5, 2)]
    assert len({prompt.id for prompt in prompts}) == 10 and {swap.prompt for swap in swaps} == {
        plain[0].id,
        plain[2].id,
    }


def test_a_prompt_without_a_group_is_the_group_of_its_swaps() -> None:
    prompts = task(prompts=["a cat", "a bus"], task={"swap": {"step_seeds": "0-1"}}).prompts()
    plain = TextToImage.of(study(prompts=["a cat", "a bus"]), locate(study().model)).prompts()
    assert [prompt.group for prompt in prompts] == [plain[0].id, plain[0].id, plain[1].id, plain[1].id]


def test_pictures_on_a_model_of_the_project(tmp_path: Path) -> None:
    wanted, plain = study(), study(task=None)
    drawing = Drawing(wanted, locate(wanted.model), task())
    unit = Unit.crossed("u", tuple(task().prompts()[:5]), (0, 1))
    columns, cells = drawing.begin(unit), list(unit.cells)
    pixels = torch.cat([drawing.draw(cells[start : start + 3])[0] for start in range(0, len(cells), 3)]).numpy()
    assert set(columns) == {prompt.id for prompt in unit.prompts} and columns[cells[1][0].id] == {
        "step_seed": 5,
        "from_step": 0,
    }
    found = dict(zip([(seed, *columns[prompt.id].values()) for prompt, seed in cells], pixels, strict=True))
    simple = Drawing(plain, locate(plain.model), TextToImage.of(plain, locate(plain.model)))
    own = Unit.crossed("u", (TextToImage.of(plain, locate(plain.model)).prompts()[0],), (0, 1))
    simple.begin(own)
    (of_0, of_1), _ = simple.draw(list(own.cells))
    # Other batches: equal bytes only where the same kernels run.
    for picture, cell in ((of_0, (0, 0, 0)), (of_0, (0, 0, 1)), (of_0, (0, 0, 2)), (of_1, (1, 0, 2))):
        assert np.abs(found[cell].astype(int) - picture.numpy()).max() <= 1, cell
    assert np.abs(found[0, 5, 0].astype(int) - of_0.numpy()).max() > 8
    assert np.abs(found[0, 5, 0].astype(int) - found[0, 6, 0]).max() > 8


def test_swaps_name_the_pictures() -> None:
    located = locate(study().model)
    others = study(task={"swap": {"step_seeds": "0-1"}}), study(task=None)
    assert all(cause(study(), located) != cause(other, located) for other in others)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "task.swap.step_seeds: this key is missing; write such as '0-7'."),
        ({"step_seeds": "x"}, "task.swap.step_seeds: 'x' is neither a whole number nor a range such as '0-31'."),
        ({"step_seeds": "0-3", "from": "1.5"}, "task.swap.from: '1.5' is no step; name steps such as '0, 5, 10'."),
        ({"step_seeds": "0-3", "from": "1, 1"}, "task.swap.from: a step is named twice."),
        ({"step_seeds": "0-3", "in_turn": 3}, "task.swap: there is no step 3 to swap at: the study makes 2."),
        ({"step_seeds": "0-3", "at": 3}, "task.swap.at: unknown key; known are step_seeds, from, in_turn, prompts."),
        ({"step_seeds": "0-3", "prompts": 0}, "task.swap.prompts: Input should be greater than or equal to 1."),
    ],
)
def test_what_cannot_be_swapped_is_said(options: dict[str, object], said: str) -> None:
    with pytest.raises(StudyError) as error:
        task(task={"swap": options})
    assert str(error.value) == said
