"""The diffusion model whose bound it is: where it lies, and models of which there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seedscope.analysis.features.base import FeatureError
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Denoiser
from seedscope.pipeline.models.families.stable_diffusion import StableDiffusion, told
from seedscope.pipeline.models.load import load
from seedscope.pipeline.models.locate import Located, locate
from seedscope.pipeline.study.schema import Compute, Json, Model, Sampling

PREDICTS = ("epsilon", "v_prediction")
_OF_FEW_STEPS = ("LCMScheduler", "TCDScheduler")
_TEACHER = "name the model that it was distilled from, as `elbo: {model: sprout}` for sprout-turbo"


@dataclass(frozen=True)
class JudgingModel:
    """A bundled model, a folder in diffusers layout, or a hub id; `revision` and `variant` as in studies."""

    model: str
    revision: str | None = None
    variant: str | None = None

    def located(self) -> Located:
        """Where it lies.

        Raises:
            FeatureError: there is no such model, or it has no bound.
        """
        try:
            found = locate(Model(id=self.model, revision=self.revision, variant=self.variant))
            self._refuse(found)
        except ModelError as error:
            raise _of_the_option(error) from None
        return found

    def identity(self) -> Json:
        """What of it changes predictions. Raises FeatureError as `located`."""
        return self.located().identity

    def loaded(self, device: str) -> Denoiser:
        """In float32 on a device, with a scheduler that has its noise schedule. Raises FeatureError as `located`."""
        found = self.located()
        compute = Compute.model_validate({"device": device.partition(":")[0]})
        try:
            drawer = load(found, self.variant, Sampling(scheduler="ddim"), compute)
        except ModelError as error:
            raise _of_the_option(error) from None
        if not isinstance(drawer, Denoiser):
            raise self._no_single_step(found)
        return drawer

    def _refuse(self, found: Located) -> None:
        if not isinstance(found.family, StableDiffusion):
            raise self._no_single_step(found)
        settings = found.configs("scheduler")
        kind = str(found.index["scheduler"][1])
        if told(found.configs) or _few_steps(kind, settings):
            raise self._error(f"is a distilled model of few steps, to tell by its network or its {kind}; {_TEACHER}.")
        if "beta_schedule" not in settings and settings.get("trained_betas") is None:
            raise self._error(
                f"has a {kind} without betas, and the bound is by a schedule of betas; leave the feature out."
            )
        predicts = settings.get("prediction_type", "epsilon")
        if predicts not in PREDICTS:
            known = " or ".join(PREDICTS)
            raise self._error(f"predicts {predicts!r}, and the bound is of {known}; leave the feature out.")

    def _no_single_step(self, found: Located) -> FeatureError:
        return self._error(
            f"is a {found.pipeline}, and the bound is of a UNet that predicts noise, as in Stable Diffusion and SDXL; leave "
            "the feature out."
        )

    def _error(self, reason: str) -> FeatureError:
        return FeatureError(f"elbo.model: {self.model} {reason}")


def _few_steps(kind: str, settings: Mapping[str, Any]) -> bool:
    """Whether a scheduler is that of published models of one to four steps: of consistency models, or Euler's as of Turbo."""
    turbo = kind.startswith("Euler") and settings.get("timestep_spacing") == "trailing"
    return kind in _OF_FEW_STEPS or (turbo and not settings.get("rescale_betas_zero_snr"))


def _of_the_option(error: ModelError) -> FeatureError:
    text = str(error).removeprefix("model.").removeprefix("model: ")
    return FeatureError(f"elbo.{text}" if text.startswith(("revision:", "variant:")) else f"elbo.model: {text}")
