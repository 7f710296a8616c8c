"""The metadata of InvokeAI: `invokeai_metadata` since 3.0, `sd-metadata` before.

Source: invoke-ai/InvokeAI, `invokeai/app/invocations/metadata.py::CoreMetadataInvocation` (fields of the first), and
`ldm/invoke/conditioning.py` of 2.3 (negative words stand in square brackets within the prompt).
"""

import re

from seedscope.pipeline.imported.formats.recipe import (
    Recipe,
    Settings,
    Unplaceable,
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
from seedscope.pipeline.study.schema import Json

# In the settings already; prompts; the program; the canvas, of which the layers that are on are compared.
_TOLD = (
    "positive_prompt negative_prompt positive_style_prompt seed model loras scheduler steps cfg_scale width height strength "
    "hrf_strength app_version canvas_v2_metadata"
)
_CANVAS = "canvas_v2_metadata"
_SHAPES_NOTHING = ("id", "isLocked", "isEnabled", "isSelected", "fill")
_TOLD_BEFORE_3 = "prompt seed variations sampler steps cfg_scale width height extra"
_BRACKETS = re.compile(r"\[([^\]]*)\]")


def parse(metadata: dict[str, Json]) -> Recipe:
    """The recipe in the JSON of `invokeai_metadata`. For SDXL, a style prompt of its own follows the prompt on a new line.

    Raises:
        Unplaceable: it names no prompt or no seed, as the metadata of a workflow may.
    """
    prompt, style = metadata.get("positive_prompt"), text(metadata.get("positive_style_prompt"))
    if isinstance(prompt, str) and style and style != prompt.strip():
        prompt = f"{prompt.strip()}\n{style}"
    enlarged = metadata.get("hrf_enabled") is not False
    told = [*_TOLD.split(), *([] if enlarged else ["hrf_method", "hrf_enabled"])]
    settings = Settings(
        negative_prompt=text(metadata.get("negative_prompt")) or "",
        model=with_adapters(_name(metadata.get("model")), _adapters(metadata.get("loras"))),
        sampler=text(metadata.get("scheduler")),
        steps=whole(metadata.get("steps")),
        guidance=number(metadata.get("cfg_scale")),
        size=size(metadata.get("width"), metadata.get("height")),
        denoising=number(metadata.get("strength")) or (number(metadata.get("hrf_strength")) if enlarged else None),
    )
    rest = further(_named(metadata) | _layers(metadata.get(_CANVAS)), told)
    begun = str(metadata.get("generation_mode")).endswith(("img2img", "inpaint", "outpaint"))
    named = any(name.startswith((_CANVAS, "init_image")) for name in rest)
    return recipe(prompt, metadata.get("seed"), settings, rest, of_another=begun and not named)


def parse_sd_metadata(metadata: dict[str, Json]) -> Recipe:
    """The recipe in the JSON of `sd-metadata`.

    Raises:
        Unplaceable: it names no prompt or no seed, or other seeds were mixed in.
    """
    image = metadata.get("image")
    if not isinstance(image, dict):
        raise Unplaceable("its `sd-metadata` describes no picture")
    prompts = image.get("prompt")
    prompt = (
        prompts[0].get("prompt") if isinstance(prompts, list) and prompts and isinstance(prompts[0], dict) else prompts
    )
    negative = ""
    if isinstance(prompt, str):
        end = (
            prompt.rfind("]") + 1
        )  # what opens behind it is never closed, and would be looked for from each bracket on
        negative = " ".join(words.strip() for words in _BRACKETS.findall(prompt[:end]))
        prompt = re.sub(" +", " ", _BRACKETS.sub(" ", prompt[:end]) + prompt[end:])
    settings = Settings(
        negative_prompt=negative,
        model=text(metadata.get("model_weights")) or text(metadata.get("model")),
        sampler=text(image.get("sampler")),
        steps=whole(image.get("steps")),
        guidance=number(image.get("cfg_scale")),
        size=size(image.get("width"), image.get("height")),
        denoising=number(image.get("strength")) if image.get("type") == "img2img" else None,
    )
    with telling(settings, rest := further(image, _TOLD_BEFORE_3.split())):
        if image.get("variations"):
            raise Unplaceable("its noise is not that of one seed: variations were mixed in")
        if isinstance(prompts, list) and len(prompts) > 1:
            raise Unplaceable(f"its prompt is a blend of {len(prompts)} prompts with weights of their own")
    of_another = is_partial(settings.denoising) and not any("orig" in name or "init" in name for name in image)
    return recipe(prompt, image.get("seed"), settings, rest, of_another=of_another)


def _name(model: Json) -> str | None:
    """The name of a model, which 3.x calls `model_name` and later editions `name`."""
    return text(model.get("name")) or text(model.get("model_name")) if isinstance(model, dict) else text(model)


def _named(metadata: dict[str, Json]) -> dict[str, Json]:
    """The metadata with models by their names: their keys are those of one installation."""
    return {key: _name(value) or value if isinstance(value, dict) else value for key, value in metadata.items()}


def _layers(canvas: Json) -> dict[str, Json]:
    """The layers of the canvas that are on: control, regional prompts, masks, the picture that another begins from.

    Source: InvokeAI 5, `controlLayers/store/types.ts::zCanvasMetadata`: lists of layers, each with `isEnabled`.
    """
    lists = canvas if isinstance(canvas, dict) else {"layers": canvas}
    return {
        f"{_CANVAS}.{kind}": [_shaping(layer) for layer in _items(layers) if _is_on(layer)]
        for kind, layers in lists.items()
    }


def _is_on(layer: Json) -> bool:
    return not isinstance(layer, dict) or layer.get("isEnabled") is not False


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _shaping(value: Json) -> Json:
    """A layer without what only names it, or how it is shown."""
    if isinstance(value, dict):
        return {key: _shaping(inner) for key, inner in value.items() if key not in _SHAPES_NOTHING}
    return [_shaping(inner) for inner in value] if isinstance(value, list) else value


def _adapters(loras: Json) -> list[tuple[str, Json]]:
    items = [item for item in loras if isinstance(item, dict)] if isinstance(loras, list) else []
    return [(_name(item.get("model", item.get("lora"))) or "?", item.get("weight")) for item in items]
