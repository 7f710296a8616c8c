"""What can be done with the models of each family: the table of `MODELS.md` and of `seedscope models --families`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from seedscope.pipeline.models.base import Family
from seedscope.pipeline.models.families import FAMILIES
from seedscope.pipeline.models.schedulers import hands_generators_on
from seedscope.pipeline.models.stock import StockFamily


class Abilities(NamedTuple):
    """A family in words.

    Attributes:
        pipeline: the class of diffusers.
        drawn: `own loop`: step by step, or `stock call`: by one call of the pipeline a batch.
        latents: in which form the call is given the noise.
        texts: where embeddings of prompts are kept.
        later_noise: whether steps draw noise of their own; it comes from the seed's generator, or such schedulers are refused.
        inpainting: whether masks are filled.
        lora: whether the stock pipeline loads LoRAs.
        single_file: what is loaded from a single file.
    """

    family: str
    pipeline: str
    drawn: str
    latents: str
    texts: str
    later_noise: str
    inpainting: str
    lora: str
    single_file: str


def abilities() -> list[Abilities]:
    """Of all families, in their order; slow at first: it imports the pipelines."""
    return [_of(pipeline, family) for pipeline, family in FAMILIES.items()]


def as_markdown(rows: Sequence[Abilities]) -> str:
    """The table of `MODELS.md`."""
    names = [name.replace("_", " ") for name in Abilities._fields]
    lines = [
        names,
        ["---"] * len(names),
        *([f"`{row.pipeline}`" if cell is row.pipeline else cell for cell in row] for row in rows),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _of(pipeline: str, family: Family) -> Abilities:
    import diffusers

    kind: Any = getattr(diffusers, pipeline)
    whole = isinstance(family, StockFamily)
    return Abilities(
        family=family.name,
        pipeline=pipeline,
        drawn="stock call" if whole else "own loop",
        latents=family.form if isinstance(family, StockFamily) else "as drawn",
        texts="on disk" if whole else "in memory",
        later_noise="the seed's" if not whole or hands_generators_on(kind) else "refused",
        inpainting="yes" if family.inpaints else "",
        lora="yes" if hasattr(kind, "load_lora_weights") else "",
        single_file=_single_file(kind),
    )


def _single_file(kind: Any) -> str:
    """What diffusers reads from a single file: the pipeline, or its network alone."""
    import diffusers

    if hasattr(kind, "from_single_file"):
        return "whole"
    from diffusers.loaders.single_file_model import SINGLE_FILE_LOADABLE_CLASSES

    networks = {name for name in _networks(kind) if hasattr(getattr(diffusers, name, None), "from_single_file")}
    return "network" if networks & set(SINGLE_FILE_LOADABLE_CLASSES) else ""


def _networks(kind: Any) -> set[str]:
    """Names of the classes that a pipeline asks for as its network."""
    import inspect

    wanted = inspect.signature(kind.__init__).parameters
    said = [str(wanted[name].annotation) for name in ("transformer", "unet") if name in wanted]
    return {word.rsplit(".", 1)[-1].strip("'> ") for text in said for word in text.replace("|", " ").split()}
