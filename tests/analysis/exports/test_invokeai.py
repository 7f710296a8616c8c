"""The workflow has the fields that InvokeAI publishes, and its edges lead from outputs to inputs of one type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from exported_run import source
from pydantic import BaseModel, Field, JsonValue

from seedscope.analysis.exports.invokeai import invokeai

TEXT = ({"clip": "clip", "prompt": "string"}, {"conditioning": "conditioning"})
LARGE_TEXT = ({**TEXT[0], "clip2": "clip", "style": "string"}, TEXT[1])
LOADER = ({}, {"unet": "unet", "clip": "clip", "vae": "vae"})
NODES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "main_model_loader": LOADER,
    "sdxl_model_loader": ({}, {**LOADER[1], "clip2": "clip"}),
    "string_batch": ({}, {"value": "string"}),
    "integer_batch": ({}, {"value": "integer"}),
    "compel": TEXT,
    "sdxl_compel_prompt": LARGE_TEXT,
    "noise": ({"seed": "integer"}, {"noise": "latents"}),
    "denoise_latents": (
        {
            "unet": "unet",
            "noise": "latents",
            "positive_conditioning": "conditioning",
            "negative_conditioning": "conditioning",
        },
        {"latents": "latents"},
    ),
    "l2i": ({"latents": "latents", "vae": "vae"}, {}),
}
"""Node -> the inputs that have to be linked, and the outputs, with their types."""


class Exposed(BaseModel):
    """As `workflow_records_common.py::ExposedField`."""

    nodeId: str
    fieldName: str


class Meta(BaseModel):
    """As `WorkflowMeta`."""

    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    category: str = Field(pattern="^(user|default|project)$")


class Workflow(BaseModel):
    """As `WorkflowWithoutID`: every field is required."""

    name: str
    author: str
    description: str
    version: str
    contact: str
    tags: str
    notes: str
    exposedFields: list[Exposed]
    meta: Meta
    nodes: list[dict[str, JsonValue]]
    edges: list[dict[str, JsonValue]]


@pytest.mark.parametrize("family", ["sd", "sdxl"])
def test_the_workflow_draws_prompts_with_seeds(family: str, run: Path, tmp_path: Path) -> None:
    golden = source(run).golden()
    model = golden.conditions.model.model_copy(update={"family": family})
    conditions = golden.conditions.model_copy(update={"model": model})
    invokeai(source(run, golden.model_copy(update={"conditions": conditions})))(tmp_path)
    text = (tmp_path / "workflow.json").read_text()
    workflow = Workflow.model_validate_json(text)
    data: dict[str, Any] = {node["id"]: node["data"] for node in json.loads(text)["nodes"]}
    linked = []
    for edge in json.loads(text)["edges"]:
        outputs, inputs = NODES[data[edge["source"]]["type"]][1], NODES[data[edge["target"]]["type"]][0]
        assert outputs[edge["sourceHandle"]] == inputs[edge["targetHandle"]], edge
        linked.append((edge["target"], edge["targetHandle"]))
    assert len(linked) == len(set(linked)) == len(workflow.edges)
    given = {(name, field) for name, node in data.items() for field in node["inputs"]}
    needed = {(name, field) for name, node in data.items() for field in NODES[node["type"]][0]}
    assert needed <= {*linked} | given
    assert {(each.nodeId, each.fieldName) for each in workflow.exposedFields} <= given
    assert data["seeds"]["inputs"]["integers"]["value"] == [7, 3, 12]
    assert data["prompts"]["inputs"]["strings"]["value"] == ["a cat", "a car", "a tree"]
    assert data["noise"]["inputs"]["use_cpu"]["value"] is True
    assert data["denoise"]["inputs"]["scheduler"]["value"] == "pndm"
