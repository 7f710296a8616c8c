"""The workflow fits the nodes that ComfyUI publishes, and the custom nodes hand out the exact noise."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from exported_run import source

from seedscope.analysis.exports.comfyui import comfyui
from seedscope.pipeline.drawing.noise import NoiseContract
from seedscope.pipeline.drawing.noise.recipe import Recipe
from seedscope.pipeline.imported.formats.comfyui import parse

SAMPLERS = {
    "euler",
    "euler_ancestral",
    "heun",
    "dpm_2",
    "dpm_2_ancestral",
    "lms",
    "dpmpp_2m",
    "dpmpp_2m_sde",
    "ddpm",
    "lcm",
}
SAMPLERS |= {"ipndm", "deis", "ddim", "uni_pc"}
SCHEDULERS = {"normal", "karras", "exponential", "sgm_uniform", "simple", "ddim_uniform", "beta"}
NODES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "CheckpointLoaderSimple": ({"ckpt_name": str}, ("MODEL", "CLIP", "VAE")),
    "DiffusersLoader": ({"model_path": str}, ("MODEL", "CLIP", "VAE")),
    "ModelSamplingDiscrete": ({"model": "MODEL", "sampling": {"eps", "v_prediction"}, "zsnr": bool}, ("MODEL",)),
    "CLIPTextEncode": ({"text": str, "clip": "CLIP"}, ("CONDITIONING",)),
    "EmptyLatentImage": ({"width": int, "height": int, "batch_size": int}, ("LATENT",)),
    "KSampler": (
        {
            "model": "MODEL",
            "seed": int,
            "steps": int,
            "cfg": float,
            "sampler_name": SAMPLERS,
            "scheduler": SCHEDULERS,
            "positive": "CONDITIONING",
            "negative": "CONDITIONING",
            "latent_image": "LATENT",
            "denoise": float,
        },
        ("LATENT",),
    ),
    "CFGGuider": (
        {"model": "MODEL", "positive": "CONDITIONING", "negative": "CONDITIONING", "cfg": float},
        ("GUIDER",),
    ),
    "KSamplerSelect": ({"sampler_name": SAMPLERS}, ("SAMPLER",)),
    "BasicScheduler": ({"model": "MODEL", "scheduler": SCHEDULERS, "steps": int, "denoise": float}, ("SIGMAS",)),
    "SamplerCustomAdvanced": (
        {"noise": "NOISE", "guider": "GUIDER", "sampler": "SAMPLER", "sigmas": "SIGMAS", "latent_image": "LATENT"},
        ("LATENT", "LATENT"),
    ),
    "VAEDecode": ({"samples": "LATENT", "vae": "VAE"}, ("IMAGE",)),
    "SaveImage": ({"images": "IMAGE", "filename_prefix": str}, ()),
}
"""Node -> its inputs (a type to link to, a type of values, or the values) and outputs, as ComfyUI's sources define them."""


def refuse_graph(graph: dict[str, Any], own: dict[str, Any]) -> None:
    """As ComfyUI validates a prompt: every input is there and of its type, every link leads to an output of its type."""
    known = NODES | {name: ({"turn": int}, node.RETURN_TYPES) for name, node in own.items()}
    for name, node in graph.items():
        inputs, _ = known[node["class_type"]]
        assert node["inputs"].keys() == inputs.keys(), node
        for field, kind in inputs.items():
            value = node["inputs"][field]
            if isinstance(kind, str):
                origin, output = value
                assert int(origin) < int(name)
                assert known[graph[origin]["class_type"]][1][output] == kind, (node, field)
            else:
                assert value in kind if isinstance(kind, set) else type(value) is kind, (node, field)


