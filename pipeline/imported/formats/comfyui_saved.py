"""Which node of a ComfyUI graph made a saved picture: the last of several, or the one whose name the file has."""

import re
from collections.abc import Collection

from seedscope.pipeline.imported.formats.comfyui_graph import Graph, linked_node, upstream
from seedscope.pipeline.imported.formats.recipe import Unplaceable

_MOST_ENDS = 20
"""Pictures that one graph saves, of which it is asked whether one is made of all others."""


def saved_by(nodes: Graph, file_name: str) -> tuple[list[str], int]:
    """The node that made the picture, and how many pictures of the graph it may be; all last nodes, if none is saved."""
    ends: dict[str, list[str]] = {}
    for node in nodes.values():
        picture = next((node.inputs[key] for key in ("images", "image") if key in node.inputs), None)
        if "Save" in node.kind and (name := linked_node(picture)) in nodes and name is not None:
            ends.setdefault(name, []).append(str(node.inputs.get("filename_prefix", "")))
    if not ends:
        return last_of(nodes), 1
    named = _named(ends, file_name)
    if len(ends) == 1 or len(named) == 1:
        return named if len(named) == 1 else [*ends], 1
    last = _last(nodes, ends) if len(ends) <= _MOST_ENDS else []
    if len(last) != 1:
        raise Unplaceable(f"its ComfyUI graph saves {len(ends)} pictures, and it does not say which of them it is")
    return last, len(ends)


def _last(nodes: Graph, ends: Collection[str]) -> list[str]:
    """The ends that all others were made on the way to."""
    above = {name: upstream(nodes, name) for name in ends}
    sources = {name: found - {name} for name, found in above.items()}
    return [
        name
        for name in ends
        if all(sources[other] and sources[other] <= above[name] and name not in sources[other] for other in ends)
    ]


def last_of(nodes: Graph) -> list[str]:
    """All nodes that no other one is linked to."""
    used = {link for node in nodes.values() for link in node.links()}
    return sorted((name for name in nodes if name not in used), key=lambda name: nodes[name].kind)


def _named(ends: dict[str, list[str]], file_name: str) -> list[str]:
    """The ends whose prefix a file's name begins with, the longest such prefix counting."""
    fits = {
        name: max(
            (len(part) for prefix in prefixes if (part := _fixed(prefix)) and file_name.startswith(part)), default=0
        )
        for name, prefixes in ends.items()
    }
    longest = max(fits.values())
    return [name for name, length in fits.items() if length == longest > 0]


def _fixed(prefix: str) -> str:
    """`%date%/portrait_%seed%` -> `portrait_`."""
    return re.split(r"[/\\]", prefix)[-1].partition("%")[0]
