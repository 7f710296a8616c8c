"""FLUX.1 Kontext, which changes pictures, as it draws without one."""

from __future__ import annotations

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.families.flux import Flux
from seedscope.pipeline.study.schema import Sampling

AREA = 1024**2
"""Source: diffusers, `FluxKontextPipeline.__call__`: `max_area`, pixels."""
SIDE, MULTIPLE = 1024, 16


class FluxKontext(Flux):
    """Source: diffusers, `FluxKontextPipeline`, without `image`.

    The stock call changes each size to one of `max_area` pixels and the same shape; a size that would be changed is refused.
    """

    name = "flux-kontext"
    draws = "FluxKontextPipeline"

    def refuse(self, pipeline: str, sampling: Sampling, *, by_prompt: bool) -> None:
        super().refuse(pipeline, sampling, by_prompt=by_prompt)
        height, width = sampling.height or SIDE, sampling.width or SIDE
        area = sampling.call.get("max_area", AREA)
        if not isinstance(area, int) or area < MULTIPLE**2:
            raise ModelError(f"sampling.call.max_area: is a number of pixels, not {area!r}.")
        ratio = width / height
        made = tuple(round(side**0.5) // MULTIPLE * MULTIPLE for side in (area / ratio, area * ratio))
        if made != (height, width) and height % MULTIPLE == width % MULTIPLE == 0:
            raise ModelError(
                f"sampling.height: {pipeline} would make {made[1]} x {made[0]} pixels (width x height) of {width} x {height}, "
                f"for it draws {area} pixels. Say `call: {{max_area: {height * width}}}`."
            )
