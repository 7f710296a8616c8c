"""The `parameters` text of the AUTOMATIC1111 web UI, Forge, SD.Next, and of Fooocus in its A1111 scheme.

    a lighthouse, storm
    Negative prompt: blurry
    Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 965400086, Size: 512x512, Model: v1-5

Source: AUTOMATIC1111/stable-diffusion-webui, `modules/processing.py::create_infotext` writes it and
`modules/infotext_utils.py::parse_generation_parameters` reads it.
Deviation: the web UI trims each line of a prompt; here a prompt keeps its lines as they are, and its two ends are trimmed. The
settings are the last line that begins with `Steps:`, so that what extensions write below it does no harm.
"""

import json
import re

from seedscope.pipeline.imported.formats.recipe import (
    Recipe,
    Settings,
    Unplaceable,
    joined,
    number,
    recipe,
    size,
    text,
    whole,
)

_SETTINGS = re.compile(r"^Steps: \d+.*$", re.MULTILINE)
_NEGATIVE = re.compile(r"^Negative prompt:", re.MULTILINE)
_FIELD = re.compile(r'(?P<name>[A-Za-z][^:,"]*): *(?P<value>"(?:[^"\\]|\\.)*"|[^,]*)(?:,|$)')


def parse(parameters: str) -> Recipe:
    """The recipe in a `parameters` text.

    A picture of a batch has its own seed in it (the web UI counts up from the first), so nothing is added to the seed.

    Raises:
        Unplaceable: there is no line of settings, no prompt or no seed in it, or two seeds were mixed.
    """
    lines = list(_SETTINGS.finditer(parameters))
    if not lines:
        raise Unplaceable("its `parameters` text has no line of settings (`Steps: ..., Seed: ...`)")
    prompt, negative = _prompts(parameters[: lines[-1].start()])
    fields = _fields(lines[-1][0])
    if number(fields.get("Variation seed strength")) or "Seed resize from" in fields:
        raise Unplaceable("its noise is not that of one seed: a variation seed, or a seed resize, was mixed in")
    width, _, height = fields.get("Size", "").partition("x")
    schedule = fields.get("Schedule type")
    settings = Settings(
        negative_prompt=text(fields.get("Raw negative prompt", negative)) or "",
        model=text(fields.get("Model")) or fields.get("Model hash"),
        sampler=joined(fields.get("Sampler"), None if schedule == "Automatic" else schedule),
        steps=whole(fields.get("Steps")),
        guidance=number(fields.get("CFG scale")),
        size=size(width, height),
        denoising=number(fields.get("Denoising strength")),
    )
    # Fooocus expands a prompt by words that depend on the seed; what the person wrote is the raw prompt.
    return recipe(fields.get("Raw prompt", prompt), fields.get("Seed"), settings)


def _prompts(written: str) -> tuple[str, str]:
    """Prompt and negative prompt; the latter is empty where the line is absent."""
    begin = _NEGATIVE.search(written)
    if begin is None:
        return written.strip(), ""
    return written[: begin.start()].strip(), written[begin.end() :].strip()


def _fields(line: str) -> dict[str, str]:
    """`Steps: 20, Lora hashes: "a: 1, b: 2"` -> name to value, quotes undone; of a name that stands twice, the first."""
    fields: dict[str, str] = {}
    for field in _FIELD.finditer(line):
        fields.setdefault(field["name"].strip(), _unquoted(field["value"].strip()))
    return fields


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value
