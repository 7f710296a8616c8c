"""The metadata of SwarmUI: JSON with `sui_image_params`.

Source: mcmonkeyprojects/SwarmUI, `docs/Image Metadata Format.md`: keys are the parameters' names without spaces, numbers may be
written as text, lists as texts with commas, and no key is guaranteed.
"""

from seedscope.pipeline.imported.formats.recipe import (
    Recipe,
    Settings,
    Unplaceable,
    further,
    is_partial,
    joined,
    number,
    recipe,
    size,
    telling,
    text,
    whole,
    with_adapters,
)
from seedscope.pipeline.study.schema import Json

# In the settings already; prompts, and the seed of the wildcards in them; the program, and what follows from the rest.
_TOLD = (
    "prompt negativeprompt seed images batchsize model loras loraweights sampler scheduler comfyuisampler comfyuischeduler "
    "autowebuisampler autowebuischeduler steps cfgscale width height initimagecreativity variationseed variationseedstrength "
    "wildcardseed aspectratio swarm_version date personalnote donotsave"
)


def parse(metadata: dict[str, Json]) -> Recipe:
    """The recipe in the JSON. Of several `images` each has its own seed in it; those of one `batchsize` share one.

    Raises:
        Unplaceable: it names no prompt or no seed, two seeds were mixed, or pictures of a batch share the seed.
    """
    given = metadata.get("sui_image_params")
    if not isinstance(given, dict):
        raise Unplaceable("its `sui_image_params` describe no picture")
    settings = Settings(
        negative_prompt=text(given.get("negativeprompt")) or "",
        model=with_adapters(text(given.get("model")), _adapters(given)),
        sampler=joined(*(text(_first(given, kind)) for kind in ("sampler", "scheduler"))),
        steps=whole(given.get("steps")),
        guidance=number(given.get("cfgscale")),
        size=size(given.get("width"), given.get("height")),
        denoising=number(given.get("initimagecreativity")),
    )
    rest = further(given, _TOLD.split())
    with telling(settings, rest):
        _refuse_other_noise(given)
    of_another = is_partial(settings.denoising) and "initimage" not in given
    return recipe(given.get("prompt"), given.get("seed"), settings, rest, of_another=of_another)


def _refuse_other_noise(given: dict[str, Json]) -> None:
    """Refuse a picture that is not of one seed's own noise."""
    if number(given.get("variationseedstrength")):
        raise Unplaceable("its noise is not that of one seed: a variation seed was mixed in")
    if (batch := whole(given.get("batchsize")) or 1) > 1:
        raise Unplaceable(
            f"it is one of a batch of {batch} that share a seed: only the first is that seed's own, and it does not say "
            "which it is"
        )


def _first(given: dict[str, Json], kind: str) -> Json:
    """The sampler or scheduler, which older editions name after the backend."""
    return next((given[key] for key in (kind, f"comfyui{kind}", f"autowebui{kind}") if given.get(key)), None)


def _adapters(given: dict[str, Json]) -> list[tuple[str, Json]]:
    names, weights = (_items(given.get(key)) for key in ("loras", "loraweights"))
    return [(str(name), weights[i] if i < len(weights) else "1") for i, name in enumerate(names)]


def _items(value: Json) -> list[Json]:
    """A list, or a text with commas between its items."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return value if isinstance(value, list) else []
