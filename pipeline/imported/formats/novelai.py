"""The metadata of NovelAI: JSON in the text `Comment` of a PNG, beside `Software: NovelAI`.

Source: receyuki/stable-diffusion-prompt-reader, `sd_prompt_reader/format/novelai.py`; RupertAvery/DiffusionToolkit, issue 202.
Deviation: NovelAI's own program is not public, so what is not known to be of one picture and one prompt is refused.
"""

from collections.abc import Mapping

from seedscope.pipeline.imported.formats.recipe import (
    Recipe,
    Settings,
    Unplaceable,
    further,
    joined,
    number,
    recipe,
    size,
    telling,
    text,
    whole,
)
from seedscope.pipeline.study.schema import Json

_TOLD = "prompt uc steps sampler noise_schedule scale width height n_samples signed_hash v4_prompt v4_negative_prompt"


def is_of_it(texts: Mapping[str, str]) -> bool:
    """Whether the texts of a picture are NovelAI's."""
    return "Comment" in texts and texts.get("Software", "").strip() == "NovelAI"


def parse(texts: Mapping[str, str], comment: Mapping[str, Json]) -> Recipe:
    """The recipe in the texts, and in the JSON of one of them.

    Raises:
        Unplaceable: it names no prompt or no seed, it is one of several pictures, or characters have prompts of their own.
    """
    settings = Settings(
        negative_prompt=text(comment.get("uc")) or "",
        model=text(texts.get("Source")),
        sampler=joined(text(comment.get("sampler")), text(comment.get("noise_schedule"))),
        steps=whole(comment.get("steps")),
        guidance=number(comment.get("scale")),
        size=size(comment.get("width"), comment.get("height")),
    )
    rest = further({name: value for name, value in comment.items() if "seed" not in name}, _TOLD.split())
    with telling(settings, rest):
        if (several := whole(comment.get("n_samples")) or 1) > 1:
            raise Unplaceable(f"it is one of {several} pictures of a call (n_samples), and which it is it does not say")
        if _has_characters(comment.get("v4_prompt")):
            raise Unplaceable("its characters have prompts of their own, which are not read")
    of_another = "img2img" in str(comment.get("request_type")).lower()
    prompt = comment.get("prompt", texts.get("Description"))
    return recipe(prompt, comment.get("seed"), settings, rest, of_another=of_another)


def _has_characters(prompt: Json) -> bool:
    caption = prompt.get("caption") if isinstance(prompt, dict) else None
    return isinstance(caption, dict) and bool(caption.get("char_captions"))
