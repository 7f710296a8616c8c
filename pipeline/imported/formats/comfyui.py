"""The `prompt` graph of ComfyUI: from the sampler whose noise decides the picture to its seed, its texts and its settings.

A graph is JSON, node id -> {"class_type": ..., "inputs": {...}}, where an input is a value or a link [node id, output].
Source: comfyanonymous/ComfyUI, `nodes.py` (KSampler, CLIPTextEncode, SaveImage), `comfy_extras/nodes_custom_sampler.py` (the
custom samplers), `comfy/sample.py::prepare_noise` (the noise of a batch is drawn in one piece).
"""

from dataclasses import replace

from seedscope.pipeline.imported.formats import comfyui_nodes as known
from seedscope.pipeline.imported.formats.comfyui_graph import (
    SEEDS,
    Graph,
    Node,
    carried,
    dependent,
    follow,
    linked_node,
    nodes_of,
    upstream,
)
from seedscope.pipeline.imported.formats.comfyui_noise import refuse_other_seeds, refuse_several, seed_of
from seedscope.pipeline.imported.formats.comfyui_saved import last_of, saved_by
from seedscope.pipeline.imported.formats.comfyui_shape import later_seeds, shape_of
from seedscope.pipeline.imported.formats.comfyui_texts import lines, texts_of
from seedscope.pipeline.imported.formats.recipe import (
    Recipe,
    Settings,
    Unplaceable,
    Unread,
    joined,
    number,
    recipe,
    size,
    telling,
    text,
    whole,
    with_adapters,
)
from seedscope.pipeline.study.schema import Json


def parse(graph: dict[str, Json], file_name: str = "") -> Recipe:
    """The recipe in a graph: seed and texts of its first sampler, the one that starts from noise and not from a picture.

    All pictures of a batch carry the same graph with one seed, while only the first is drawn from the beginning of that
    seed's noise, and no file says which picture it is. So a batch of several is refused; a table beside the pictures can
    place them. Several texts of one prompt (SDXL's two encoders, combined conditionings) stand on lines of their own.
    What a node hands out depends on the output that is asked: nodes that are not known are refused by name.

    Args:
        file_name: which of several saved pictures it is, if they have names of their own.

    Raises:
        Unread: no sampler, or several; a seed or a text that comes from a node which is not known here.
        Unplaceable: a batch or a video; no noise; several pictures are saved, and none of them is the last.
    """
    nodes = nodes_of(graph)
    with telling(Settings(), lambda: shape_of(nodes, last_of(nodes), None)):
        ends, saved = saved_by(nodes, file_name)
    with telling(Settings(), lambda: shape_of(nodes, ends, None)):
        begin = _first_sampler(nodes, ends)
        sampler = nodes[begin]
        sampler = replace(sampler, inputs=_of_pipe(nodes, sampler) | sampler.inputs)
        guider = follow(nodes, sampler, "guider") or sampler
        texts, negatives = _texts(nodes, guider)
    latent = linked_node(sampler.inputs.get("latent_image"))
    start = [nodes[name] for name in sorted(upstream(nodes, latent))] if latent else []
    settings = _settings(nodes, sampler, guider, start, lines(negatives))
    shape = shape_of(nodes, ends, {*texts, *negatives})
    with telling(settings, shape):
        refuse_several(nodes, start)
        refuse_other_seeds(nodes, latent)
        found = recipe(lines(texts), seed_of(nodes, sampler), settings, shape)
    own = {begin, linked_node(sampler.inputs.get("noise"))}
    return replace(found, saved=saved, later_seeds=later_seeds(nodes, ends, own))


def _texts(nodes: Graph, guider: Node) -> tuple[list[str], list[str]]:
    """The texts of the prompt, and of the negative prompt."""
    positive = next((guider.inputs[key] for key in ("positive", "conditioning", "cond1") if key in guider.inputs), None)
    if positive is None:
        raise Unread(f"its prompt goes into a {guider.kind} node in a way that is not known here")
    return texts_of(nodes, positive, "positive"), texts_of(nodes, guider.inputs.get("negative"), "negative")


