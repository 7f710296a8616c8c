"""All of a ComfyUI graph that a picture hangs on beside its seed and prompt, under names that other ids do not change."""

from collections.abc import Collection

from seedscope.pipeline.imported.formats import comfyui_nodes as known
from seedscope.pipeline.imported.formats.comfyui_graph import Graph, likely_text, linked_node, output_of
from seedscope.pipeline.imported.formats.recipe import LINK, plain, whole
from seedscope.pipeline.study.schema import Json


def shape_of(nodes: Graph, ends: list[str], texts: Collection[str] | None) -> dict[str, Json]:
    """All that a picture hangs on, but seeds and the texts of its prompt: `FluxGuidance.guidance` -> 3.5.

    Where the texts are not known (None), all that may be one is left out.

    Nodes are named by their kinds, and counted in the order in which they are met from the end, so that the same graph with
    other ids has the same names. A link is the name of the node at its other end.
    """
    names = _met(nodes, ends)
    shape: dict[str, Json] = {}
    for at, name in names.items():
        for key, given in nodes[at].inputs.items():
            value = _at_the_end(nodes, given)
            if not _is_silent(key) and not (isinstance(value, str) and _is_prompt(nodes[at].kind, key, value, texts)):
                linked = linked_node(value)
                source = f"{LINK}{names.get(linked or '', 'missing')}[{output_of(value)}]"
                shape[f"{name}.{key}"] = plain(value) if linked is None else source
    return dict(sorted(shape.items()))


def later_seeds(nodes: Graph, ends: list[str], own: Collection[str | None]) -> dict[str, int]:
    """The seeds that a picture hangs on beside that of the nodes which begin it (`own`): `FaceDetailer.seed` -> 5."""
    others = [
        name
        for name, node in nodes.items()
        if name not in own
        and node.inputs.get("add_noise") not in ("disable", False)
        and "wild" not in node.kind.lower()
    ]
    seeds = {
        (name, key): seed
        for name in others
        for key, value in nodes[name].inputs.items()
        if "seed" in key and (seed := whole(value)) is not None
    }
    names = _met(nodes, ends) if seeds else {}
    return {f"{names[at]}.{key}": seed for (at, key), seed in seeds.items() if at in names}


def _at_the_end(nodes: Graph, value: Json) -> Json:
    """A text for a link to a node that seems to hold it."""
    node = nodes.get(linked_node(value) or "") if isinstance(value, list) else None
    held = likely_text(node, output_of(value)) if node else None
    return value if held is None else held


def _is_prompt(kind: str, key: str, value: str, texts: Collection[str] | None) -> bool:
    """Whether the text of an input belongs to the prompt."""
    return known.may_be_words(kind, key) if texts is None else value in texts


def _met(nodes: Graph, ends: list[str]) -> dict[str, str]:
    """Id -> name of the nodes upstream of the ends, in the order in which they are met."""
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    waiting = ends[::-1]
    while waiting:
        if (at := waiting.pop()) in nodes and at not in names:
            node = nodes[at]
            counts[node.kind] = counts.get(node.kind, 0) + 1
            names[at] = node.kind if counts[node.kind] == 1 else f"{node.kind} {counts[node.kind]}"
            inputs = sorted(node.inputs.items(), reverse=True)
            waiting += [
                linked
                for key, value in inputs
                if not _is_silent(key) and (linked := linked_node(_at_the_end(nodes, value)))
            ]
    return names


def _is_silent(key: str) -> bool:
    """Whether an input is a seed, or acts on the page alone."""
    return "seed" in key or key in known.SILENT
