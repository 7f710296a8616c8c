"""What loading a model would refuse, told before its weights are read: a plan says it, not a worker hours later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.configuration import MALFORMED, malformed
from seedscope.pipeline.models.families.generic import Generic
from seedscope.pipeline.models.long_texts import refuse_without_compel
from seedscope.pipeline.models.schedulers import (
    STEP_ARGUMENTS,
    refuse_noise_from_elsewhere,
    refuse_what_cannot_draw,
    study_scheduler,
)
from seedscope.pipeline.models.stock import StockFamily
from seedscope.pipeline.study.scheduler_names import OWN

if TYPE_CHECKING:
    import torch

    from seedscope.pipeline.models.locate import Located
    from seedscope.pipeline.study.schema import Compute, Sampling

# torch takes seconds to import: it is imported only where a study says something that has to be tried.


def refuse_what_cannot_load(located: Located, sampling: Sampling, compute: Compute) -> None:
    """Try what a study says beside the model's own settings, as far as that goes without weights.

    What it says of a class that no family knows is left to the class itself.

    Raises:
        ModelError: a single file or an adapter that does not fit; a scheduler, an attention or a way to decode that the model
            does not take; a library that is missing.
    """
    _refuse_files(located)
    if sampling.weighted_prompts:
        refuse_without_compel()
    if isinstance(located.family, Generic):
        return
    _refuse_steps(located, sampling)
    if compute.attention is not None:
        from seedscope.pipeline.models.attention import refuse_attention
        from seedscope.pipeline.models.load import architecture

        refuse_attention(architecture(located, sampling)[1], compute.attention)
    if compute.vae.tiling or compute.vae.slicing:
        from seedscope.pipeline.models.prepared import decode_in_parts

        decode_in_parts(_bare_vae(located), compute.vae)


def _refuse_files(located: Located) -> None:
    pieces = located.pieces
    if pieces.file is not None or (pieces.vae is not None and pieces.vae.is_file):
        from seedscope.pipeline.models.load import refuse_misfits

        refuse_misfits(located)
    if pieces.adapters:
        import diffusers

        from seedscope.pipeline.models.adapters import refuse_adapters

        refuse_adapters(getattr(diffusers, located.pipeline), pieces.adapters)


def _refuse_steps(located: Located, sampling: Sampling) -> None:
    """Try the scheduler; of a model with a UNet only where the study says something of it, beside the number of steps."""
    if isinstance(located.family, StockFamily):
        import diffusers

        from seedscope.pipeline.models.load import own_scheduler

        scheduler = study_scheduler(own_scheduler(located), located.name, sampling)
        refuse_noise_from_elsewhere(getattr(diffusers, located.pipeline), scheduler, sampling)
    elif sampling.wanted != (OWN, {}) or sampling.eta or any(name in sampling.call for name in STEP_ARGUMENTS):
        from seedscope.pipeline.models.load import architecture

        refuse_what_cannot_draw(architecture(located, sampling)[2], sampling)


def _bare_vae(located: Located) -> torch.nn.Module:
    """The autoencoder, without weights."""
    from seedscope.pipeline.models.adapters import bare_part

    other = located.pieces.vae
    try:
        if other is None or other.is_file:
            return bare_part(located.folder, located.index, "vae")
        place = other.place
        return bare_part(place.parent, {place.name: ("diffusers", other.config["_class_name"])}, place.name)
    except MALFORMED as error:
        raise ModelError(malformed(located.name, error)) from error