def is_graph(value: dict[str, Json]) -> bool:
    """Whether an object has nodes."""
    return any(isinstance(node, dict) and "class_type" in node for node in value.values())


def holds_seed(graph: dict[str, Json], seed: int) -> bool:
    """Whether a seed stands anywhere in a graph, be it in a node that is not known."""
    return any(
        whole(value) == seed
        for node in graph.values()
        if isinstance(node, dict) and isinstance(inputs := node.get("inputs"), dict)
        for key, value in inputs.items()
        if "seed" in key.lower() or key in known.HELD
    )


def _of_pipe(nodes: Graph, sampler: Node) -> dict[str, Json]:
    """What a sampler takes from a pipe, where it is given one."""
    found = {name: carried(nodes, sampler, name) for name in known.PIPE}
    return {name: value for name, value in found.items() if value is not None}


def _first_sampler(nodes: Graph, ends: list[str]) -> str:
    """The one sampler of the saved picture whose latent comes from no other sampler."""
    used = set[str]().union(*(upstream(nodes, name) for name in ends)) if ends else set(nodes)
    samplers = {
        name for name in used if "latent_image" in (given := nodes[name].inputs) and {*SEEDS, "noise"} & given.keys()
    }
    above = dependent(nodes, samplers) if len(samplers) > 1 else {}
    first = [
        name
        for name in samplers
        if all(above.get(source, set()) <= {name} for source in _begun_from(nodes, nodes[name]))
    ]
    if len(first) != 1:
        raise Unread(f"its ComfyUI graph has {len(first)} samplers that start a picture, and one is needed")
    if number(nodes[first[0]].inputs.get("variation_strength")):
        raise Unplaceable("its noise is not that of one seed: a variation seed was mixed in")
    return first[0]


def _begun_from(nodes: Graph, sampler: Node) -> list[str]:
    """What a sampler goes on from: its latent and, in Stable Cascade, the first stage, which it has by its conditioning."""
    latents = [sampler.inputs.get("latent_image")]
    if conditioning := follow(nodes, sampler, "positive"):
        latents.append(conditioning.inputs.get("stage_c"))
    return [name for latent in latents if (name := linked_node(latent)) is not None]


def _settings(nodes: Graph, sampler: Node, guider: Node, start: list[Node], negative: str) -> Settings:
    schedule = follow(nodes, sampler, "sigmas") or sampler
    method = follow(nodes, sampler, "sampler") or sampler
    strength = number(schedule.inputs.get("denoise"))
    sizes = (size(node.inputs.get("width"), node.inputs.get("height")) for node in start)
    return Settings(
        negative_prompt=negative,
        model=_model(nodes, sampler if "model" in sampler.inputs else guider),
        sampler=joined(text(method.inputs.get("sampler_name")), text(schedule.inputs.get("scheduler"))),
        steps=whole(schedule.inputs.get("steps")),
        guidance=number(guider.inputs.get("cfg")),
        size=next((found for found in sizes if found), None),
        denoising=None if strength == 1 else strength,
    )


def _model(nodes: Graph, node: Node) -> str | None:
    """The checkpoint at the end of the chain of models, and the adapters on the way."""
    adapters: list[tuple[str, Json]] = []
    passed: set[str] = set()
    while (at := linked_node(node.inputs.get("model"))) in nodes and at is not None and at not in passed:
        passed.add(at)
        node = nodes[at]
        if (name := text(node.inputs.get("lora_name"))) and name != "None":
            adapters.append((name, node.inputs.get("strength_model", node.inputs.get("lora_model_strength"))))
    name = text(node.inputs.get("ckpt_name")) or text(node.inputs.get("unet_name"))
    return with_adapters(name, adapters)
