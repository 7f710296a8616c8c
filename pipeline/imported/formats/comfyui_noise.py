"""Whether the noise that a ComfyUI graph starts from is that of one seed, which seed, and whether the picture alone has it."""

from seedscope.pipeline.imported.formats import comfyui_nodes as known
from seedscope.pipeline.imported.formats.comfyui_graph import SEEDS, Graph, Node, follow, linked_node, upstream
from seedscope.pipeline.imported.formats.recipe import Unplaceable, Unread, whole
from seedscope.pipeline.study.schema import Json


def refuse_other_seeds(nodes: Graph, latent: str | None) -> None:
    """Refuse what goes on from noise of another node's, be it a sampler that is not known or noise that is mixed in."""
    for node in (nodes[name] for name in sorted(upstream(nodes, latent or "", sizes=False))):
        if "latent_image" not in node.inputs and not node.inputs.keys().isdisjoint(SEEDS):
            raise Unread(f"its sampler goes on from what a {node.kind} node made with a seed of its own")


def refuse_several(nodes: Graph, start: list[Node]) -> None:
    """Refuse a picture whose seed others have too: of a batch, or of a video.

    Args:
        start: the nodes that a sampler's latent comes from.
    """
    for node in start:
        _refuse_batch(nodes, node)
        _refuse_video(nodes, node)


def _refuse_batch(nodes: Graph, node: Node) -> None:
    keys = [key for key in (*known.BATCH, *(["amount"] if "Repeat" in node.kind else [])) if key in node.inputs]
    sizes = {key: whole(_constant(nodes, node.inputs[key], key)) for key in keys}
    repeats = "Repeat" in node.kind and "amount" in sizes
    if ("Batch" in node.kind and not repeats) or any(batch != 1 for batch in sizes.values()):
        told = "".join(f", {key} {batch}" for key, batch in sizes.items())
        raise Unplaceable(
            f"it is one of a ComfyUI batch ({node.kind}{told}) that shares a seed: only the first is that "
            "seed's own, and it does not say which it is"
        )


def _refuse_video(nodes: Graph, node: Node) -> None:
    for key in known.FRAMES:
        if key in node.inputs and (frames := whole(_constant(nodes, node.inputs[key], key)) or 1) > 1:
            raise Unplaceable(
                f"it is one of the {frames} frames of a video ({node.kind}, {key}) that share a seed, and a cell is one picture"
            )


def seed_of(nodes: Graph, sampler: Node) -> Json:
    """The seed of a sampler's noise, its own or that of the node which draws it.

    Raises:
        Unread: a node computes it, or is not known; Unplaceable: no noise is drawn.
    """
    if sampler.inputs.get("add_noise") in ("disable", False):
        raise Unplaceable("its first sampler adds no noise, so it has no seed")
    source = follow(nodes, sampler, "noise") or sampler
    if source.kind == "DisableNoise":
        raise Unplaceable("its first sampler adds no noise, so it has no seed")
    key = next((key for key in SEEDS if key in source.inputs), None)
    if key is None or (source is not sampler and source.kind != "RandomNoise"):
        raise Unread(f"its seed comes from a {source.kind} node, which is not known here")
    return _constant(nodes, source.inputs[key], "seed")


def _constant(nodes: Graph, value: Json, name: str) -> Json:
    """A number.

    Raises:
        Unread: a node computes it, or is not known.
    """
    if (linked := linked_node(value)) is None:
        return value
    node = nodes.get(linked)
    if node is None or any(node.links()):
        raise Unread(f"its {name} comes from a {node.kind if node else 'missing'} node, which computes it")
    raise Unread(f"its {name} comes from a {node.kind} node, which is not known here")
