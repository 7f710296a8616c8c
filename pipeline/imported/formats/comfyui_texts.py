"""The texts of a prompt in a ComfyUI graph: from a conditioning back to what was encoded into it."""

from seedscope.pipeline.imported.formats import comfyui_nodes as known
from seedscope.pipeline.imported.formats.comfyui_graph import Graph, Node, linked_node, output_of
from seedscope.pipeline.imported.formats.comfyui_strings import makes_text, populated
from seedscope.pipeline.imported.formats.recipe import Unread
from seedscope.pipeline.study.schema import Json

_SIDES = ("positive", "negative")


def texts_of(nodes: Graph, value: Json, side: str) -> list[str]:
    """The texts that a conditioning is made of, in order; side is `positive` or `negative`."""
    texts: list[str] = []
    waiting: list[Json] = [] if value is None else [value]
    seen: set[str] = set()
    while waiting:
        link = waiting.pop()
        if str(link) in seen:
            continue
        seen.add(str(link))
        if (node := nodes.get(linked_node(link) or "")) is None:
            raise Unread(f"its {side} prompt depends on nothing that can be read")
        given, further = _given(node, output_of(link)), _conditionings(node, output_of(link))
        if not given and not further and node.kind != "ConditioningZeroOut":
            raise Unread(f"its {side} prompt comes from a {node.kind} node, which is not known here")
        texts += [_string(nodes, item) for item in given]
        waiting += reversed(further)
    return texts


def _given(node: Node, output: int) -> list[Json]:
    """The texts that a node encodes into an output."""
    if outputs := known.LOADERS.get(node.kind):
        return [node.inputs[key] for key in outputs[output : output + 1] if key in _SIDES and key in node.inputs]
    if node.kind == "ImpactWildcardEncode" and output == 2 and (drawn := populated(node.inputs)) is not None:
        return [drawn]
    if "TextEncode" not in node.kind or output != 0 or any("seed" in key for key in node.inputs):
        return []  # one with a seed draws words of its own
    used: tuple[str, ...] = known.TEXTS
    if (both := node.inputs.get("with_SDXL")) is not None:  # smZ keeps the texts of the other choice
        used = ("text_g", "text_l") if both else ("text",)
    return [node.inputs[key] for key in used if key in node.inputs]


def _conditionings(node: Node, output: int) -> list[Json]:
    """The links to the conditionings that a node changes or puts together into an output."""
    if node.kind in known.PAIRS:
        return [node.inputs[side] for side in _SIDES[output : output + 1] if linked_node(node.inputs.get(side))]
    if output != 0 or node.kind == "ConditioningZeroOut":
        return []
    found = [value for key, value in node.inputs.items() if key.startswith("conditioning") and linked_node(value)]
    alone = len(found) == 1 and not {*_SIDES} & node.inputs.keys()
    return found if alone or (node.kind.startswith("Conditioning") and not known.chooses(node.kind)) else []


def _string(nodes: Graph, value: Json) -> str:
    """A text.

    Raises:
        Unread: a node makes it, from wildcards or by a language model: what came out is not in the graph.
    """
    if isinstance(value, str):
        return value
    at = linked_node(value) or ""
    passed: set[str] = set()
    while at not in passed and at in nodes and makes_text(nodes[at].kind):
        passed.add(at)
        inputs = nodes[at].inputs.items()
        texts = [link for key, held in inputs if known.may_be_words("", key) and (link := linked_node(held))]
        at = texts[0] if texts else at  # one of them is not known
    node = nodes.get(at)
    raise Unread(
        f"its prompt comes from a {node.kind if node else 'missing'} node, which is not known here and may have changed it. "
        "A table with the columns file, prompt and seed can tell it"
    )


def lines(texts: list[str]) -> str:
    """Each text once, one a line."""
    return "\n".join(dict.fromkeys(stripped for item in texts if (stripped := item.strip())))
