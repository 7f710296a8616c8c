"""The metadata of Fooocus in its own scheme: JSON. (Its A1111 scheme is read by `a1111`.)

Source: lllyasviel/Fooocus, `modules/meta_parser.py::FooocusMetadataParser`.
"""

import re

from seedscope.pipeline.imported.formats.recipe import (
    Recipe,
    Settings,
    further,
    joined,
    number,
    recipe,
    size,
    text,
    whole,
    with_adapters,
)
from seedscope.pipeline.study.schema import Json

# In the settings already; prompts, and what was made of them; the program.
_TOLD = (
    "prompt negative_prompt full_prompt full_negative_prompt prompt_expansion seed base_model base_model_hash loras resolution "
    "sampler scheduler steps guidance_scale styles metadata_scheme version created_by"
)


def is_of_it(metadata: dict[str, Json]) -> bool:
    """Whether JSON has keys of Fooocus."""
    return not metadata.keys().isdisjoint(("metadata_scheme", "base_model", "resolution", "full_prompt"))


def parse(metadata: dict[str, Json]) -> Recipe:
    """The recipe in the JSON. Each picture of a run has its own seed in it.

    The prompt is what the person wrote: what Fooocus makes of it (`full_prompt`) depends on the seed, so that no two
    pictures would have the same. The styles are among the settings.

    Raises:
        Unplaceable: it names no prompt or no seed.
    """
    sides = re.findall(r"\d+", str(metadata.get("resolution", "")))
    settings = Settings(
        negative_prompt=text(metadata.get("negative_prompt")) or "",
        model=with_adapters(text(metadata.get("base_model")), _adapters(metadata.get("loras"))),
        sampler=joined(text(metadata.get("sampler")), text(metadata.get("scheduler"))),
        steps=whole(metadata.get("steps")),
        guidance=number(metadata.get("guidance_scale")),
        size=size(*sides) if len(sides) == 2 else None,
        styles=text(metadata.get("styles")),
    )
    rest = {key: value for key, value in metadata.items() if not key.startswith("lora_combined")}
    return recipe(metadata.get("prompt"), metadata.get("seed"), settings, further(rest, _TOLD.split()))


def _adapters(loras: Json) -> list[tuple[str, Json]]:
    """From [[name, weight, hash], ...]."""
    items = loras if isinstance(loras, list) else []
    return [(str(item[0]), item[1]) for item in items if isinstance(item, list) and len(item) >= 2]
