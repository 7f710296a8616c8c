"""InvokeAI: a workflow that draws each of some prompts with each golden seed.

Source: invoke-ai/InvokeAI, `app/services/workflow_records/workflow_records_common.py::WorkflowWithoutID` (the fields of a
workflow), `default_workflows/Text to Image - SD1.5.json` and `- SDXL.json` (nodes and edges), `app/invocations/batch.py` (a
batch node runs the workflow once a value; two of them, once a pair), `noise.py` (`torch.randn` on the CPU where `use_cpu`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seedscope.analysis.exports.replay import Replay, replay_of
from seedscope.analysis.exports.source import Source
from seedscope.analysis.exports.written import Writer, write_json
from seedscope.pipeline.study.schema import Json

FAMILIES = ("sd", "sdxl")
_PLACES: Mapping[str, tuple[int, int]] = {
    "model": (0, 0),
    "prompts": (0, 250),
    "seeds": (0, 500),
    "positive": (400, 0),
    "negative": (400, 250),
    "noise": (400, 500),
    "denoise": (800, 100),
    "picture": (1200, 100),
}
"""Node -> where it stands in the editor."""


def invokeai(source: Source) -> Writer:
    """See `Tool`.

    Raises:
        UserError: as for `replay_of`.
    """
    replay = replay_of(source, "InvokeAI", FAMILIES)

    def write(folder: Path) -> list[str]:
        write_json(folder / "workflow.json", workflow(replay))
        return [
            f"In Workflows, load workflow.json, choose the model {replay.model} in its first node, and invoke: it draws "
            f"{len(replay.prompts)} prompts x {len(replay.seeds)} seeds.",
            *replay.notes,
        ]

    return write


def workflow(replay: Replay) -> Mapping[str, Json]:
    """A workflow as the editor loads it."""
    return {
        "name": f"Golden seeds: {replay.name}",
        "author": "seedscope",
        "description": f"{len(replay.prompts)} prompts, each with {len(replay.seeds)} seeds of the run {replay.name}.",
        "version": "1.0.0",
        "contact": "",
        "tags": "seeds",
        "notes": " ".join(replay.notes),
        "exposedFields": [
            {"nodeId": "model", "fieldName": "model"},
            {"nodeId": "prompts", "fieldName": "strings"},
            {"nodeId": "seeds", "fieldName": "integers"},
        ],
        "meta": {"category": "user", "version": "3.0.0"},
        "nodes": _nodes(replay),
        "edges": _edges(replay),
    }


def _nodes(replay: Replay) -> list[Json]:
    large = replay.family == "sdxl"
    text = "sdxl_compel_prompt" if large else "compel"
    negative = replay.written(replay.negative_prompt)
    size: dict[str, Json] = {"width": replay.width, "height": replay.height}
    sizes: dict[str, Json] = {
        f"{what}_{side}": size[side] for what in ("original", "target") for side in ("width", "height")
    }
    sizes |= {"crop_top": 0, "crop_left": 0}
    extra = sizes if large else {}
    return [
        _node("model", "sdxl_model_loader" if large else "main_model_loader", "1.0.3", model=None),
        _node(
            "prompts",
            "string_batch",
            "1.0.0",
            strings=[replay.written(each) for each in replay.prompts],
            batch_group_id="None",
        ),
        _node("seeds", "integer_batch", "1.0.0", integers=list(replay.seeds), batch_group_id="None"),
        _node("positive", text, "1.2.0", prompt="", **({"style": ""} if large else {}), **extra),
        _node("negative", text, "1.2.0", prompt=negative, **({"style": negative} if large else {}), **extra),
        _node("noise", "noise", "1.0.2", seed=0, use_cpu=True, **size),
        _node(
            "denoise",
            "denoise_latents",
            "1.5.3",
            steps=replay.steps,
            cfg_scale=replay.cfg,
            denoising_start=0,
            denoising_end=1,
            scheduler=replay.sampler.invokeai,
            cfg_rescale_multiplier=0,
        ),
        _node("picture", "l2i", "1.3.0", tiled=False, fp32=True),
    ]


def _node(name: str, kind: str, version: str, **values: Json) -> Json:
    x, y = _PLACES[name]
    return {
        "id": name,
        "type": "invocation",
        "data": {
            "id": name,
            "type": kind,
            "version": version,
            "nodePack": "invokeai",
            "label": "",
            "notes": "",
            "isOpen": True,
            "isIntermediate": name != "picture",
            "useCache": True,
            "inputs": {field: _input(field, value) for field, value in values.items()},
        },
        "position": {"x": x, "y": y},
    }


def _input(field: str, value: Json) -> Json:
    named: dict[str, Json] = {"name": field, "label": ""}
    return named if value is None else {**named, "value": value}


def _edges(replay: Replay) -> list[Json]:
    linked = [
        ("seeds.value", "noise.seed"),
        ("prompts.value", "positive.prompt"),
        ("model.clip", "positive.clip"),
        ("model.clip", "negative.clip"),
        ("model.unet", "denoise.unet"),
        ("noise.noise", "denoise.noise"),
        ("positive.conditioning", "denoise.positive_conditioning"),
        ("negative.conditioning", "denoise.negative_conditioning"),
        ("denoise.latents", "picture.latents"),
        ("model.vae", "picture.vae"),
    ]
    if replay.family == "sdxl":
        linked += [
            ("prompts.value", "positive.style"),
            ("model.clip2", "positive.clip2"),
            ("model.clip2", "negative.clip2"),
        ]
    return [_edge(*link) for link in linked]


def _edge(begin: str, end: str) -> Json:
    (source, output), (target, field) = begin.split("."), end.split(".")
    return {
        "id": f"{begin}-{end}",
        "type": "default",
        "source": source,
        "target": target,
        "sourceHandle": output,
        "targetHandle": field,
    }
