"""Which schedulers can draw: those whose noise comes from the seed, and which can be made from the model's."""

import json
import re
import shutil
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import pytest
import tiny_models
import torch
from diffusers import ConfigMixin, EDMEulerScheduler, FlowMatchEulerDiscreteScheduler, SchedulerMixin
from stock_pictures import study

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.load import architecture, load
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.models.schedulers import (
    later_noise_acts,
    refuse_what_cannot_draw,
    scheduler_class,
    study_scheduler,
)
from seedscope.pipeline.study.schema import Sampling

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}


class Wild(SchedulerMixin, ConfigMixin):
    """Steps with noise from torch's global random state."""

    config_name = "scheduler_config.json"
    init_noise_sigma, order = 1.0, 1

    def set_timesteps(self, num_inference_steps: int, device: str) -> None:
        self.timesteps = torch.arange(num_inference_steps, device=device).flip(0)

    def scale_model_input(self, sample: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        return sample

    def step(self, output: Any, timestep: Any, sample: torch.Tensor, return_dict: bool = True) -> tuple[torch.Tensor]:
        return (sample + torch.randn_like(sample),)


def test_noise_that_is_not_the_seeds_is_refused() -> None:
    before = torch.random.get_rng_state()
    with pytest.raises(ModelError, match=r"Wild, the model's own, draws noise that does not come from the seed.*ddim"):
        refuse_what_cannot_draw(Wild(), Sampling(steps=3))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    "name",
    [
        *(
            "DDIM",
            "DDPM",
            "PNDM",
            "EulerDiscrete",
            "EulerAncestralDiscrete",
            "HeunDiscrete",
            "KDPM2Discrete",
            "LMSDiscrete",
        ),
        *(
            "KDPM2AncestralDiscrete",
            "LCM",
            "TCD",
            "DPMSolverMultistep",
            "DPMSolverSinglestep",
            "UniPCMultistep",
            "IPNDM",
        ),
        *("DEISMultistep", "SASolver", "EDMEuler", "EDMDPMSolverMultistep", "DDIMParallel", "DDPMParallel"),
    ],
)
def test_stock_schedulers_draw_from_the_seed_alone(name: str) -> None:
    scheduler = getattr(diffusers, f"{name}Scheduler").from_config(BETAS)
    refuse_what_cannot_draw(scheduler, Sampling(steps=4))


@pytest.mark.parametrize(
    ("kind", "config", "acts"),
    [
        ("SASolverScheduler", {}, True),
        ("SCMScheduler", {}, True),
        ("FlowMatchEulerDiscreteScheduler", {}, False),
        ("FlowMatchEulerDiscreteScheduler", {"stochastic_sampling": True}, True),
        ("DDIMScheduler", {}, False),
    ],
)
def test_noise_of_the_steps_is_seen_of_schedulers_without_scaled_inputs_too(
    kind: str, config: dict[str, Any], acts: bool
) -> None:
    scheduler = scheduler_class(kind)(**config)
    assert later_noise_acts(scheduler, Sampling.model_validate({"steps": 2})) is acts
    four = Sampling.model_validate({"steps": 4, "call": {"intermediate_timesteps": None}})
    assert later_noise_acts(scheduler, four) is acts


def test_steps_that_a_scheduler_cannot_make() -> None:
    with pytest.raises(ModelError, match="LCMScheduler cannot make 60 steps: "):
        refuse_what_cannot_draw(diffusers.LCMScheduler.from_config(BETAS), Sampling(steps=60))


def test_a_brownian_tree_is_refused_before_its_library_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stand:
        _backends = ("torch", "torchsde")

    monkeypatch.setattr(diffusers, "DPMSolverSDEScheduler", Stand, raising=False)
    with pytest.raises(ModelError, match="DPMSolverSDEScheduler, the model's own, draws noise"):
        scheduler_class("DPMSolverSDEScheduler")
    with pytest.raises(ModelError, match="its scheduler NoScheduler is not one of the diffusers"):
        scheduler_class("NoScheduler")


def test_a_brownian_tree_that_is_there_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for its library, whose tree is flat: the seed of the tree is drawn from the global state all the same."""
    flat = SimpleNamespace(BrownianInterval=lambda size, **_: lambda _t0, _t1: torch.zeros(size))
    monkeypatch.setitem(sys.modules, "torchsde", flat)
    kind = import_module("diffusers.schedulers.scheduling_dpmsolver_sde").DPMSolverSDEScheduler
    with pytest.raises(ModelError, match="DPMSolverSDEScheduler, the model's own, draws noise"):
        refuse_what_cannot_draw(kind.from_config(BETAS), Sampling(steps=3))


@pytest.mark.parametrize("own", [EDMEulerScheduler, FlowMatchEulerDiscreteScheduler])
@pytest.mark.parametrize("wanted", ["ddim", "ddpm", "euler", "dpm++"])
def test_a_model_without_betas_keeps_its_own_scheduler(own: Any, wanted: str) -> None:
    with pytest.raises(
        ModelError, match=rf"sampling.scheduler: {re.escape(wanted)} needs the betas .*{own.__name__} of m has none"
    ):
        study_scheduler(own(), "m", Sampling.model_validate({"scheduler": wanted}))
    assert isinstance(study_scheduler(own(), "m", Sampling()), own)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scheduler of an old version, whose settings the stock pipeline corrects."""
    folder = tiny_models.sd1(tmp_path_factory.mktemp("models") / "old")
    config = {"_class_name": "DDIMScheduler", **{key: value for key, value in BETAS.items() if key != "steps_offset"}}
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(config))
    index = json.loads((folder / "model_index.json").read_text()) | {"scheduler": ["diffusers", "DDIMScheduler"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


@pytest.mark.parametrize("wanted", ["model", "euler"])
def test_the_architecture_has_the_scheduler_as_it_draws(old: Path, wanted: str) -> None:
    made = study(str(old), scheduler=wanted)
    found = locate(made.model)
    _, unet, scheduler = architecture(found, made.sampling)
    loaded = load(found, None, made.sampling, made.compute)
    assert dict(scheduler.config) == dict(loaded.scheduler.config) and type(scheduler) is type(loaded.scheduler)
    assert scheduler.config.steps_offset == (1 if wanted == "model" else 0)  # as `from_config` of diffusers gives it
    assert unet.config.cross_attention_dim == 32


def test_what_cannot_be_loaded_is_a_sentence(old: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(old, tmp_path / "model")
    config = json.loads((folder / "unet" / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_4bit": True, "load_in_8bit": False}
    (folder / "unet" / "config.json").write_text(json.dumps(config))
    wanted = study(str(folder))
    with pytest.raises(ModelError, match=r"model: cannot be loaded: \S") as error:
        load(locate(wanted.model), None, wanted.sampling, wanted.compute)
    assert "\n" not in str(error.value)
