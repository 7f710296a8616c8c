"""Parts that a model's index names, and its folder or repository lacks: those that it can do without, and all others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Family
from seedscope.pipeline.models.identity import components
from seedscope.pipeline.models.stock import StockFamily
from seedscope.pipeline.study.model import PICKLES

_LIBRARIES = ("diffusers", "transformers")
_NONE = [None, None]
"""What an index has for a part that is left out."""


def left_out(
    folder: Path, index: Mapping[str, Any], family: Family, elsewhere: Collection[str], *, hub: bool
) -> tuple[str, ...]:
    """The parts that are not there and that the family can do without; of a pair that belongs together both, if one is.

    Many leave the T5 encoder of Stable Diffusion 3 out, which is as large as all the rest.

    Args:
        folder: of a hub's model it has the settings alone.
        index: the content of `model_index.json`.
        elsewhere: parts that are loaded from elsewhere.
    """
    named = components(index, family)
    return tuple(
        part
        for pair in family.spare
        if any(
            part in named and part not in elsewhere and _lacks(folder / part, named[part][1], hub=hub) for part in pair
        )
        for part in pair
        if part in named
    )


def _lacks(component: Path, kind: str, *, hub: bool) -> bool:
    """Whether a part is not there. One of which some files are there is damaged, and refused elsewhere."""
    if not component.is_dir():
        return True
    if hub or "Tokenizer" in kind:
        return not any(component.glob("*.json"))
    return not any(".safetensors" in file.name or file.suffix in PICKLES for file in component.iterdir())


def without(index: Mapping[str, Any], parts: Sequence[str]) -> dict[str, Any]:
    """An index that leaves parts out."""
    return dict(index) | {part: list(_NONE) for part in parts}


def refuse_missing(
    name: str, folder: Path, index: Mapping[str, Any], family: Family, elsewhere: Collection[str]
) -> None:
    """Refuse a model that is not whole.

    Args:
        name: what messages call it.
        index: without the parts that it can do without.

    Raises:
        ModelError: a sentence.
    """
    for part, (library, _) in components(index, family).items():
        if library in _LIBRARIES and part not in elsewhere and not (folder / part).is_dir():
            raise ModelError(
                f"{name}: its {part} is missing, which model_index.json names, so it is not a whole model in diffusers layout. "
                "Download it again."
            )
    spare = {part for pair in family.spare for part in pair}
    for part in family.encoders if isinstance(family, StockFamily) else ():
        if index.get(part) == _NONE and part not in spare and part not in elsewhere:
            raise ModelError(
                f"{name}: its model_index.json leaves out the {part}, without which a {family.draws} reads no prompt. Load it "
                "with that part once, and call `pipe.save_pretrained(folder)`."
            )
