"""The `prompt` graph of ComfyUI: from the sampler whose noise decides the picture to its seed, its texts and its settings.

A graph is JSON, node id -> {"class_type": ..., "inputs": {...}}, where an input is a value or a link [node id, output].
Source: comfyanonymous/ComfyUI, `nodes.py` (KSampler, CLIPTextEncode, SaveImage), `comfy_extras/nodes_custom_sampler.py` (the
custom samplers), `comfy/sample.py::prepare_noise` (the noise of a batch is drawn in one piece).
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from seedscope.pipeline.imported.formats import comfyui_nodes as known
from seedscope.pipeline.imported.formats.recipe import (
    LINK,
    Recipe,
    Settings,
    Unplaceable,
    Unread,
    joined,
    number,
    plain,
    recipe,
    size,
    telling,
    text,
    whole,
    with_adapters,
)
from seedscope.pipeline.study.schema import Json

_SEEDS = ("noise_seed", "seed")
_SIDES = ("positive", "negative")


@dataclass(frozen=True, slots=True)
class _Node:
    kind: str
    inputs: dict[str, Json]

    def links(self, but: Collection[str] = ()) -> Iterator[str]:
        return (linked for key, value in self.inputs.items() if key not in but and (linked := _linked(value)))


_Graph = dict[str, _Node]


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
        Unplaceable: a batch; no noise; several pictures are saved, and none of them is the last.
    """
    nodes = _nodes(graph)
    ends, saved = _saved(nodes, file_name)
    sampler = _first_sampler(nodes, ends)
    sampler = replace(sampler, inputs=_of_pipe(nodes, sampler) | sampler.inputs)
    latent = _linked(sampler.inputs.get("latent_image"))
    start = [nodes[name] for name in sorted(_upstream(nodes, latent))] if latent else []
    guider = _follow(nodes, sampler, "guider") or sampler
    positive = next((guider.inputs[key] for key in ("positive", "conditioning", "cond1") if key in guider.inputs), None)
    if positive is None:
        raise Unread(f"its prompt goes into a {guider.kind} node in a way that is not known here")
    texts, negatives = _texts(nodes, positive, "positive"), _texts(nodes, guider.inputs.get("negative"), "negative")
    settings = _settings(nodes, sampler, guider, start, _lines(negatives))
    shape = _shape(nodes, ends, {*texts, *negatives})
    with telling(settings, shape):
        _refuse_batch(nodes, start)
        _refuse_other_seeds(nodes, latent)
        return replace(recipe(_lines(texts), _seed(nodes, sampler), settings, shape), saved=saved)


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


def _nodes(graph: dict[str, Json]) -> _Graph:
    """The nodes, with links that go past those which hand on what they are given."""
    nodes: _Graph = {}
    for name, node in graph.items():
        if isinstance(node, dict) and isinstance(kind := node.get("class_type"), str):
            inputs = node.get("inputs")
            nodes[name] = _Node(kind, inputs if isinstance(inputs, dict) else {})
    if not nodes:
        raise Unread("its `prompt` is no ComfyUI graph")
    return {
        name: _Node(node.kind, {key: _direct(nodes, value) for key, value in node.inputs.items()})
        for name, node in nodes.items()
    }


def _linked(value: Json) -> str | None:
    """The node at the other end of a link, or None for a value."""
    return str(value[0]) if isinstance(value, list) and len(value) == 2 and isinstance(value[1], int) else None


def _output(link: Json) -> int:
    return int(str(link[1])) if isinstance(link, list) and _linked(link) else 0


def _direct(nodes: _Graph, value: Json) -> Json:
    """Where a link comes from in the end; itself, where a node on the way is not known."""
    for _ in nodes:
        node = nodes.get(_linked(value) or "")
        handed = _handed_on(nodes, node, _output(value)) if node else None
        if handed is None:
            break
        value = handed
    return value


def _handed_on(nodes: _Graph, node: _Node, output: int) -> Json:
    """What a node hands on at an output, unchanged, or holds itself; None if it is not known to."""
    if (held := _held(node, output)) is not None:
        return held
    if node.kind in known.THROUGH:
        links = [value for value in node.inputs.values() if _linked(value)]
        return links[0] if len(links) == 1 and output == 0 else None
    outputs = known.CARRIERS.get(node.kind, ())
    return _carried(nodes, node, outputs[output]) if 0 <= output < len(outputs) else None


def _held(node: _Node, output: int) -> Json:
    """The number or the text that a node holds and hands out as it stands, such as PrimitiveInt; None if it is no such node."""
    if any(node.links()):
        return None
    if known.holds_number(node.kind, output):
        return next((node.inputs[key] for key in (*_SEEDS, *known.HELD) if key in node.inputs), None)
    texts = [held for key, held in node.inputs.items() if known.holds_text(node.kind, key, output)]
    return texts[0] if len(node.inputs) == len(texts) == 1 and isinstance(texts[0], str) else None


