"""Schedulers by the names that people know from A1111 and ComfyUI: what each is in diffusers.

Source: diffusers, documentation, `api/schedulers/overview`: "Schedulers" and "Noise schedules and schedule types".
Deviation: names that are documented as having no equal there (DPM fast, DPM adaptive, DPM++ 2S a) are not known.
"""

from seedscope.pipeline.study.strict import Json

OWN = "model"
"""The scheduler that a model ships with."""
_Class = tuple[str, dict[str, Json]]

_SAMPLERS: dict[str, _Class] = {
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "dpm++": ("DPMSolverMultistepScheduler", {}),
    "euler a": ("EulerAncestralDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "pndm": ("PNDMScheduler", {}),
    "dpm2": ("KDPM2DiscreteScheduler", {}),
    "dpm2 a": ("KDPM2AncestralDiscreteScheduler", {}),
    "dpm++ 2m": ("DPMSolverMultistepScheduler", {}),
    "dpm++ 2m sde": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "dpm++ sde": ("DPMSolverSinglestepScheduler", {}),
    "deis": ("DEISMultistepScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "lcm": ("LCMScheduler", {}),
    "tcd": ("TCDScheduler", {}),
}
_SPACED: dict[str, dict[str, Json]] = {
    "sgm uniform": {"timestep_spacing": "trailing"},
    "simple": {"timestep_spacing": "trailing"},
}
_SIGMAS: dict[str, dict[str, Json]] = {
    "karras": {"use_karras_sigmas": True},
    "exponential": {"timestep_spacing": "linspace", "use_exponential_sigmas": True},
    "beta": {"timestep_spacing": "linspace", "use_beta_sigmas": True},
}
_WITHOUT_SIGMAS = {"ddim", "ddpm", "euler a", "pndm", "lcm", "tcd"}
_WITHOUT_SPACING = {"dpm++ sde"}


def _schedules(sampler: str) -> dict[str, dict[str, Json]]:
    """The noise schedules that a sampler takes, by the word that follows its name."""
    if sampler in _WITHOUT_SPACING:
        return {"karras": _SIGMAS["karras"]}
    return _SPACED | ({} if sampler in _WITHOUT_SIGMAS else _SIGMAS)


SCHEDULERS: dict[str, _Class] = _SAMPLERS | {
    f"{sampler} {schedule}": (kind, config | settings)
    for sampler, (kind, config) in _SAMPLERS.items()
    for schedule, settings in _schedules(sampler).items()
}
"""Name -> class of diffusers and its settings over those of the model."""
_SPELLINGS = (
    ("_", " "),
    ("dpmpp", "dpm++"),
    ("dpm 2", "dpm2"),
    ("uni pc", "unipc"),
    (" ancestral", " a"),
    ("plms", "pndm"),
)


def known(name: str) -> str | None:
    """The name as it stands in `SCHEDULERS`, or `model`; however it is spelt: `DPM++ 2M Karras`, `dpmpp_2m_karras`."""
    name = " ".join(name.casefold().split())
    for spelt, plain in _SPELLINGS:
        name = name.replace(spelt, plain)
    return name if name in SCHEDULERS or name == OWN else None
