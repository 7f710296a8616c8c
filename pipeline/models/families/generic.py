"""Every class of diffusers that draws pictures from a prompt and a generator, and that no family knows."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Configs, Drawer, Family, Geometry, above
from seedscope.pipeline.models.stock import bare_network
from seedscope.pipeline.models.stock_arguments import FRAMES, refuse_arguments, refuse_texts_of_clip
from seedscope.pipeline.study.scheduler_names import OWN
from seedscope.pipeline.study.schema import Compute, Guidance, Sampling

if TYPE_CHECKING:
    import torch

NETWORKS = ("transformer", "unet", "decoder")
"""What the part that denoises is called."""
NEEDED = ("prompt", "generator", "num_inference_steps", "height", "width")
"""What a call has to take."""
MORE_THAN_A_PROMPT = re.compile(
    r"Img2Img|Inpaint|ControlNet|Control|Edit|ImageToVideo|Image2Video|VideoToVideo|VideoToWorld|Upscal|SuperResolution|Adapter"
    r"|I2I|I2V|Depth2|Emb2Emb|Refine|Pix2Pix|GLIGEN|Animate|Layered|VACE|Audio|Music|Prior|LDM3D"
)
"""In the names of classes that need a picture, a film or embeddings beside the prompt, or give something else than pictures."""
UNSEEN = ("safety_checker", "feature_extractor", "watermarker")
"""Parts that look at finished pictures."""
UNPROMISED = (
    "The pipeline draws its noise itself: seedscope hands out no initial latents of a seed, only generators.",
    "Another version of diffusers, another size or another dtype may ask for its noise in another way, and then the same seed "
    "is another picture.",
    "Prompts are embedded anew for each picture.",
)


class Generic(Family):
    """A class of diffusers that is called as a user would call it. One instance a class.

    Source: diffusers, `DiffusionPipeline.from_pretrained`, and the class's own `__call__`.
    """

    name = "generic"
    rounds_halves = True

    def __init__(self, kind: str) -> None:
        built, self._call = _parameters(kind, "__init__"), _parameters(kind, "__call__")
        unused = tuple(part for part in UNSEEN if part in built)
        flags = {"requires_safety_checker": False} if "requires_safety_checker" in built else {}
        # What is of a class elsewhere is of an instance here.
        vars(self).update(
            draws=kind,
            network=next(part for part in NETWORKS if part in built),
            unused=unused,
            options=dict.fromkeys(unused) | flags,
        )
        self._combined = "prior_scheduler" in built

    def geometry(self, configs: Configs, name: str, *, fills_masks: bool = False) -> Geometry:  # noqa: ARG002
        said = [self._call[side].default for side in ("height", "width")]
        return Geometry(None, 1, (said[0], said[1]) if all(isinstance(side, int) for side in said) else None)

    def bare(self, folder: Path, pipeline: str, scheduler: Any) -> tuple[torch.nn.Module, Any]:  # noqa: ARG002
        return bare_network(folder, self.network), scheduler

    def ignored(self, pipe: Any, call: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        """Of what such a class reads nothing is known, but that scales up to 1 are no guidance."""
        return frozenset() if above(call, "guidance_scale", 1) else frozenset({"guidance_scale"})

    def drawer(self, pipe: Any, device: str, sampling: Sampling, compute: Compute) -> Drawer:  # noqa: ARG002
        from seedscope.pipeline.models.as_it_is import CalledAsItIs

        return CalledAsItIs(pipe, device, sampling, UNPROMISED)

    def refuse(self, pipeline: str, sampling: Sampling, *, by_prompt: bool) -> None:
        if not by_prompt:
            raise ModelError(
                f"task: {pipeline} is called whole, and draws from prompts and noise alone. Choose a model with a UNet."
            )
        refuse_texts_of_clip(pipeline, sampling)
        refuse_arguments(pipeline, sampling)
        if film := next((name for name in FRAMES if name in sampling.arguments), None):
            raise ModelError(f"sampling.call.{film}: one picture is drawn of each prompt and seed. Remove it.")
        if self._combined and sampling.wanted != (OWN, {}):
            raise ModelError(
                f"sampling.scheduler: {pipeline} is made of several pipelines, each with a scheduler of its own. Use these: "
                "`scheduler: model`."
            )
        self._refuse_guidance(pipeline, sampling.guidance)

    def refuse_model(self, configs: Configs, sampling: Sampling, compute: Compute) -> None:  # noqa: ARG002
        if compute.compile:
            raise ModelError(f"compute.compile: a {self.draws} is called as it is. Remove the key.")

    def _refuse_guidance(self, pipeline: str, guidance: Guidance) -> None:
        """Whatever would have no effect is refused."""
        usual = Guidance()
        for key, value, none, acts in (
            ("scale", guidance.scale, usual.scale, "guidance_scale" in self._call),
            ("negative_prompt", guidance.negative_prompt, "", "negative_prompt" in self._call),
            ("negative_scale", guidance.negative_scale, None, False),
            ("negative_from", guidance.negative_from, 0, False),
            ("empty", guidance.empty, "none", False),
            ("similarity", guidance.acting_similarity, None, False),
        ):
            if value != none and not acts:
                raise ModelError(f"sampling.guidance.{key}: a {pipeline} has no such guidance. Remove the key.")


@cache
def generic(kind: str) -> Generic | None:
    """The family of a class, where it can be drawn with."""
    return None if why_not(kind) else Generic(kind)


def why_not(kind: str) -> str:
    """Why a class cannot be drawn with as it is; empty where it can."""
    import diffusers

    found = getattr(diffusers, kind, None)
    if not (inspect.isclass(found) and issubclass(found, diffusers.DiffusionPipeline)):
        return f"the diffusers {diffusers.__version__} that is installed has no such pipeline"
    call, built = _parameters(kind, "__call__"), _parameters(kind, "__init__")
    needs = [name for name, each in call.items() if name not in NEEDED and _has_to_be_given(each)]
    lacks = [name for name in NEEDED if name not in call]
    if needs or MORE_THAN_A_PROMPT.search(kind):
        return (
            f"it needs {needs[0] if needs else 'something else'} beside a prompt, or gives something else than pictures"
        )
    if lacks:
        return f"its call takes no {lacks[0]}"
    if "scheduler" not in built or not any(part in built for part in NETWORKS):
        return f"it has no scheduler, or no part that is called {' or '.join(NETWORKS)}"
    return ""


def _has_to_be_given(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in (
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
    )


def _parameters(kind: str, method: str) -> Mapping[str, inspect.Parameter]:
    import diffusers

    found = dict(inspect.signature(getattr(getattr(diffusers, kind), method)).parameters)
    found.pop("self", None)
    return found
