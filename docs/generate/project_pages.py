"""Files at the top of the project as pages of the site, so that nothing is told twice: their links lead to other pages."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACES = {
    "README.md": "index.md",
    "MODELS.md": "project/models.md",
    "EXPERIMENTS.md": "project/experiments.md",
    "RESULTS.md": "project/results.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "benchmarks/README.md": "project/benchmarks.md",
    "pipeline/sprout/README.md": "project/sprout.md",
}
"""File -> its page."""
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]\[]*)\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
_PICTURES = (".jpg", ".png", ".svg")


def pages() -> dict[str, str]:
    """Page -> its Markdown."""
    return {page: _linked(file, page) for file, page in PLACES.items()}


def pictures() -> dict[str, Path]:
    """Place in the site -> the picture that a file at the top shows."""
    found: dict[str, Path] = {}
    for file in PLACES:
        for match in _LINK.finditer(_text(file)):
            path = _path(file, match["target"])
            if path.endswith(_PICTURES):
                found[_place_of_picture(path)] = ROOT / path
    return found


def links(text: str) -> Iterator[tuple[str, str]]:
    """The text and the target of each link of a page; what stands in code is none."""
    for part in _CODE.split(text):
        if not part.startswith("`"):
            for match in _LINK.finditer(part):
                yield match["text"], match["target"]


def _text(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def _linked(file: str, page: str) -> str:
    text = _text(file)
    head = re.match(r"---\n.*?\n---\n", text, re.DOTALL)  # a model card's own
    return _LINK.sub(lambda match: _relinked(match, file, page), text[head.end() :] if head else text)


def _relinked(match: re.Match[str], file: str, page: str) -> str:
    target, _, anchor = match["target"].partition("#")
    if ":" in target or not target:
        return match[0]
    path, home = _path(file, target), posixpath.dirname(page)
    if path.endswith(_PICTURES):
        place = _place_of_picture(path)
    elif path in PLACES:
        place = PLACES[path]
    elif path.startswith("docs/"):
        place = path.removeprefix("docs/") + ("/index.md" if (ROOT / path).is_dir() else "")
    else:  # a file that the site does not have
        return match["text"]
    there = posixpath.relpath(place, home or ".") + (f"#{anchor}" if anchor else "")
    return f"{match['image']}[{match['text']}]({there})"


def _path(file: str, target: str) -> str:
    """What a link names, from the top of the project on."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(file), target.partition("#")[0]))
    return f"{path}/README.md" if f"{path}/README.md" in PLACES else path


def _place_of_picture(path: str) -> str:
    return f"pictures/{posixpath.basename(path)}"