def written(run: Path, folder: Path, **golden: Any) -> tuple[dict[str, Any], Any]:
    """The workflow, and the module of custom nodes."""
    folder.mkdir()
    comfyui(source(run, **golden))(folder)
    place = folder / "custom_nodes" / "seedscope_made_up" / "__init__.py"
    spec = importlib.util.spec_from_file_location("seedscope_made_up", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return json.loads((folder / "workflow.json").read_text()), module


def test_the_workflow_draws_each_golden_seed(run: Path, tmp_path: Path) -> None:
    graph, nodes = written(run, tmp_path / "out")
    refuse_graph(graph, nodes.NODE_CLASS_MAPPINGS)
    found = [parse(graph, f"made_up_seed{seed}_00001_.png") for seed in (7, 3, 12)]
    assert [each.seed for each in found] == [7, 3, 12]
    assert {(each.prompt, each.settings.negative_prompt) for each in found} == {("a cat", r"blurry \(soft\)")}
    assert {(each.settings.steps, each.settings.guidance, each.settings.size) for each in found} == {(2, 5.0, (64, 64))}


def test_the_noise_of_a_k_sampler_is_that_of_the_run(run: Path) -> None:
    contract = source(run).golden().noise
    assert contract is not None
    drawing = torch.manual_seed(7)  # comfy/sample.py::prepare_noise
    theirs = torch.randn((1, 4, 8, 8), dtype=torch.float32, generator=drawing, device="cpu")
    assert torch.equal(theirs[0], contract.recipe.latent(7))


def test_custom_nodes_give_seeds_in_turn_and_their_exact_noise(run: Path, tmp_path: Path) -> None:
    _, nodes = written(run, tmp_path / "out")
    seed_node, noise_node = nodes.NODE_CLASS_MAPPINGS.values()
    assert nodes.NODE_DISPLAY_NAME_MAPPINGS.keys() == nodes.NODE_CLASS_MAPPINGS.keys()
    for node in (seed_node, noise_node):
        assert node.INPUT_TYPES()["required"].keys() == {"turn"} and callable(getattr(node, node.FUNCTION))
    assert [seed_node().choose(turn=turn)[0] for turn in range(4)] == [7, 3, 12, 7]
    (noise,) = noise_node().choose(turn=2)
    drawn = noise.generate_noise({"samples": torch.zeros(2, 4, 8, 8, dtype=torch.float16)})
    assert noise.seed == 12 and drawn.dtype == torch.float16
    recipe = Recipe((4, 8, 8))
    assert torch.equal(drawn, torch.stack([recipe.latent(12), recipe.latent(7)]).half())
    with pytest.raises(ValueError, match=r"hold for latents \(4, 8, 8\), a picture of 64 x 64"):
        noise.generate_noise({"samples": torch.zeros(1, 4, 16, 8)})


def test_noise_that_comfyui_does_not_draw_travels_with_the_nodes(run: Path, tmp_path: Path) -> None:
    golden = source(run).golden()
    recipe = Recipe((4, 8, 8), source="nv")
    golden = golden.model_copy(update={"noise": NoiseContract.of(golden.seeds, recipe)})
    graph, nodes = written(run, tmp_path / "out", golden=golden)
    refuse_graph(graph, nodes.NODE_CLASS_MAPPINGS)
    assert "KSampler" not in {node["class_type"] for node in graph.values()}
    assert torch.equal(nodes.latent(3), recipe.latent(3))


def test_v_prediction_and_single_files_are_told(run: Path, tmp_path: Path) -> None:
    golden = source(run).golden()
    conditions = golden.conditions
    scheduler = conditions.scheduler.model_copy(
        update={"config": {**conditions.scheduler.config, "prediction_type": "v_prediction"}}
    )
    model = conditions.model.model_copy(update={"id": "models/dream.safetensors"})
    changed = conditions.model_copy(update={"scheduler": scheduler, "model": model})
    graph, nodes = written(run, tmp_path / "out", golden=golden.model_copy(update={"conditions": changed}))
    refuse_graph(graph, nodes.NODE_CLASS_MAPPINGS)
    kinds = {node["class_type"]: node["inputs"] for node in graph.values()}
    assert kinds["CheckpointLoaderSimple"] == {"ckpt_name": "dream.safetensors"}
    assert kinds["ModelSamplingDiscrete"]["sampling"] == "v_prediction"
