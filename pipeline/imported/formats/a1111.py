"""The `parameters` text of the AUTOMATIC1111 web UI, Forge, SD.Next, and of Fooocus in its A1111 scheme.

    a lighthouse, storm
    Negative prompt: blurry
    Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 965400086, Size: 512x512, Model: v1-5

Source: AUTOMATIC1111/stable-diffusion-webui, `modules/processing.py::create_infotext` writes it and
`modules/infotext_utils.py::parse_generation_parameters` reads it. SD.Next writes other settings before `Steps`.
Deviation: the web UI trims each line of a prompt; here a prompt keeps its lines as they are, and its two ends are trimmed. The
settings are the last line with `Steps:` among its names, so that what extensions write below it does no harm.
Two copies of that text are read besides: one whose line breaks went lost (exiftool shows each as a full stop), and what
SD.Next showed in 2023, with bars between the settings and `prompt:` at the beginning (vladmandic/sdnext, issue 1864).
"""

import json
import re
from collections.abc import Collection
from dataclasses import replace

from seedscope.pipeline.imported.formats import civitai
from seedscope.pipeline.imported.formats.recipe import (
    Recipe,
    Settings,
    Unplaceable,
    Unread,
    further,
    is_partial,
    joined,
    number,
    recipe,
    size,
    telling,
    text,
    whole,
)
from seedscope.pipeline.study.schema import Json

_SETTINGS = re.compile(r"^[ \t]*(?:[A-Z][\w /-]*: [^,\n]*, *)*Steps: \d+", re.MULTILINE)
_SPACES = r"(?<![ \t])[ \t]+"  # a whole run at once: from each of its letters on, a long one would be tried for ever
_IN_LINE = re.compile(rf"(?P<mark>\.|\\n|{_SPACES})(?=Steps: \d+, [A-Z][\w /-]{{0,40}}: )")
_JSON = re.compile(r"\s*[{\[]\s*[{\[\"]")
_NAMED = re.compile(r"(?:^|[,\n])(?![ \t]*negative prompt:)[\w \t/-]+: [^,\n]*,?$", re.IGNORECASE)
_OLD_VERSION = re.compile(r"^Version: [^,\n]*, *Pipeline: [^,\n]*,[ \t]*\n\Z", re.MULTILINE)
_NEGATIVE = re.compile(r"^[ \t]*Negative prompt:", re.MULTILINE | re.IGNORECASE)
_TEMPLATE = re.compile(r"^(Negative )?template:", re.MULTILINE | re.IGNORECASE)  # of SD.Next, below the negative prompt
# A value in quotes may go over lines, as some extensions write it. No name begins with a digit: that goes on after a comma.
_FIELD = re.compile(
    r'(?P<name>[A-Za-z][^:,"\n]{0,99}):[ \t]*'
    r'(?P<value>"(?:[^"\\\n]|\\.)*"|"(?:[^"\\]|\\.)*"(?=[ \t]*(?:,|\n|$))|[^,\n]*(?:,\d[^,\n]*)*)[ \t]*(?P<end>,|\n|$)'
)
_FIELD_ENDS = re.compile(r"[ \t]*(?:[,\n]|\Z)")
_DECODER = json.JSONDecoder()
_TOLD = (
    "steps|sampler|seed|size|model|schedule type|cfg scale|denoising strength|raw prompt|raw negative prompt|"
    "variation seed|variation seed strength|variation strength|seed resize from"
)
# The time, the program, and what goes into the prompt or follows from its words.
_SHAPES_NOTHING = (
    "version|app|user|created by|created date|updated|time|time taken|batch|batch size|batch pos|index|operations|comment|"
    "hashes|lora hashes|ti hashes|template|negative template|wildcard prompt|wildcard negative prompt|original prompt|"
    "original negative prompt|fooocus v2 expansion|adetailer version|civitai metadata"
)
_IN_JSON = (civitai.RESOURCES, civitai.METADATA)
"""Values that are JSON without quotes around it, whose commas end no field."""
_NOT_COMPARED = {*_TOLD.split("|"), *_SHAPES_NOTHING.split("|")}
_ENLARGED = re.compile("hires|upscal|resize|outpaint|zoom")
_SOURCE = re.compile("hires|first pass size|init image")  # a second pass, or what tells the picture it begins from
_ONE_FRAME = re.compile(r"enable: False|video_length: [01]\b")  # of AnimateDiff, which may be there and not used
_GRID = re.compile("plot|matrix|grid", re.IGNORECASE)


