"""The `prompt` graph of ComfyUI as nodes whose links go past those that hand on what they are given."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from seedscope.pipeline.imported.formats import comfyui_nodes as known
from seedscope.pipeline.imported.formats.comfyui_strings import made_text, makes_text
from seedscope.pipeline.imported.formats.recipe import Unread
from seedscope.pipeline.study.schema import Json

SEEDS = ("noise_seed", "seed")
_DEEPEST, _MOST, _MOST_PARTS = 50, 1000, 100
"""Nodes that make a text of others: one after another, in all, and parts of one, of a graph that is no bomb."""
_MOST_INPUTS, _LONGEST_KIND = 100_000, 500
"""Inputs of all nodes, and letters of a kind, which stand in the name of each of its inputs."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node. kind: its class_type. inputs: values and links, by name. text: what it makes of texts, for its first output."""

    kind: str
    inputs: dict[str, Json]
    text: str | None = None

    def links(self, but: Collection[str] = ()) -> Iterator[str]:
        return (linked for key, value in self.inputs.items() if key not in but and (linked := linked_node(value)))


Graph = dict[str, Node]


def nodes_of(graph: dict[str, Json]) -> Graph:
    """The nodes, with links that go past those which hand on what they are given."""
    nodes: Graph = {}
    for name, node in graph.items():
        if isinstance(node, dict) and isinstance(kind := node.get("class_type"), str):
            inputs = node.get("inputs")
            nodes[name] = Node(kind, inputs if isinstance(inputs, dict) else {})
    if not nodes:
        raise Unread("its `prompt` is no ComfyUI graph")
    inputs = sum(len(node.inputs) for node in nodes.values())
    if inputs > _MOST_INPUTS or any(len(node.kind) > _LONGEST_KIND for node in nodes.values()):
        raise Unread("its ComfyUI graph is larger than any that a person makes")
    nodes = _with_texts(nodes)
    sources = _Sources(nodes)
    return {name: replace(node, inputs=sources.of(node)) for name, node in nodes.items()}


def _with_texts(nodes: Graph) -> Graph:
    """The nodes, where those that make a text of others have it."""
    waiting = {name: node for name, node in nodes.items() if makes_text(node.kind) and len(node.inputs) <= _MOST_PARTS}
    for _ in range(_DEEPEST if len(waiting) <= _MOST else 0):
        sources = _Sources(nodes)
        inputs = {name: sources.of(node) for name, node in waiting.items()}
        found = {name: made_text(waiting[name].kind, given) for name, given in inputs.items()}
        made = {name: replace(waiting[name], text=text) for name, text in found.items() if text is not None}
        if not made:
            break
        nodes = nodes | made
        waiting = {name: node for name, node in waiting.items() if name not in made}
    return nodes


def linked_node(value: Json) -> str | None:
    """The node at the other end of a link, or None for a value."""
    # No bool, which is an int to Python.
    return str(value[0]) if isinstance(value, list) and len(value) == 2 and type(value[1]) is int else None


def output_of(link: Json) -> int:
    """The number of the output at the other end of a link; 0 for a value."""
    return int(str(link[1])) if isinstance(link, list) and linked_node(link) else 0


