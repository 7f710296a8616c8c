"""The clean picture that a prediction stands for, and the prediction that stands for another noise."""

from dataclasses import dataclass
from typing import Any

import torch

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Scheduler

KINDS = ("epsilon", "v_prediction", "sample")


@dataclass(frozen=True)
class Level:
    """How much of a picture and how much noise there is in what the network sees: x = signal x0 + noise eps.

    `signal` and `noise` are the square roots of abar and 1 - abar; `kind` is what the network predicts, x0, eps, or
    v = signal eps - noise x0 (Salimans & Ho 2022, arXiv 2202.00512, appendix D).

    Shapes: predictions, latents `seen` by the network and noises are (B, C, h, w).
    """

    signal: float
    noise: float
    kind: str

    def clean(self, prediction: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """The latents x0 of the predicted clean picture."""
        if self.kind == "sample":
            return prediction
        if self.kind == "v_prediction":
            return self.signal * seen - self.noise * prediction
        return (seen - self.noise * prediction) / self.signal

    def eps(self, prediction: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """The predicted noise."""
        if self.kind == "epsilon":
            return prediction
        if self.kind == "v_prediction":
            return self.noise * seen + self.signal * prediction
        return (seen - self.signal * prediction) / self.noise

    def moved(self, prediction: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """The prediction whose noise is more by `noise`, of the same latents."""
        by = {"epsilon": 1.0, "v_prediction": 1 / self.signal, "sample": -self.noise / self.signal}
        return prediction + by[self.kind] * noise


def level_of(scheduler: Scheduler, timestep: torch.Tensor, step: int) -> Level | None:
    """The level at a 0-based timestep of a scheduler; None where there is nothing of a picture yet.

    Of schedulers that keep latents as x0 + sigma eps, what they scale them by tells sigma: 1 / sqrt(1 + sigma^2).

    Source: diffusers, `DPMSolverMultistepScheduler._sigma_to_alpha_sigma_t`: abar = 1 / (1 + sigma^2).
    """
    any_of: Any = scheduler
    scale = float(scheduler.scale_model_input(torch.ones(1, device=timestep.device), timestep))
    sigmas = getattr(any_of, "sigmas", None)
    if scale < 1:
        abar = scale**2
    elif sigmas is not None and len(sigmas) == len(scheduler.timesteps) + 1:
        abar = 1 / (1 + float(sigmas[step]) ** 2)
    else:
        abar = float(any_of.alphas_cumprod[int(timestep)])
    # Betas rescaled to no signal at all leave 2^-24 of it, or nothing.
    if abar < 1e-6:
        return None
    return Level(abar**0.5, (1 - abar) ** 0.5, any_of.config.prediction_type)


def refuse_no_clean_picture(scheduler: Scheduler, key: str = "sampling.guidance.similarity") -> None:
    """Refuse a scheduler whose predictions stand for no clean picture that is known here.

    Args:
        key: of the study, which asks for such pictures.

    Raises:
        ModelError: a sentence.
    """
    any_of: Any = scheduler
    kind = getattr(any_of.config, "prediction_type", None)
    known = hasattr(any_of, "alphas_cumprod") and not getattr(any_of.config, "use_flow_sigmas", False)
    if not known or hasattr(any_of.config, "sigma_data") or kind not in KINDS:
        raise ModelError(
            f"{key}: of a {type(scheduler).__name__} ({kind or 'no prediction type'}) the clean picture "
            "that a step predicts is not known. Choose a scheduler such as ddim, euler or dpm++ 2m, or remove the key."
        )
