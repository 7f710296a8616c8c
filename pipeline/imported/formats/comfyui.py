"""The `prompt` graph of ComfyUI: from the sampler whose noise decides the picture to its seed and its texts.

A graph is JSON, node id -> {"class_type": ..., "inputs": {...}}, where an input is a value or a link [node id, output].
Source: comfyanonymous/ComfyUI, `nodes.py` (KSampler, CLIPTextEncode, SaveImage), `comfy_extras/nodes_custom_sampler.py` (the
custom samplers), `comfy/sample.py::prepare_noise` (the noise of a batch is drawn in one piece).
"""

from collections.abc import Iterator
from dataclasses import dataclass

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
    with_adapters,
)
from seedscope.pipeline.study.schema import Json

_SEEDS = ("noise_seed", "seed")
_TEXTS = ("text", "text_g", "text_l", "clip_g", "clip_l", "t5xxl", "prompt", "user_prompt")
_SIDES = ("positive", "negative")


@dataclass(frozen=True, slots=True)
class _Node:
    kind: str
    inputs: dict[str, Json]

    def links(self) -> Iterator[str]:
        return (linked for value in self.inputs.values() if (linked := _linked(value)) is not None)


_Graph = dict[str, _Node]


def parse(graph: dict[str, Json]) -> Recipe:
    """The recipe in a graph: seed and texts of its first sampler, the one that starts from noise and not from a picture.

    All pictures of a batch carry the same graph with one seed, while only the first is drawn from the beginning of that
    seed's noise, and no file says which picture it is. So a batch of several is refused; a table beside the pictures can
    place them. Several texts of one prompt (SDXL's two encoders, combined conditionings) stand on lines of their own.

    Raises:
        Unplaceable: no sampler, or several; a batch; a seed or a text that comes from a node which is not known here.
    """
    nodes = _nodes(graph)
    sampler = _first_sampler(nodes)
    latent = _linked(sampler.inputs.get("latent_image"))
    start = [nodes[name] for name in _upstream(nodes, latent)] if latent else []
    _refuse_batch(nodes, start)
    guider = _follow(nodes, sampler, "guider") or sampler
    positive = next((guider.inputs[key] for key in ("positive", "conditioning", "cond1") if key in guider.inputs), None)
    prompt = _lines(_texts(nodes, positive, "positive"))
    negative = _lines(_texts(nodes, guider.inputs.get("negative"), "negative"))
    return recipe(prompt, _seed(nodes, sampler), _settings(nodes, sampler, guider, start, negative))


def _nodes(graph: dict[str, Json]) -> _Graph:
    nodes: _Graph = {}
    for name, node in graph.items():
        if isinstance(node, dict) and isinstance(kind := node.get("class_type"), str):
            inputs = node.get("inputs")
            nodes[name] = _Node(kind, inputs if isinstance(inputs, dict) else {})
    if not nodes:
        raise Unplaceable("its `prompt` is no ComfyUI graph")
    return nodes


def _linked(value: Json) -> str | None:
    """The node at the other end of a link, or None for a value."""
    return str(value[0]) if isinstance(value, list) and len(value) == 2 and isinstance(value[1], int) else None


def _follow(nodes: _Graph, node: _Node, key: str) -> _Node | None:
    return nodes.get(_linked(node.inputs.get(key)) or "")


