"""From a picture's file to its recipe: which of the known formats of metadata it carries."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, PngImagePlugin

from seedscope.pipeline.images import DAMAGE, opened
from seedscope.pipeline.imported.formats import (
    a1111,
    comfyui,
    drawthings,
    fooocus,
    invokeai,
    named,
    novelai,
    swarmui,
    xmp,
)
from seedscope.pipeline.imported.formats.exif import DESCRIPTION, exif_texts, utf8
from seedscope.pipeline.imported.formats.recipe import NoMetadata, Recipe, Unplaceable, Unread, telling
from seedscope.pipeline.study.given import BYTE_ORDER_MARK, TooDeep, read_json
from seedscope.pipeline.study.schema import Json

_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)
_XP_COMMENT = 0x9C9C
_JSON = re.compile(r"\s*[{\[]\s*[{\[\"}\]]")
_TEXT_CHUNKS = ("parameters", "prompt", "workflow", "invokeai_metadata", "sd-metadata")


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says before its pixels are read: its sides as seen, turned as EXIF says, and its texts by name."""

    width: int
    height: int
    texts: Mapping[str, str]


def read_header(file: Path) -> Header:
    """The size and the texts of a picture: PNG text chunks, and EXIF and XMP of the other kinds.

    Raises:
        ImageError: the file is not a picture, or cannot be read.
    """
    with opened(file) as picture:
        info = {key: value for key, value in picture.info.items() if isinstance(key, str) and isinstance(value, str)}
        # A tEXt chunk has Latin-1, and stable-diffusion.cpp and others write UTF-8 into it; an iTXt chunk has UTF-8.
        texts = {key: value if isinstance(value, PngImagePlugin.iTXt) else utf8(value) for key, value in info.items()}
        if picture.format == "PNG" and not any(key in texts for key in _TEXT_CHUNKS):
            texts |= _late_chunks(file)
        # For a PNG without EXIF before its pixels, Pillow would decode them all to look behind them.
        exif = picture.getexif() if picture.format != "PNG" or "exif" in picture.info else Image.Exif()
        found = exif_texts(exif)
        if "parameters" in texts and "parameters" in found:
            found["EXIF comment"] = found["parameters"]  # a camera, or an editor, may have written it
        if isinstance(said := picture.info.get("xmp"), bytes):
            found[xmp.NAME] = said.decode(errors="replace")
        texts = {key: value.lstrip(BYTE_ORDER_MARK).rstrip("\0") for key, value in (found | texts).items()}
        if not any(key in texts for key in _TEXT_CHUNKS) and not drawthings.is_of_it(texts.get(xmp.NAME, "")):
            texts |= _other_comments(picture, exif, texts)
        width, height = picture.size
        return Header(*((height, width) if exif.get(_ORIENTATION) in _TURNED else (width, height)), texts)


def _late_chunks(file: Path) -> dict[str, str]:
    """Text chunks of a PNG wherever they stand, its pixels skipped, where the file goes that far."""
    texts: dict[str, str] = {}
    with file.open("rb") as opened_file, suppress(*DAMAGE):
        opened_file.seek(len(b"\x89PNG\r\n\x1a\n"))
        stream = PngImagePlugin.PngStream(opened_file)
        texts = stream.im_text
        while (chunk := stream.read())[0] != b"IEND":
            if chunk[0] in (b"tEXt", b"zTXt", b"iTXt"):
                stream.crc(chunk[0], stream.call(*chunk))
            else:
                opened_file.seek(chunk[2] + 4, 1)
    return dict(texts)


def _other_comments(picture: Image.Image, exif: Image.Exif, texts: Mapping[str, str]) -> dict[str, str]:
    """The settings of A1111 where other programs put them: the description, Windows' comment, the comment of a JPEG or GIF, a
    text of a PNG under another name."""
    others = [text for text in texts.values() if not text.startswith("<")]  # XMP is XML
    for comment in (exif.get(DESCRIPTION), exif.get(_XP_COMMENT), picture.info.get("comment"), *others):
        if isinstance(comment, bytes):
            wide = comment[1::2].count(0) > len(comment) // 4
            found = comment.decode("utf-16-le" if wide else "utf-8", errors="replace")
        else:
            found = utf8(str(comment or ""))
        if a1111.has_settings(found):
            return {"parameters": found.rstrip("\0")}
    return {}