class _Sources:
    """What links lead to past the nodes that hand on what they are given: each is followed once, however many follow it."""

    def __init__(self, nodes: Graph) -> None:
        self._nodes = nodes
        self._ends: dict[tuple[str, int], Json] = {}
        self._carried: dict[tuple[str, str], Json] = {}

    def of(self, node: Node) -> dict[str, Json]:
        """A node's inputs, by name, with their links followed."""
        return {key: self.end(value) for key, value in node.inputs.items()}

    def end(self, value: Json) -> Json:
        """Where a link comes from in the end; itself, where a node on the way is not known."""
        passed: dict[tuple[str, int], None] = {}
        while (linked := linked_node(value)) is not None and (at := (linked, output_of(value))) not in passed:
            if at in self._ends:
                value = self._ends[at]
                break
            passed[at] = None
            if (handed := self._handed_on(*at)) is None:
                break
            value = handed
        self._ends |= dict.fromkeys(passed, value)
        return value

    def _handed_on(self, name: str, output: int) -> Json:
        """What a node hands on at an output, unchanged, or holds itself; None if it is not known to."""
        if (node := self._nodes.get(name)) is None:
            return None
        if (held := _held(node, output)) is not None:
            return held
        if node.kind in known.THROUGH:
            links = [value for value in node.inputs.values() if linked_node(value)]
            return links[0] if len(links) == 1 and output == 0 else None
        outputs = known.CARRIERS.get(node.kind, ())
        return self._of_carrier(name, outputs[output]) if 0 <= output < len(outputs) else None

    def _of_carrier(self, name: str, key: str) -> Json:
        """As `carried`, of a node by its name."""
        passed: list[tuple[str, str]] = []
        value: Json = None
        at: str | None = name
        while at is not None:
            if (at, key) in self._carried:
                value = self._carried[at, key]
                break
            self._carried[at, key] = None  # what goes in circles has nothing
            passed.append((at, key))
            if key in (inputs := self._nodes[at].inputs):
                value = inputs[key]
                break
            at = _base(self._nodes, self._nodes[at])
        self._carried |= dict.fromkeys(passed, value)
        return value


def _held(node: Node, output: int) -> Json:
    """The number or the text that a node holds and hands out as it stands, such as PrimitiveInt; None if it is no such node."""
    if node.text is not None:
        return node.text if output == 0 else None
    if any(node.links()):
        return None
    if known.holds_number(node.kind, output):
        return next((node.inputs[key] for key in (*SEEDS, *known.HELD) if key in node.inputs), None)
    return _only_text(node) if known.holds_text(node.kind, output) else None


def likely_text(node: Node, output: int) -> str | None:
    """The text that a node which is not known seems to hand out as it stands, for what is no prompt."""
    if len(node.inputs) != 1:
        return None
    return _only_text(node) if known.may_hold_text(node.kind, next(iter(node.inputs)), output) else None


def _only_text(node: Node) -> str | None:
    """The one input of a node, if it is a text."""
    (value,) = node.inputs.values() if len(node.inputs) == 1 else (None,)
    return value if isinstance(value, str) else None


def carried(nodes: Graph, node: Node, name: str) -> Json:
    """What a context, or a pipe, has under a name: of its own, or of the one that it is built on."""
    passed: set[str] = set()
    while name not in node.inputs:
        if (base := _base(nodes, node)) is None or base in passed:
            return None
        passed.add(base)
        node = nodes[base]
    return node.inputs[name]


def _base(nodes: Graph, node: Node) -> str | None:
    """The one node that a carrier is built on."""
    links = [linked_node(value) for key, value in node.inputs.items() if known.BASE.match(key)]
    bases = [link for link in links if link in nodes]
    return bases[0] if len(bases) == 1 else None


def follow(nodes: Graph, node: Node, key: str) -> Node | None:
    """The node that an input comes from; None where it is a value, or missing."""
    return nodes.get(linked_node(node.inputs.get(key)) or "")


def dependent(nodes: Graph, names: Collection[str]) -> dict[str, set[str]]:
    """Which of some nodes each node depends on, itself counted: two of them at most, which is all that is ever asked."""
    users: dict[str, list[str]] = {}
    for name, node in nodes.items():
        for link in node.links():
            users.setdefault(link, []).append(name)
    found: dict[str, set[str]] = {}
    waiting = [(name, name) for name in names]
    while waiting:
        at, source = waiting.pop()
        if source not in (above := found.setdefault(at, set())) and len(above) < 2:
            above.add(source)
            waiting += [(user, source) for user in users.get(at, ())]
    return found


def upstream(nodes: Graph, name: str, *, sizes: bool = True) -> set[str]:
    """A node and all that it depends on; `sizes`: also what its width and height come from."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        if (at := waiting.pop()) in nodes and at not in found:
            found.add(at)
            waiting += nodes[at].links(() if sizes else ("width", "height"))
    return found