def _carried(nodes: _Graph, node: _Node, name: str) -> Json:
    """What a context, or a pipe, has under a name: of its own, or of the one that it is built on."""
    for _ in nodes:
        if name in node.inputs:
            return node.inputs[name]
        bases = [base for key in node.inputs if known.BASE.match(key) and (base := _follow(nodes, node, key))]
        if len(bases) != 1:
            return None
        node = bases[0]
    return None


def _follow(nodes: _Graph, node: _Node, key: str) -> _Node | None:
    return nodes.get(_linked(node.inputs.get(key)) or "")


def _of_pipe(nodes: _Graph, sampler: _Node) -> dict[str, Json]:
    """What a sampler takes from a pipe, where it is given one."""
    found = {name: _direct(nodes, _carried(nodes, sampler, name)) for name in known.PIPE}
    return {name: value for name, value in found.items() if value is not None}


def _upstream(nodes: _Graph, name: str, *, sizes: bool = True) -> set[str]:
    """A node and all that it depends on; `sizes`: also what its width and height come from."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        if (at := waiting.pop()) in nodes and at not in found:
            found.add(at)
            waiting += nodes[at].links(() if sizes else ("width", "height"))
    return found


def _saved(nodes: _Graph, file_name: str) -> tuple[list[str], int]:
    """The node that made the picture, and how many pictures of the graph it may be; all last nodes, if none is saved."""
    ends: dict[str, list[str]] = {}
    for node in nodes.values():
        picture = next((node.inputs[key] for key in ("images", "image") if key in node.inputs), None)
        if "Save" in node.kind and (name := _linked(picture)) in nodes and name is not None:
            ends.setdefault(name, []).append(str(node.inputs.get("filename_prefix", "")))
    if not ends:
        used = {link for node in nodes.values() for link in node.links()}
        return sorted((name for name in nodes if name not in used), key=lambda name: nodes[name].kind), 1
    above = {name: _upstream(nodes, name) for name in ends}
    sources = {name: found - {name} for name, found in above.items()}
    last = [
        name
        for name in ends
        if all(sources[other] and sources[other] <= above[name] and name not in sources[other] for other in ends)
    ]
    named = _named(ends, file_name)
    if len(ends) == 1 or len(named) == 1:
        return named if len(named) == 1 else [*ends], 1
    if len(last) != 1:
        raise Unplaceable(f"its ComfyUI graph saves {len(ends)} pictures, and it does not say which of them it is")
    return last, len(ends)


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


def _first_sampler(nodes: _Graph, ends: list[str]) -> _Node:
    """The one sampler of the saved picture whose latent comes from no other sampler."""
    used = set[str]().union(*(_upstream(nodes, name) for name in ends)) if ends else set(nodes)
    samplers = {
        name for name in used if "latent_image" in (given := nodes[name].inputs) and {*_SEEDS, "noise"} & given.keys()
    }
    first = [name for name in samplers if not (_begun_from(nodes, nodes[name]) - {name}) & samplers]
    if len(first) != 1:
        raise Unread(f"its ComfyUI graph has {len(first)} samplers that start a picture, and one is needed")
    if number(nodes[first[0]].inputs.get("variation_strength")):
        raise Unplaceable("its noise is not that of one seed: a variation seed was mixed in")
    return nodes[first[0]]


def _begun_from(nodes: _Graph, sampler: _Node) -> set[str]:
    """What a sampler goes on from: its latent and, in Stable Cascade, the first stage, which it has by its conditioning."""
    latents = [sampler.inputs.get("latent_image")]
    if conditioning := _follow(nodes, sampler, "positive"):
        latents.append(conditioning.inputs.get("stage_c"))
    return set[str]().union(*(_upstream(nodes, _linked(latent) or "") for latent in latents))


def _refuse_other_seeds(nodes: _Graph, latent: str | None) -> None:
    """Refuse what goes on from noise of another node's, be it a sampler that is not known or noise that is mixed in."""
    for node in (nodes[name] for name in sorted(_upstream(nodes, latent or "", sizes=False))):
        if "latent_image" not in node.inputs and not node.inputs.keys().isdisjoint(_SEEDS):
            raise Unread(f"its sampler goes on from what a {node.kind} node made with a seed of its own")


def _refuse_batch(nodes: _Graph, start: list[_Node]) -> None:
    for node in start:
        keys = [key for key in (*known.BATCH, *(["amount"] if "Repeat" in node.kind else [])) if key in node.inputs]
        sizes = {key: whole(_constant(nodes, node.inputs[key], key)) for key in keys}
        repeats = "Repeat" in node.kind and "amount" in sizes
        if ("Batch" in node.kind and not repeats) or any(batch != 1 for batch in sizes.values()):
            told = "".join(f", {key} {batch}" for key, batch in sizes.items())
            raise Unplaceable(
                f"it is one of a ComfyUI batch ({node.kind}{told}) that shares a seed: only the first is that "
                "seed's own, and it does not say which it is"
            )


