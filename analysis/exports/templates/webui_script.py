"""Golden seeds for A1111 and Forge: draws the prompt with each of them, with the noise of the run. Written by seedscope.

Copy this file into the folder `scripts` of the web UI, reload the UI, and choose it under Script.
"""

import copy
import json
import math
from typing import Any

import gradio as gr
import modules.scripts as scripts
from modules.processing import Processed, process_images

_RUN = json.loads("@RUN@")
NAME, SEEDS = _RUN["name"], _RUN["seeds"]
SETTINGS = _RUN["settings"]
"""What a picture is drawn with, as the run did."""
NOISE = _RUN["noise"]
"""How the noise of a seed is drawn: its variation, and the size that it is resized from."""
OVERRIDES = _RUN["overrides"]
"""Settings of the web UI while these pictures are drawn: which random number generator."""


class Script(scripts.Script):  # type: ignore[misc]  # the web UI alone has it
    def title(self) -> str:
        return f"Golden seeds: {NAME}"

    def ui(self, is_img2img: bool) -> list[Any]:  # noqa: ARG002
        count = gr.Slider(label="Golden seeds", minimum=1, maximum=len(SEEDS), step=1, value=len(SEEDS))
        as_run = gr.Checkbox(label="Size, steps, scale and sampler of the run", value=True)
        return [count, as_run]

    def run(self, p: Any, count: float, as_run: bool) -> Any:
        seeds = SEEDS[: int(count)]
        p = copy.copy(p)
        p.seed = list(seeds)
        p.override_settings = {**p.override_settings, **OVERRIDES}
        for name, value in {**NOISE, **(SETTINGS if as_run else {})}.items():
            setattr(p, name, value)
        p.batch_size = min(p.batch_size, len(seeds))
        p.n_iter = math.ceil(len(seeds) / p.batch_size)
        p.prompt = [p.prompt] * len(seeds)
        p.negative_prompt = [p.negative_prompt] * len(seeds)
        drawn = process_images(p)
        return Processed(p, drawn.images, seeds[0], "", all_prompts=drawn.all_prompts, infotexts=drawn.infotexts)
