"""The XMP of Draw Things: JSON in exif:UserComment, and in dc:description what a person can read.

    a guitar on a lake
    -ocean
    Steps: 10, Sampler: DDIM, Guidance Scale: 10.0, Seed: 1177739245, Size: 512x512, Model: sd_v1.4_f16.ckpt, Strength: 1.0

Source: files of the program, as cocktailpeanut/breadmachine#2 and kcjerrell/dtm show them; its own code for them is not public.
"""

from collections import Counter
from dataclasses import replace

from seedscope.pipeline.imported.formats import a1111
from seedscope.pipeline.imported.formats.recipe import (
    Recipe,
    Settings,
    Unplaceable,
    Unread,
    further,
    is_partial,
    number,
    recipe,
    size,
    telling,
    text,
    whole,
    with_adapters,
)
from seedscope.pipeline.imported.formats.xmp import properties
from seedscope.pipeline.study.given import TooDeep, read_json
from seedscope.pipeline.study.schema import Json

# In the settings already; what is of one picture alone.
_TOLD = "c uc seed model lora sampler steps scale size strength v2 profile"
_TOLD_V2 = "seed batchCount batchSize"
_TOLD_BELOW = "steps|sampler|guidance scale|seed|size|model|strength"


def is_of_it(xmp: str) -> bool:
    """Whether the program wrote this XMP."""
    return "Draw Things" in xmp and properties(xmp).get("CreatorTool", "").strip() == "Draw Things"


def parse(xmp: str) -> Recipe:
    """The recipe in the XMP, from the JSON where there is one.

    Raises:
        Unplaceable: it names no prompt or no seed, is of a batch, or its description can be read in two ways.
    """
    told = properties(xmp)
    comment: Json = None
    try:
        comment = read_json(told.get("UserComment", ""), repeats=True)
    except TooDeep as reason:
        raise Unread(f"a text of it is JSON that is not read: {reason}") from None
    except ValueError:
        pass  # the description tells it in words
    return _of_json(comment) if isinstance(comment, dict) else _of_description(told.get("description", ""))


def _of_json(metadata: dict[str, Json]) -> Recipe:
    own = metadata.get("v2")
    detailed = own if isinstance(own, dict) else {}
    settings = Settings(
        negative_prompt=text(metadata.get("uc")) or "",
        model=with_adapters(text(metadata.get("model")), _adapters(metadata.get("lora"))),
        sampler=text(metadata.get("sampler")),
        steps=whole(metadata.get("steps")),
        guidance=number(metadata.get("scale")),
        size=_size(metadata.get("size")),
        denoising=_strength(metadata.get("strength")),
    )
    rest = further(metadata, _TOLD.split())
    rest |= {f"v2.{name}": value for name, value in further(detailed, _TOLD_V2.split()).items()}
    with telling(settings, rest):
        if (batch := whole(detailed.get("batchSize")) or 1) > 1:
            raise Unplaceable(f"it is one of a batch of {batch} with one seed, and it does not say which it is")
    of_another = is_partial(settings.denoising)
    return recipe(metadata.get("c"), metadata.get("seed"), settings, rest, of_another=of_another)


def _of_description(description: str) -> Recipe:
    written, line = a1111.divided(description, "description")
    fields = _numbered(a1111.fields_of(line))
    settings = Settings(
        model=fields.get("model"),
        sampler=fields.get("sampler"),
        steps=whole(fields.get("steps")),
        guidance=number(fields.get("guidance scale")),
        size=_size(fields.get("size")),
        denoising=_strength(fields.get("strength")),
    )
    rest = further({**fields}, _TOLD_BELOW.split("|"))
    with telling(settings, rest):
        prompt, *negatives = f"\n{written}".split("\n-")
        if len(negatives) > 1:
            raise Unread("several lines of its description begin with `-`, as its negative prompt does")
    settings = replace(settings, negative_prompt="".join(negatives).strip())
    return recipe(prompt, fields.get("seed"), settings, rest, of_another=is_partial(settings.denoising))


def _numbered(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Fields by name; a name that comes again is counted: `lora model`, `lora model 2`."""
    counts: Counter[str] = Counter()
    fields: dict[str, str] = {}
    for name, value in pairs:
        counts[name] += 1
        fields[name if counts[name] == 1 else f"{name} {counts[name]}"] = value
    return fields


def _size(written: Json) -> tuple[int, int] | None:
    """From `512x768`."""
    width, _, height = str(written).partition("x")
    return size(width, height)


def _strength(written: Json) -> float | None:
    """Of a pass over a picture; None where all is drawn anew."""
    found = number(written)
    return None if found == 1 else found


def _adapters(loras: Json) -> list[tuple[str, Json]]:
    items = [item for item in loras if isinstance(item, dict)] if isinstance(loras, list) else []
    return [(text(item.get("model")) or "?", item.get("weight")) for item in items]
