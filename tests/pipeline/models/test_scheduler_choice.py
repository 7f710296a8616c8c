"""Any scheduler of diffusers, with settings of its own: equal to the stock pipeline's, or refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import schedulers as benchmark
import tiny_models
from diffusers import EDMEulerScheduler, EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler, PNDMScheduler
from pydantic import ValidationError
from stock_families import stock_pipe
from stock_pictures import UNIT, ours, stock, study

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.schedulers import (
    refuse_scheduler,
    refuse_what_cannot_draw,
    study_scheduler,
)
from seedscope.pipeline.study.scheduler_names import SCHEDULERS, known
from seedscope.pipeline.study.schema import Sampling

BETAS: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
SOME = ("CogVideoXDDIM", "CogVideoXDPM", "DPMSolverSDE", "EDMEuler", "FlowMatchHeunDiscrete", "KDPM2AncestralDiscrete")


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.sdxl(tmp_path_factory.mktemp("models") / "sdxl")


def choice(kind: str = "model", **config: Any) -> Sampling:
    return Sampling.model_validate({"scheduler": {"class": kind, "config": config}, "steps": 3})


def test_some_classes_of_diffusers_draw_as_stock_or_are_refused(sdxl: Path) -> None:
    """All of them, on sprout too: `benchmarks/schedulers.py`."""
    found = dict(
        benchmark.outcomes({"xl": stock_pipe(sdxl)}, {name: (f"{name}Scheduler", {}) for name in (*SOME, "LCM", "TCD")})
    )
    equal = {name for name, each in found.items() if each == {"xl": "equal"}}
    assert equal == {"CogVideoXDDIM", "KDPM2AncestralDiscrete", "LCM", "TCD"}
    assert all(each["xl"].startswith("refused: sampling") for name, each in found.items() if name not in equal)


@pytest.mark.parametrize(
    "scheduler",
    [
        "DPM++ 2M SDE Karras",
        "euler a",
        {"class": "DPMSolverMultistepScheduler", "config": {"use_karras_sigmas": True, "solver_order": 3}},
        {"class": "unipc", "config": {"solver_order": 1}},
        {"config": {"timestep_spacing": "trailing"}},
    ],
)
def test_a_batch_with_settings_of_its_own_equals_stock(sdxl: Path, tmp_path: Path, scheduler: Any) -> None:
    """Noise between the steps comes from the generators of the cells."""
    wanted = study(str(sdxl), scheduler=scheduler)
    drawn = ours(wanted, tmp_path, UNIT)
    np.testing.assert_array_equal(drawn, stock(wanted, UNIT))
    plain = study(str(sdxl))
    assert not np.array_equal(drawn, stock(plain, UNIT))


@pytest.mark.parametrize("name", ["dpm++ 2m karras", "DPM++ 2M Karras", "dpmpp_2m_karras", " DPM++  2m  karras"])
def test_names_are_known_however_they_are_spelt(name: str) -> None:
    settings = {"use_karras_sigmas": True}
    assert Sampling.model_validate({"scheduler": name}).wanted == ("DPMSolverMultistepScheduler", settings)


@pytest.mark.parametrize(
    ("spelt", "plain"),
    [("euler_ancestral", "euler a"), ("dpm_2_ancestral", "dpm2 a"), ("uni_pc", "unipc"), ("Euler a SGM Uniform", None)],
)
def test_names_of_comfyui(spelt: str, plain: str | None) -> None:
    assert known(spelt) == (plain or "euler a sgm uniform")


def test_every_name_is_a_class_of_diffusers_and_settings_that_it_takes() -> None:
    own = EulerDiscreteScheduler(**BETAS)
    for name in SCHEDULERS:
        kind, config = Sampling.model_validate({"scheduler": name}).wanted
        refuse_scheduler(choice(kind, **config))
    for name in ("dpm++ 2m sde karras", "unipc beta", "lcm", "euler sgm uniform"):
        kind, config = SCHEDULERS[name]
        made = study_scheduler(own, "m", Sampling.model_validate({"scheduler": name}))
        assert type(made).__name__ == kind
        assert {key: made.config[key] for key in config} == config


@pytest.mark.parametrize(
    ("sampling", "said"),
    [
        (choice("DPMSolverMultistep"), "has no scheduler 'DPMSolverMultistep'. Did you mean 'DPMSolverMultistepSched"),
        (choice("qqq"), "sampling.scheduler: diffusers has no scheduler 'qqq'. Name one such as DDIMScheduler."),
        (choice("DDIMScheduler", clip_samples=True), "config.clip_samples: a DDIM.* Did you mean 'clip_sample'?"),
        (choice("TCDScheduler", qqq=1), "sampling.scheduler.config.qqq: a TCDScheduler has no such setting. It takes "),
        (choice("DPMSolverSDEScheduler"), "DPMSolverSDEScheduler draws noise that does not come from the seed"),
        (Sampling(scheduler="DDIMMScheduler"), "no scheduler 'DDIMMScheduler'. Did you mean 'DDIMScheduler'?"),
    ],
)
def test_unknown_classes_and_settings_are_refused_without_a_model(sampling: Sampling, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        refuse_scheduler(sampling)


@pytest.mark.parametrize(
    ("own", "sampling", "said"),
    [
        (PNDMScheduler(**BETAS), choice(clip_sample=True), "config.clip_sample: a PNDMScheduler has no such setting"),
        (PNDMScheduler(**BETAS), choice("DPMSolverMultistepScheduler", algorithm_type="sde"), "cannot be made so: sde"),
        (
            PNDMScheduler(**BETAS),
            choice("FlowMatchEulerDiscreteScheduler"),
            "needs the straight paths of flow matching",
        ),
        (
            FlowMatchEulerDiscreteScheduler(),
            choice("UniPCMultistepScheduler"),
            "Give it `config: {use_flow_sigmas: true",
        ),
        (EDMEulerScheduler(), choice("ddim"), "DDIMScheduler needs the betas of a noise schedule, and the EDMEuler"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(own: Any, sampling: Sampling, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        study_scheduler(own, "m", sampling)


def test_what_cannot_make_its_steps_is_refused() -> None:
    own = PNDMScheduler(**BETAS)
    for wanted, said in (
        (
            choice("DDIMScheduler", prediction_type="flow"),
            "DDIMScheduler cannot make 3 steps: prediction_type given as",
        ),
        (choice("RePaintScheduler"), "RePaintScheduler cannot make 3 steps: .*original_image"),
        (choice("DDIMScheduler", timestep_spacing="odd"), "DDIMScheduler cannot make 3 steps: odd is not supported"),
        (Sampling(scheduler="euler", eta=0.5), "sampling.eta: has no effect on EulerDiscreteScheduler. Remove it"),
    ):
        with pytest.raises(ModelError, match=said):
            refuse_what_cannot_draw(study_scheduler(own, "m", wanted), wanted)


def test_a_flow_model_takes_other_solvers_of_its_noise() -> None:
    own = FlowMatchEulerDiscreteScheduler(shift=3.0)
    flow = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
    made = study_scheduler(own, "m", choice("UniPCMultistepScheduler", **flow))
    assert made.config.use_flow_sigmas
    assert type(study_scheduler(own, "m", choice("FlowMatchHeunDiscreteScheduler"))).__name__.startswith(
        "FlowMatchHeun"
    )


def test_causes_of_older_runs_keep_their_names() -> None:
    said = Sampling().said()
    guidance = {"scale": 7.5, "negative_prompt": "", "negative_scale": None, "negative_from": 0}
    assert said == {"scheduler": "model", "steps": 20, "guidance": guidance, "height": None, "width": None}
    assert Sampling(scheduler="dpm++").said()["scheduler"] == "dpm++"


def test_what_is_the_same_has_one_cause() -> None:
    def said(**sampling: Any) -> Any:
        return Sampling.model_validate(sampling).said()

    long = {"class": "DPMSolverMultistepScheduler", "config": {"use_karras_sigmas": True}}
    assert said(scheduler="dpm++ 2m karras") == said(scheduler=long) == said(scheduler={"class": "DPM++ 2M Karras"})
    assert said(scheduler={"class": "DDIMScheduler"}) == said(scheduler="ddim") and said(scheduler={}) == said()
    assert said(call={"eta": 0.5}) == said(eta=0.5) != said() == said(eta=0)
    assert said(call={"clip_skip": 1})["call"] == {"clip_skip": 1}
    assert said(guidance={"negative_prompt": None}) == said() != said(guidance={"empty": "text"})


def test_one_thing_said_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="'eta' stands under `call` too, with another value; remove one"):
        Sampling.model_validate({"eta": 1.0, "call": {"eta": 0.5}})
