"""Golden seeds for ComfyUI: the seeds in turn, and their exact starting noise. Written by seedscope; needs nothing but torch.

Copy the folder of this file into ComfyUI/custom_nodes, and start ComfyUI again. `seeds.json` beside it has the seeds, the shape
of a latent, and how the noise is drawn; where no generator on the CPU draws it, `latents.safetensors` has the noise itself.
"""

import json
from pathlib import Path
from typing import Any

import torch

_HERE = Path(__file__).resolve().parent
_LIST = json.loads((_HERE / "seeds.json").read_text(encoding="utf-8"))
SEEDS, SHAPE, NAME = _LIST["seeds"], tuple(_LIST["shape"]), _LIST["name"]
_TURN = ("INT", {"default": 0, "min": 0, "max": 2**32 - 1, "control_after_generate": True})


def latent(seed: int) -> torch.Tensor:
    """The starting noise of a seed: (C, h, w) float32 on the CPU, N(0, 1)."""
    if _LIST["drawn"] == "cpu":
        drawing = torch.Generator("cpu").manual_seed(seed)
        return torch.randn((1, *SHAPE), generator=drawing, dtype=torch.float32, device="cpu")[0]
    from safetensors.torch import load_file

    drawn: torch.Tensor = load_file(_HERE / "latents.safetensors")[str(seed)]
    return drawn


class Noise:
    """What ComfyUI's custom samplers take as NOISE: a batch begins with the noise of as many seeds, one after the other."""

    def __init__(self, turn: int) -> None:
        self.turn = turn
        self.seed: int = SEEDS[turn % len(SEEDS)]

    def generate_noise(self, input_latent: dict[str, Any]) -> torch.Tensor:
        """(B, C, h, w) in the dtype of the latent.

        Raises:
            ValueError: the latent is of another size or model: golden seeds hold for the ones of their run.
        """
        samples: torch.Tensor = input_latent["samples"]
        if tuple(samples.shape[1:]) != SHAPE:
            raise ValueError(
                f"The golden seeds of {NAME} hold for latents {SHAPE}, a picture of {_LIST['width']} x {_LIST['height']}, and "
                f"not for {tuple(samples.shape[1:])}."
            )
        drawn = [latent(SEEDS[(self.turn + place) % len(SEEDS)]) for place in range(samples.shape[0])]
        return torch.stack(drawn).to(samples.dtype)


class GoldenSeed:
    """The seeds in turn, for the `seed` of a KSampler that draws one picture a batch: turn 0 is the best."""

    RETURN_TYPES = ("INT", "STRING")
    RETURN_NAMES = ("seed", "name")
    FUNCTION = "choose"
    CATEGORY = "seedscope"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"turn": _TURN}}

    def choose(self, turn: int) -> tuple[int, str]:
        seed = SEEDS[turn % len(SEEDS)]
        return (seed, f"{NAME}_seed{seed}")


class GoldenNoise:
    """The exact starting noise of the seeds in turn, for SamplerCustomAdvanced."""

    RETURN_TYPES = ("NOISE",)
    FUNCTION = "choose"
    CATEGORY = "seedscope"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"turn": _TURN}}

    def choose(self, turn: int) -> tuple[Noise]:
        return (Noise(turn),)


NODE_CLASS_MAPPINGS = {
    f"SeedscopeGoldenSeed_{_LIST['slug']}": GoldenSeed,
    f"SeedscopeGoldenNoise_{_LIST['slug']}": GoldenNoise,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    f"SeedscopeGoldenSeed_{_LIST['slug']}": f"Golden seed ({NAME})",
    f"SeedscopeGoldenNoise_{_LIST['slug']}": f"Golden noise ({NAME})",
}