def has_settings(parameters: str) -> bool:
    """Whether there is a line of settings with a seed in a text."""
    return "Seed: " in parameters and bool(_SETTINGS.search(parameters) or _SETTINGS.search(_with_breaks(parameters)))


def parse(parameters: str) -> Recipe:
    """The recipe in a `parameters` text.

    A picture of a batch has its own seed in it (the web UI counts up from the first), so nothing is added to the seed.

    Raises:
        Unplaceable: there is no line of settings, no prompt or no seed in it, two seeds were mixed, or it is that of a grid.
    """
    written, line = divided(parameters)
    prompt, negative = _prompts(written)
    pairs = fields_of(line)
    fields = dict(reversed(pairs))  # of a name that stands twice, the first
    width, _, height = fields.get("size", "").partition("x")
    schedule = fields.get("schedule type")
    settings = Settings(
        negative_prompt=text(fields.get("raw negative prompt", negative)) or "",
        model=text(fields.get("model")) or fields.get("model hash") or civitai.model_of(fields),
        sampler=joined(fields.get("sampler"), None if schedule == "Automatic" else schedule),
        steps=whole(fields.get("steps")),
        guidance=number(fields.get("cfg scale")),
        size=size(width, height),
        denoising=number(fields.get("denoising strength")),
    )
    # Fooocus expands a prompt by words that depend on the seed; what the person wrote is the raw prompt.
    unread = {name for name, value in (("cfg scale", settings.guidance), ("size", settings.size)) if value is None}
    with telling(settings, rest := _further(fields, unread)):
        if prompt == negative == "unknown":
            raise Unread("its `parameters` text has `unknown` for both prompts, which stands for what was not found")
        _refuse_other_noise(pairs, fields)
    of_another = civitai.is_of_another(fields) or (
        bool(settings.denoising) and is_partial(settings.denoising) and not any(map(_SOURCE.search, fields))
    )
    found = recipe(fields.get("raw prompt", prompt), fields.get("seed"), settings, rest, of_another=of_another)
    return replace(found, enlarged=any(map(_ENLARGED.search, fields)), misread=_misread(line, fields))


def divided(parameters: str, called: str = "`parameters` text") -> tuple[str, str]:
    """What stands before the line of settings, and what begins with it, line breaks being `\\n`.

    Args:
        called: what the text is, for people.

    Raises:
        Unread: there is no such line.
    """
    parameters = parameters.replace("\r\n", "\n").replace("\r", "\n")
    lines = list(_SETTINGS.finditer(parameters))
    if not lines:
        parameters = _with_breaks(parameters)
        lines = list(_SETTINGS.finditer(parameters))
    if not lines:
        raise Unread(f"its {called} has no line of settings (`Steps: ..., Seed: ...`)")
    written, line = parameters[: lines[-1].start()], parameters[lines[-1].start() :]
    return _without_bars(written, line) if re.match(r"[ \t]*\|", parameters[lines[-1].end() :]) else (written, line)


def _with_breaks(parameters: str) -> str:
    """A text whose line breaks went lost, with the two that are told by what follows them; empty where they are not told.

    What stands for one stands for the other: `a cat.Negative prompt: bad.Steps: 20, Sampler: Euler, Seed: 5`.
    """
    *_, last = [None, *_IN_LINE.finditer(parameters)]
    if last is None or _JSON.match(parameters) or "Seed: " not in parameters[last.end() :]:
        return ""  # a prompt that speaks of steps, or JSON with a text in it
    if _NAMED.search(before := parameters[: last.start()]):
        return ""  # settings that begin before these
    if last["mark"] == "\\n":
        return parameters.replace("\\n", "\n")
    mark = r"\." if last["mark"] == "." else _SPACES
    before, count = re.subn(f"{mark}(?=Negative prompt:)", "\n", before)
    return f"{before}\n{parameters[last.end() :]}" if count < 2 else ""


def _without_bars(written: str, line: str) -> tuple[str, str]:
    """What SD.Next shows as `prompt: a cat` and `Steps: 25 | Seed: 5 | ...`, as its text has it."""
    head, first, rest = re.split(r"(Steps: \d+)[ \t]*\|", line, maxsplit=1)
    if version := _OLD_VERSION.search(written):
        written, head = written[: version.start()], f"{version[0].rstrip()} {head}"
    pairs = [field.partition(":") for field in rest.partition("\n")[0].split("|")]
    fields = [f"{name.strip()}: {_quoted(value.strip())}" for name, _, value in pairs if value.strip()]
    return re.sub(r"\A\s*prompt:", "", written, flags=re.IGNORECASE), head + ", ".join([first, *fields])


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if re.search('[,:"]', value) else value