def recipe_of(texts: Mapping[str, str], file_name: str = "") -> Recipe:
    """The recipe in the texts of a picture. Where several tell one, as some savers of ComfyUI write them, they must agree.

    Raises:
        Unplaceable: they are in none of the known formats, name no prompt or no usable seed, or contradict each other.
    """
    sources = _sources(texts, file_name)
    if not sources:
        if "workflow" in texts:
            raise Unplaceable("it has a ComfyUI `workflow`, but not the `prompt` graph that was run")
        if "invokeai_graph" in texts or "invokeai_workflow" in texts:
            raise Unplaceable(
                "it has InvokeAI's graph, but not its `invokeai_metadata`, which names prompt and seed: a workflow writes that "
                "where it has a Core Metadata node"
            )
        raise NoMetadata(f"it has none of the known metadata{_called(texts)}")
    found: dict[str, Recipe] = {}
    unread: list[Unread] = []
    for name, read in sources.items():
        try:
            found[name] = read()
        except Unread as reason:
            unread.append(reason)
    if not found:
        first_reason = unread[0]
        told_by = next((each for each in unread if each.settings is not None), first_reason)
        first_reason.settings, first_reason.further = told_by.settings, told_by.further
        raise first_reason
    first, *others = found.values()
    told = [item.further for item in (first, *others) if item.further is not None]
    rest = {name: value for item in reversed(told) for name, value in item.items()}
    with telling(first.settings, rest):
        _refuse_contradiction(found, _object(texts.get("prompt", "")) if len(sources) > 1 else None)
    # A graph tells all that a picture hangs on, where it is one of several texts.
    whole = next((recipe for name, recipe in found.items() if "graph" in name), first)
    return replace(first, further=rest, of_another=whole.of_another, later_seeds=whole.later_seeds)


def _called(texts: Mapping[str, str]) -> str:
    return f"; the texts in it are {', '.join(map(repr, sorted(texts)))}" if texts else ""


def _sources(texts: Mapping[str, str], file_name: str) -> dict[str, Callable[[], Recipe]]:
    """The texts that tell a recipe, by what they are called, with their readers."""
    sources: dict[str, Callable[[], Recipe]] = {}
    for key in ("parameters", "EXIF comment"):
        if key in texts:
            name, read = _parameters(texts[key], f"`{key}`", file_name)
            sources[name] = read
    if "invokeai_metadata" in texts:
        sources["`invokeai_metadata`"] = lambda: invokeai.parse(_object(texts["invokeai_metadata"]) or {})
    elif "sd-metadata" in texts:
        sources["`sd-metadata`"] = lambda: invokeai.parse_sd_metadata(_object(texts["sd-metadata"]) or {})
    graph = _object(texts.get("prompt", ""))
    if graph is not None and (not sources or comfyui.is_graph(graph)):
        sources["ComfyUI graph"] = lambda: comfyui.parse(graph, file_name)
    if not sources and novelai.is_of_it(texts):
        sources["`Comment` of NovelAI"] = lambda: novelai.parse(texts, _object(texts["Comment"]) or {})
    if not sources and named.is_named(texts) and not _JSON.match(texts.get("prompt", "")):
        sources["`prompt` text"] = lambda: named.parse(texts)
    elif not sources and "prompt" in texts:
        missing = "" if named.is_named(texts) else ", and no text of it is called `seed`"
        raise Unread(f"its `prompt` is no ComfyUI graph{missing}{_called(texts)}")
    if not sources and drawthings.is_of_it(written := texts.get(xmp.NAME, "")):
        sources["XMP of Draw Things"] = lambda: drawthings.parse(written)
    return sources


def _parameters(written: str, called: str, file_name: str) -> tuple[str, Callable[[], Recipe]]:
    """What a text of A1111, or of those that put JSON in its place, is, and its reader."""
    metadata = _object(written)
    if metadata is None:
        return f"{called} text", lambda: a1111.parse(written)
    inner = metadata.get("prompt")
    graph = inner if isinstance(inner, dict) else metadata
    if comfyui.is_graph(graph):  # so savers of ComfyUI, and Civitai's generator, write it
        return "ComfyUI graph", lambda: comfyui.parse(graph, file_name)
    if "sui_image_params" in metadata:
        return called, lambda: swarmui.parse(metadata)
    own = named if named.is_named(metadata) and not fooocus.is_of_it(metadata) else fooocus
    return called, lambda: own.parse(metadata)


def _refuse_contradiction(found: Mapping[str, Recipe], graph: dict[str, Json] | None) -> None:
    (name, first), *others = found.items()
    for other, recipe in others:
        if recipe.seed != first.seed:
            raise Unplaceable(f"its {name} and its {other} disagree: the seed is {first.seed} and {recipe.seed}")
        if _words(recipe.prompt) != _words(first.prompt):
            prompts = f"{first.prompt[:40]!r} and {recipe.prompt[:40]!r}"
            raise Unplaceable(f"its {name} and its {other} disagree: the prompt is {prompts}")
    if graph and not others and "graph" not in name and not comfyui.holds_seed(graph, first.seed):
        raise Unplaceable(f"its {name} has the seed {first.seed}, which is nowhere in its ComfyUI graph")


def _words(prompt: str) -> list[str]:
    """A prompt's words, without the adapters that some programs write among them."""
    return re.sub("<lora:[^<>]*>", " ", prompt).replace(",", " ").split()


def _object(content: str) -> dict[str, Json] | None:
    """A JSON object, or None if the text is none.

    Raises:
        Unread: it is nested too deeply.
    """
    try:
        value = read_json(content, repeats=True)
    except TooDeep as reason:
        raise Unread(f"a text of it is JSON that is not read: {reason}") from None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
