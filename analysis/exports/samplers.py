"""A scheduler of diffusers by the names that other programs have for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from seedscope.analysis.select.component import Component

_COMFYUI, _A1111, _INVOKEAI = ("ComfyUI", "SwarmUI"), ("A1111",), ("InvokeAI",)


class _Names(NamedTuple):
    """What a scheduler is called. nearest: programs that have no such one, and are told the nearest; later: its steps draw."""

    comfyui: str
    a1111: str
    invokeai: str
    nearest: tuple[str, ...] = ()
    later: bool = False


_NAMES: Final[dict[str, _Names]] = {
    "DDIMScheduler": _Names("ddim", "DDIM", "ddim"),
    "DDPMScheduler": _Names("ddpm", "DDPM", "ddpm", later=True),
    "EulerDiscreteScheduler": _Names("euler", "Euler", "euler"),
    "FlowMatchEulerDiscreteScheduler": _Names("euler", "Euler", "euler"),
    "EulerAncestralDiscreteScheduler": _Names("euler_ancestral", "Euler a", "euler_a", later=True),
    "HeunDiscreteScheduler": _Names("heun", "Heun", "heun"),
    "LMSDiscreteScheduler": _Names("lms", "LMS", "lms"),
    "PNDMScheduler": _Names("ipndm", "PLMS", "pndm", _COMFYUI),
    "KDPM2DiscreteScheduler": _Names("dpm_2", "DPM2", "kdpm_2"),
    "KDPM2AncestralDiscreteScheduler": _Names("dpm_2_ancestral", "DPM2 a", "kdpm_2_a", later=True),
    "DPMSolverMultistepScheduler": _Names("dpmpp_2m", "DPM++ 2M", "dpmpp_2m"),
    "DPMSolverSinglestepScheduler": _Names("dpmpp_2m", "DPM++ 2M", "dpmpp_2s", _COMFYUI + _A1111),
    "DEISMultistepScheduler": _Names("deis", "DPM++ 2M", "deis", _A1111),
    "UniPCMultistepScheduler": _Names("uni_pc", "UniPC", "unipc"),
    "LCMScheduler": _Names("lcm", "LCM", "lcm", later=True),
}
_SDE = _Names("dpmpp_2m_sde", "DPM++ 2M SDE", "dpmpp_2m_sde", later=True)
_OTHER = _Names("euler", "Euler", "euler", _COMFYUI + _A1111 + _INVOKEAI)
_KARRAS_OF_INVOKEAI = (
    "euler",
    "heun",
    "lms",
    "kdpm_2",
    "kdpm_2_a",
    "dpmpp_2m",
    "dpmpp_2m_sde",
    "dpmpp_2s",
    "deis",
    "unipc",
)
_SPACING: Final = {"trailing": ("sgm_uniform", "SGM Uniform"), "leading": ("normal", "Automatic")}


@dataclass(frozen=True)
class Sampler:
    """A sampler and its schedule of sigmas, as programs call them.

    Attributes:
        comfyui: (sampler, scheduler) of ComfyUI and SwarmUI.
        a1111: (sampler, schedule type) of A1111 and Forge.
        invokeai: scheduler of InvokeAI.
        class_name: the scheduler itself.
        nearest: programs that have no such scheduler, and are told the nearest that they have.
        draws_later: whether its steps draw noise.
    """

    comfyui: tuple[str, str]
    a1111: tuple[str, str]
    invokeai: str
    class_name: str
    nearest: tuple[str, ...]
    draws_later: bool

    def differs(self, program: str) -> str:
        """A sentence where a program has no such scheduler; else nothing."""
        if program not in self.nearest:
            return ""
        told = {"A1111": self.a1111[0], "InvokeAI": self.invokeai}.get(program, self.comfyui[0])
        return f"{program} has no {self.class_name}; it is told {told}, which makes other pictures of the same noise."


def sampler_of(scheduler: Component) -> Sampler:
    """The sampler of a scheduler; where other programs have none like it, the nearest."""
    config = scheduler.config
    names = _NAMES.get(scheduler.class_name, _OTHER)
    if scheduler.class_name == "DPMSolverMultistepScheduler" and str(config.get("algorithm_type", "")).startswith(
        "sde"
    ):
        names = _SDE
    comfyui, a1111 = _schedule(scheduler)
    karras = bool(config.get("use_karras_sigmas")) and names.invokeai in _KARRAS_OF_INVOKEAI
    return Sampler(
        (names.comfyui, comfyui),
        (names.a1111, a1111),
        f"{names.invokeai}_k" if karras else names.invokeai,
        scheduler.class_name,
        names.nearest,
        names.later,
    )


def _schedule(scheduler: Component) -> tuple[str, str]:
    """(ComfyUI's scheduler, A1111's schedule type)."""
    config = scheduler.config
    if config.get("use_karras_sigmas"):
        return "karras", "Karras"
    if config.get("use_exponential_sigmas"):
        return "exponential", "Exponential"
    if config.get("use_beta_sigmas"):
        return "beta", "Beta"
    if scheduler.class_name.startswith("FlowMatch"):
        return "simple", "Simple"
    if scheduler.class_name == "DDIMScheduler" and config.get("timestep_spacing") == "leading":
        return "ddim_uniform", "DDIM"
    return _SPACING.get(str(config.get("timestep_spacing")), _SPACING["leading"])