def _refuse_other_noise(pairs: list[tuple[str, str]], fields: dict[str, str]) -> None:
    """Refuse a picture of several seeds, and several pictures."""
    seeds = dict.fromkeys(value for name, value in pairs if name == "seed")
    if len(seeds) > 1:
        raise Unplaceable(f"its settings name several seeds: {' and '.join(seeds)}")
    mixed = number(fields.get("variation seed strength", fields.get("variation strength")))
    if mixed or re.match("[1-9]", fields.get("seed resize from", "")):
        raise Unplaceable("its noise is not that of one seed: a variation seed, or a seed resize, was mixed in")
    if "animatediff" in fields and not _ONE_FRAME.search(fields["animatediff"]):
        raise Unplaceable(
            f"it is a frame of a video (AnimateDiff: {fields['animatediff'][:60]}), and a cell is one picture"
        )
    if fields.get("script", "").strip().lower() == "loopback":
        raise Unplaceable(
            "it was made from the picture before it (Script: Loopback), which its prompt and seed do not tell"
        )
    batch = whole(fields.get("batch size")) or 1
    if batch > 1 and fields.get("version", "").startswith("ComfyUI"):  # the web UI counts up the seed
        raise Unplaceable(
            f"it is one of a ComfyUI batch of {batch} that shares a seed: only the first is that seed's own, and it does not "
            "say which it is"
        )
    for name in ("script", "grid"):
        if name in fields and _GRID.search(f"{name}: {fields[name]}"):
            raise Unplaceable(f"it is a grid of pictures, not one ({name.title()}: {fields[name]})")


def _prompts(written: str) -> tuple[str, str]:
    """Prompt and negative prompt; the latter is empty where the line is absent."""
    begin = _NEGATIVE.search(written)
    if begin is None:
        return written.strip(), ""
    negative = written[begin.end() :]
    template = _TEMPLATE.search(negative)
    return written[: begin.start()].strip(), (negative[: template.start()] if template else negative).strip()


def _misread(line: str, fields: Collection[str]) -> frozenset[str]:
    """What was taken for settings where JSON was cut at its commas: such as `style` of `"modelName":"Style: Ink"`."""
    if not any(name in fields for name in _IN_JSON):
        return frozenset()
    return frozenset(name for name, _ in fields_of(line, in_json=())) - {*fields}


def fields_of(line: str, in_json: Collection[str] = _IN_JSON) -> list[tuple[str, str]]:
    """`Steps: 20, Lora hashes: "a: 1, b: 2"` -> (name in lower case, value with its quotes undone), up to the line's end.

    Args:
        in_json: names whose values may be JSON.
    """
    fields: list[tuple[str, str]] = []
    end = 0
    waiting = {*in_json}  # each once, so that a line of nothing else is not read from each of its fields on
    while (field := _FIELD.search(line, end)) and "\n" not in line[end : field.start()]:
        name, value, end = field["name"].strip().lower(), field["value"].strip(), field.start("end")
        if name in waiting and (length := _length_of_json(line, field.start("value"))):
            value = line[field.start("value") : field.start("value") + length]
            end = field.start("value") + length
        waiting.discard(name)
        fields.append((name, _unquoted(value)))
    return fields


def _length_of_json(line: str, start: int) -> int:
    """The letters of a list or an object that begins there and ends before a comma or the line's end; 0 where none does."""
    if line[start : start + 1] not in ("[", "{"):
        return 0
    try:
        _, end = _DECODER.raw_decode(line, start)
    except (ValueError, RecursionError):
        return 0
    return end - start if _FIELD_ENDS.match(line, end) else 0


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value, strict=False))
    except ValueError:
        return value


def _further(fields: dict[str, str], unread: Collection[str]) -> dict[str, Json]:
    """All that is not said otherwise; the hash of a VAE only where its name is not, for it came later."""
    told = _NOT_COMPARED.difference(unread)
    told |= {"vae hash"} if "vae" in fields else set()
    told |= set() if fields.keys() & {"model", "model hash"} or not civitai.model_of(fields) else {civitai.RESOURCES}
    return further(fields | {civitai.WORKFLOW: civitai.workflow_of(fields) or ""}, told)