def _seed(nodes: _Graph, sampler: _Node) -> Json:
    if sampler.inputs.get("add_noise") in ("disable", False):
        raise Unplaceable("its first sampler adds no noise, so it has no seed")
    source = _follow(nodes, sampler, "noise") or sampler
    if source.kind == "DisableNoise":
        raise Unplaceable("its first sampler adds no noise, so it has no seed")
    key = next((key for key in _SEEDS if key in source.inputs), None)
    if key is None or (source is not sampler and source.kind != "RandomNoise"):
        raise Unread(f"its seed comes from a {source.kind} node, which is not known here")
    return _constant(nodes, source.inputs[key], "seed")


def _constant(nodes: _Graph, value: Json, name: str) -> Json:
    """A number.

    Raises:
        Unread: a node computes it, or is not known.
    """
    if (linked := _linked(value)) is None:
        return value
    node = nodes.get(linked)
    if node is None or any(node.links()):
        raise Unread(f"its {name} comes from a {node.kind if node else 'missing'} node, which computes it")
    raise Unread(f"its {name} comes from a {node.kind} node, which is not known here")


def _texts(nodes: _Graph, value: Json, side: str) -> list[str]:
    """The texts that a conditioning is made of, in order; side is `positive` or `negative`."""
    texts: list[str] = []
    waiting: list[Json] = [] if value is None else [value]
    seen: set[str] = set()
    while waiting:
        link = waiting.pop()
        if str(link) in seen:
            continue
        seen.add(str(link))
        if (node := nodes.get(_linked(link) or "")) is None:
            raise Unread(f"its {side} prompt depends on nothing that can be read")
        given, further = _given(node, _output(link)), _conditionings(node, _output(link))
        if not given and not further and node.kind != "ConditioningZeroOut":
            raise Unread(f"its {side} prompt comes from a {node.kind} node, which is not known here")
        texts += [_string(nodes, item) for item in given]
        waiting += reversed(further)
    return texts


def _given(node: _Node, output: int) -> list[Json]:
    """The texts that a node encodes into an output."""
    if outputs := known.LOADERS.get(node.kind):
        return [node.inputs[key] for key in outputs[output : output + 1] if key in _SIDES and key in node.inputs]
    if "TextEncode" not in node.kind or output != 0 or any("seed" in key for key in node.inputs):
        return []  # one with a seed draws words of its own
    used: tuple[str, ...] = known.TEXTS
    if (both := node.inputs.get("with_SDXL")) is not None:  # smZ keeps the texts of the other choice
        used = ("text_g", "text_l") if both else ("text",)
    return [node.inputs[key] for key in used if key in node.inputs]


def _conditionings(node: _Node, output: int) -> list[Json]:
    """The links to the conditionings that a node changes or puts together into an output."""
    if node.kind in known.PAIRS:
        return [node.inputs[side] for side in _SIDES[output : output + 1] if _linked(node.inputs.get(side))]
    if output != 0 or node.kind == "ConditioningZeroOut":
        return []
    found = [value for key, value in node.inputs.items() if key.startswith("conditioning") and _linked(value)]
    alone = len(found) == 1 and not {*_SIDES} & node.inputs.keys()
    return found if alone or (node.kind.startswith("Conditioning") and not known.chooses(node.kind)) else []


def _string(nodes: _Graph, value: Json) -> str:
    """A text.

    Raises:
        Unread: a node makes it, from wildcards or by a language model: what came out is not in the graph.
    """
    if isinstance(value, str):
        return value
    node = nodes.get(_linked(value) or "")
    raise Unread(f"its prompt comes from a {node.kind if node else 'missing'} node, which is not known here")


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
        if (name := text(node.inputs.get("lora_name"))) and name != "None":
            adapters.append((name, node.inputs.get("strength_model", node.inputs.get("lora_model_strength"))))
    name = text(node.inputs.get("ckpt_name")) or text(node.inputs.get("unet_name"))
    return with_adapters(name, adapters)


def _shape(nodes: _Graph, ends: list[str], texts: Collection[str]) -> dict[str, Json]:
    """All that a picture hangs on, but seeds and the texts of its prompt: `FluxGuidance.guidance` -> 3.5.

    Nodes are named by their kinds, and counted in the order in which they are met from the end, so that the same graph with
    other ids has the same names. A link is the name of the node at its other end.
    """
    names = _met(nodes, ends)
    shape: dict[str, Json] = {}
    for at, name in names.items():
        for key, value in nodes[at].inputs.items():
            if not _is_silent(key) and not (isinstance(value, str) and value in texts):
                linked = _linked(value)
                source = f"{LINK}{names.get(linked or '', 'missing')}[{_output(value)}]"
                shape[f"{name}.{key}"] = plain(value) if linked is None else source
    return dict(sorted(shape.items()))


def _met(nodes: _Graph, ends: list[str]) -> dict[str, str]:
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
            waiting += [linked for key, value in inputs if not _is_silent(key) and (linked := _linked(value))]
    return names


def _is_silent(key: str) -> bool:
    """Whether an input is a seed, or acts on the page alone."""
    return "seed" in key or key in known.SILENT
