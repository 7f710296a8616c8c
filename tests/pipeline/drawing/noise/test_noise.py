"""The noise of a seed is what stock diffusers draws for it, wherever, whenever and beside whatever it is drawn."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline
from diffusers.utils.torch_utils import randn_tensor
from pydantic import ValidationError

from seedscope.pipeline.drawing import noise
from seedscope.pipeline.drawing.noise import NoiseContract

SHAPE = (4, 8, 8)
SEEDS = [0, 1, 469, 2**32 - 1, 2**63 - 1]


def cpu_generators(seeds: list[int]) -> list[torch.Generator]:
    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


@pytest.mark.parametrize("shape", [SHAPE, (16, 8, 8), (4, 96, 64), (1, 1, 3)])
def test_latent_is_what_diffusers_draws_for_a_list_of_generators(shape: tuple[int, int, int]) -> None:
    stock = randn_tensor((len(SEEDS), *shape), generator=cpu_generators(SEEDS), dtype=torch.float32)
    assert torch.equal(torch.stack([noise.latent(seed, shape) for seed in SEEDS]), stock)


@pytest.mark.parametrize("family", ["sd1", "sdxl_turbo"])
def test_latent_is_what_a_pipeline_prepares(family: str, tiny: dict[str, Path]) -> None:
    pipe = DiffusionPipeline.from_pretrained(tiny[family])
    pipe.scheduler.set_timesteps(2)
    stock = pipe.prepare_latents(
        len(SEEDS), SHAPE[0], 64, 64, torch.float32, torch.device("cpu"), cpu_generators(SEEDS)
    )
    ours = torch.stack([noise.latent(seed, SHAPE) for seed in SEEDS]) * pipe.scheduler.init_noise_sigma
    assert torch.equal(ours, stock)


def test_generator_continues_where_diffusers_left_it() -> None:
    stock = cpu_generators(SEEDS)
    randn_tensor((len(SEEDS), *SHAPE), generator=stock, dtype=torch.float32)
    ours = [noise.generator(seed, SHAPE) for seed in SEEDS]
    later = (len(SEEDS), *SHAPE)
    for _step in range(3):
        assert torch.equal(randn_tensor(later, generator=ours), randn_tensor(later, generator=stock))


def test_latent_depends_on_nothing_but_seed_and_shape() -> None:
    in_order = {seed: noise.latent(seed, SHAPE) for seed in range(20)}
    backwards = {seed: noise.latent(seed, SHAPE) for seed in reversed(range(20))}
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        torch.set_default_dtype(torch.float64)
        elsewhere = {seed: noise.latent(seed, SHAPE) for seed in range(20)}
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(threads)
    for seed in range(20):
        assert torch.equal(in_order[seed], backwards[seed])
        assert torch.equal(in_order[seed], elsewhere[seed])
        assert in_order[seed].dtype == elsewhere[seed].dtype == torch.float32


def test_latent_is_standard_normal() -> None:
    values = torch.stack([noise.latent(seed, (4, 64, 64)) for seed in range(50)]).double()
    deviation = 1 / values.numel() ** 0.5
    assert abs(values.mean()) < 5 * deviation
    assert abs(values.var() - 1) < 5 * 2**0.5 * deviation


def test_the_global_random_state_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    noise.latent(3, SHAPE)
    noise.generator(3, SHAPE)
    assert NoiseContract.of([1, 2], SHAPE).check() == []
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("draw", [noise.latent, noise.generator])
@pytest.mark.parametrize("seed", [-1, 2**63])
def test_seed_out_of_range(draw: Callable[[int, tuple[int, int, int]], object], seed: int) -> None:
    with pytest.raises(ValueError, match=rf"A seed lies between 0 and 2\^63 - 1 .* but this one is {seed}\."):
        draw(seed, SHAPE)


@pytest.mark.parametrize("shape", [(4, 8), (4, 0, 8), (1, 4, 8, 8)])
def test_shape_is_three_positive_numbers(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"A latent has the shape \(channels, height, width\)"):
        noise.latent(1, shape)  # type: ignore[arg-type]  # the mistake under test


def test_digest_is_sha256_of_little_endian_float32() -> None:
    values = torch.tensor([[[1.0, -2.0]]])
    assert noise.digest(values) == hashlib.sha256(bytes.fromhex("0000803f000000c0")).hexdigest()
    assert noise.digest(values.transpose(0, 2).contiguous().transpose(0, 2)) == noise.digest(values)
    with pytest.raises(ValueError, match=r"hashed in torch\.float32, not torch\.float16"):
        noise.digest(values.half())


def test_contract_holds_here_and_survives_json() -> None:
    contract = NoiseContract.of(SEEDS, SHAPE)
    again = NoiseContract.model_validate_json(contract.model_dump_json())
    assert again == contract
    assert list(contract.probes) == SEEDS[:3]
    assert again.check(exact=True) == []


def test_contract_reports_other_noise() -> None:
    contract = NoiseContract.of([1, 2], SHAPE)
    swapped = contract.model_copy(update={"probes": {1: contract.probes[2], 2: contract.probes[2]}})
    [reason] = swapped.check()
    assert reason.startswith("The noise of seed 1 is other noise: it starts with ")
    assert f"torch {contract.torch} and diffusers {contract.diffusers}" in reason

    other_shape = contract.model_copy(update={"shape": (4, 8, 16)})
    assert len(other_shape.check()) == 2

    half = torch.randn((1, *SHAPE), generator=torch.Generator("cpu").manual_seed(1), dtype=torch.float64)[0].float()
    [reason] = contract.model_copy(update={"probes": {1: noise.Probe.of(half)}}).check()
    assert "other noise" in reason

    elsewhere = contract.model_copy(update={"source": "torch.randn(shape, device='cuda')"})
    [reason] = elsewhere.check()
    assert "torch.randn(shape, device='cuda')" in reason


def test_contract_forgives_rounding_unless_asked_for_exactness() -> None:
    """torch.randn rounds differently on processors without AVX2: its values move by up to 2e-6."""
    script = (
        "from seedscope.pipeline.drawing.noise import NoiseContract\n"
        "print(NoiseContract.of([1], (4, 64, 64)).model_dump_json())"
    )
    environment = os.environ | {"ATEN_CPU_CAPABILITY": "default"}
    made = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    contract = NoiseContract.model_validate_json(made.stdout)
    assert contract.check() == []
    if contract.probes != NoiseContract.of([1], (4, 64, 64)).probes:
        [reason] = contract.check(exact=True)
        assert "agrees only up to rounding (within 1e-05), not bit for bit" in reason


def test_contract_refuses_what_it_does_not_know() -> None:
    contract = NoiseContract.of([1], SHAPE).model_dump()
    with pytest.raises(ValidationError, match="device"):
        NoiseContract.model_validate(contract | {"device": "cuda"})
    with pytest.raises(ValueError, match="needs at least one seed"):
        NoiseContract.of([], SHAPE)
    with pytest.raises(ValidationError, match="frozen"):
        NoiseContract.of([1], SHAPE).shape = (4, 8, 16)  # type: ignore[misc]  # the mistake under test