def _upstream(nodes: _Graph, name: str) -> set[str]:
    """A node and all that it depends on."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        if (at := waiting.pop()) in nodes and at not in found:
            found.add(at)
            waiting += nodes[at].links()
    return found


def _first_sampler(nodes: _Graph) -> _Node:
    """The one sampler of the saved picture that no other sampler comes before."""
    saved = [name for name, node in nodes.items() if "Save" in node.kind and any(node.links())]
    used = set.union(*(_upstream(nodes, name) for name in saved)) if saved else set(nodes)
    samplers = {
        name for name in used if "latent_image" in (given := nodes[name].inputs) and {*_SEEDS, "noise"} & given.keys()
    }
    first = [name for name in samplers if not (_upstream(nodes, name) - {name}) & samplers]
    if len(first) != 1:
        raise Unplaceable(f"its ComfyUI graph has {len(first)} samplers that start a picture, and one is needed")
    return nodes[first[0]]


def _refuse_batch(nodes: _Graph, start: list[_Node]) -> None:
    for node in start:
        key = "amount" if node.kind == "RepeatLatentBatch" else "batch_size"
        batch = 1 if key not in node.inputs else whole(_constant(nodes, node.inputs[key], key))
        if batch != 1 or node.kind == "LatentFromBatch":
            raise Unplaceable(
                f"it is one of a ComfyUI batch ({node.kind}, {key} {batch}) that shares a seed: only the first is that "
                "seed's own, and it does not say which it is"
            )


def _seed(nodes: _Graph, sampler: _Node) -> Json:
    if sampler.inputs.get("add_noise") in ("disable", False):
        raise Unplaceable("its first sampler adds no noise, so it has no seed")
    source = _follow(nodes, sampler, "noise") or sampler
    if source.kind == "DisableNoise":
        raise Unplaceable("its first sampler adds no noise, so it has no seed")
    key = next((key for key in _SEEDS if key in source.inputs), None)
    if key is None:
        raise Unplaceable(f"its seed comes from a {source.kind} node, which is not known here")
    return _constant(nodes, source.inputs[key], *_SEEDS)


def _constant(nodes: _Graph, value: Json, *keys: str) -> Json:
    """A number, or that of a node which holds it and depends on nothing, such as PrimitiveInt.

    Raises:
        Unplaceable: the node computes its number.
    """
    if (linked := _linked(value)) is None:
        return value
    node = nodes.get(linked)
    if node is None or any(node.links()):
        raise Unplaceable(f"its {keys[-1]} comes from a {node.kind if node else 'missing'} node, which computes it")
    held = next((node.inputs[key] for key in (*keys, "value") if key in node.inputs), None)
    if held is None:
        raise Unplaceable(f"its {keys[-1]} comes from a {node.kind} node, which is not known here")
    return held


def _texts(nodes: _Graph, value: Json, side: str) -> list[str]:
    """The texts that a conditioning is made of, in order; side is `positive` or `negative`."""
    texts: list[str] = []
    waiting: list[Json] = [] if value is None else [value]
    seen: set[str] = set()
    while waiting:
        link = waiting.pop()
        name = _linked(link) or ""
        if name in seen:
            continue
        seen.add(name)
        if (node := nodes.get(name)) is None:
            raise Unplaceable(f"its {side} prompt depends on nothing that can be read")
        given = [node.inputs[key] for key in _TEXTS if key in node.inputs] if "TextEncode" in node.kind else []
        if isinstance(node.inputs.get(side), str):
            given.append(node.inputs[side])
        further = _conditionings(node, link)
        if not given and not further and node.kind != "ConditioningZeroOut":
            raise Unplaceable(f"its {side} prompt comes from a {node.kind} node, which is not known here")
        texts += [_string(nodes, item) for item in given]
        waiting += reversed(further)
    return texts


def _conditionings(node: _Node, link: Json) -> list[Json]:
    """The links to the conditionings that a node changes or puts together; of a pair, that of the output that is used."""
    if node.kind == "ConditioningZeroOut":
        return []
    pair = [node.inputs.get(key) for key in _SIDES]
    if all(map(_linked, pair)) and isinstance(link, list):
        return [pair[min(int(str(link[1])), 1)]]
    return [item for key, item in node.inputs.items() if key.startswith("cond") and _linked(item)]


def _string(nodes: _Graph, value: Json) -> str:
    """A text, or that of a node that holds nothing else, such as PrimitiveString.

    Raises:
        Unplaceable: the node makes its text, from wildcards or by a language model: what came out is not in the graph.
    """
    if isinstance(value, str):
        return value
    node = nodes.get(_linked(value) or "")
    held = list(node.inputs.values()) if node else []
    if len(held) != 1 or not isinstance(held[0], str):
        raise Unplaceable(f"its prompt comes from a {node.kind if node else 'missing'} node, which is not known here")
    return held[0]


def _lines(texts: list[str]) -> str:
    """Each text once, one a line."""
    return "\n".join(dict.fromkeys(stripped for item in texts if (stripped := item.strip())))


def _settings(nodes: _Graph, sampler: _Node, guider: _Node, start: list[_Node], negative: str) -> Settings:
    schedule = _follow(nodes, sampler, "sigmas") or sampler
    method = _follow(nodes, sampler, "sampler") or sampler
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


def _model(nodes: _Graph, node: _Node) -> str | None:
    """The checkpoint at the end of the chain of models, and the adapters on the way."""
    adapters: list[tuple[str, Json]] = []
    for _ in nodes:
        following = _follow(nodes, node, "model")
        if following is None:
            break
        node = following
        if name := text(node.inputs.get("lora_name")):
            adapters.append((name, node.inputs.get("strength_model")))
    name = text(node.inputs.get("ckpt_name")) or text(node.inputs.get("unet_name"))
    return with_adapters(name, adapters)
