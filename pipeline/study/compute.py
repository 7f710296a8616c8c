"""The section `compute` of a study: where pictures are drawn, in what numbers, and how memory is saved."""

from typing import Literal

from pydantic import Field

from seedscope.pipeline.study.strict import Json, Strict

Dtype = Literal["float32", "float16", "bfloat16"]


class VaeCompute(Strict):
    """How latents become pictures. Each of these changes pixels a little."""

    dtype: Dtype | None = Field(
        None, description="Of the autoencoder; null: as the rest. float32 helps where float16 gives black pictures."
    )
    tiling: bool = Field(False, description="Decode large pictures in tiles that overlap: less memory, faint seams.")
    slicing: bool = Field(False, description="Decode one picture at a time: less memory.")


class Compute(Strict):
    """Where and in what numbers. What changes pixels is part of the name of the images."""

    dtype: Dtype = "float32"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    batch_size: int = Field(16, ge=1, le=4096, description="Pictures drawn together; pixels shift slightly with it.")
    compile: bool = Field(False, description="torch.compile the UNet.")
    offload: Literal["none", "model", "sequential"] = Field(
        "none",
        description="Keep weights on the host, and on the GPU `model`: the part that works, `sequential`: the layer that "
        "works, which is slow. Pixels are the same.",
    )
    vae: VaeCompute = VaeCompute()
    attention: str | None = Field(
        None, description="A backend of diffusers for the network's attention, such as `flash`; null: torch's own."
    )

    def said(self) -> dict[str, Json]:
        """What of it changes pixels, as JSON; without keys that version 0.2 did not know, where they change nothing."""
        always = self.model_dump(mode="json", include={"dtype", "batch_size", "compile"})
        later = self.model_dump(mode="json", include={"vae", "attention"}, exclude_defaults=True)
        return always | later
