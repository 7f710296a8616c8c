"""Texts, or keys of JSON, that bear the names of what they tell (`prompt`, `seed`, `steps`): Easy Diffusion's, and of scripts.

Source: easydiffusion/easydiffusion, `ui/easydiffusion/utils/save_utils.py`: each text has the name of its setting, or the words
of the page for it ("Guidance Scale"), and each picture of several has its own seed in it.
"""

from collections.abc import Mapping

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
)
from seedscope.pipeline.study.schema import Json

SPELLINGS = {
    "prompt": ("prompt", "positive_prompt"),
    "seed": ("seed",),
    "negative_prompt": ("negative_prompt", "negative"),
    "model": ("model", "model_name", "sd_model_name", "checkpoint"),
    "sampler": ("sampler", "sampler_name"),
    "steps": ("steps", "step", "num_inference_steps"),
    "guidance": ("guidance", "guidance_scale", "cfg", "cfgs", "cfg_scale"),
    "width": ("width", "w"),
    "height": ("height", "h"),
}
"""What is read -> the names by which AUTOMATIC1111's log.csv, diffusers and others call it."""
_MORE = {
    "model": ("use_stable_diffusion_model", "stable_diffusion_model"),
    "denoising": ("denoising_strength", "strength", "prompt_strength"),
}
_SEVERAL = ("num_images_per_prompt", "num_images", "num_outputs", "n_samples", "num_samples", "batch_size")
_MIXED = ("variation_strength", "variation_seed_strength", "subseed_strength")
# The time, the place, the program, and what a picture is called.
_SHAPES_NOTHING = (
    "title author description copyright creation_time software disclaimer warning source comment date time timestamp "
    "date:create date:modify date:timestamp id uuid index image_index batch_index file filename file_name path name user "
    "workflow version app_version session_id generation_time duration elapsed"
)


def plain_name(name: str) -> str:
    """`CFG Scale` -> `cfg_scale`."""
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def is_named(texts: Mapping[str, Json]) -> bool:
    """Whether there are a prompt and a seed by name."""
    return {"prompt", "seed"} <= {plain_name(name) for name in texts}


def parse(texts: Mapping[str, Json]) -> Recipe:
    """The recipe in texts of which one is called `prompt` and one `seed`.

    Raises:
        Unplaceable: two have one name, they tell no usable prompt or seed, or the seed need not be that of this picture alone.
    """
    given: dict[str, Json] = {}
    for name, value in texts.items():
        if (plain := plain_name(name)) in given:
            raise Unread(f"it has two texts that are called {plain!r}")
        given[plain] = None if isinstance(value, str) and value.casefold() in ("none", "null") else value
    told = {meaning: _first(given, (*names, *_MORE.get(meaning, ()))) for meaning, names in SPELLINGS.items()}
    settings = Settings(
        negative_prompt=text(told["negative_prompt"]) or "",
        model=text(told["model"]),
        sampler=text(told["sampler"]),
        steps=whole(told["steps"]),
        guidance=number(told["guidance"]),
        size=size(told["width"], told["height"]),
        denoising=number(_first(given, _MORE["denoising"])),
    )
    read = {name for names in (*SPELLINGS.values(), *_MORE.values()) for name in names}
    other = {name: value for name, value in given.items() if not (isinstance(value, str) and value.startswith("<"))}
    rest = further(other, read | {*_SHAPES_NOTHING.split(), *_SEVERAL})
    with telling(settings, rest):
        _refuse_other_noise(given)
    of_another = is_partial(settings.denoising) and not any("init" in name for name in given)
    return recipe(told["prompt"], told["seed"], settings, rest, of_another=of_another)


def _first(given: Mapping[str, Json], names: tuple[str, ...]) -> Json:
    return next((given[name] for name in names if given.get(name) is not None), None)


def _refuse_other_noise(given: Mapping[str, Json]) -> None:
    for name in _SEVERAL:
        if (whole(given.get(name)) or 1) > 1:
            raise Unplaceable(
                f"it is one of several pictures of a call ({name} {given[name]}), and which it is it does not say"
            )
    if any(number(given.get(name)) for name in _MIXED):
        raise Unplaceable("its noise is not that of one seed: a variation seed was mixed in")
