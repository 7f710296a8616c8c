"""ComfyUI: a workflow in its API format that draws golden seeds, and a folder of custom nodes that hand them out.

Source: comfyanonymous/ComfyUI, `execution.py` (a prompt is node id -> class_type and inputs, a link is [node id, output]),
`nodes.py` and `comfy_extras/nodes_custom_sampler.py` (names and types of inputs), `comfy/sample.py::prepare_noise` (noise is
`torch.randn` of the whole batch on the CPU, so that one picture a batch begins with the seed's own).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seedscope.analysis.exports.latents import FILE, write_latents
from seedscope.analysis.exports.replay import Replay, replay_of
from seedscope.analysis.exports.source import Source
from seedscope.analysis.exports.written import Writer, write_json
from seedscope.pipeline.study.schema import Json

FAMILIES = ("sd", "sdxl", "sd3", "flux")
_NODES = Path(__file__).parent / "templates" / "comfyui_nodes.py"
_LARGE_LATENTS = ("sd3", "flux")
"""Families whose empty latent has 16 channels."""

Link = list[Json]


@dataclass
class Graph:
    """A prompt of ComfyUI as it grows."""

    nodes: dict[str, Json] = field(default_factory=dict)

    def add(self, kind: str, title: str = "", **inputs: Json) -> Sequence[Link]:
        """Add a node; its outputs, to link to."""
        name = str(len(self.nodes) + 1)
        node: dict[str, Json] = {"class_type": kind, "inputs": dict(inputs)}
        self.nodes[name] = node | ({"_meta": {"title": title}} if title else {})
        return [[name, output] for output in range(3)]


def comfyui(source: Source) -> Writer:
    """See `Tool`.

    Raises:
        UserError: as for `replay_of`.
    """
    replay = replay_of(source, "ComfyUI", FAMILIES, plain=False)

    def write(folder: Path) -> list[str]:
        write_json(folder / "workflow.json", workflow(replay))
        nodes = folder / "custom_nodes" / f"seedscope_{replay.slug}"
        write_nodes(replay, nodes)
        return [
            f"workflow.json draws {replay.prompts[0]!r} with each of {len(replay.seeds)} seeds: open it in ComfyUI, or post "
            '{"prompt": ...} of it to /prompt.',
            _where(replay),
            f"Copy custom_nodes/{nodes.name} into ComfyUI/custom_nodes for the nodes Golden seed and Golden noise."
            + ("" if replay.recipe.plain else " The workflow needs them: no node of ComfyUI's own draws this noise."),
            *replay.notes,
        ]

    return write


def workflow(replay: Replay) -> Mapping[str, Json]:
    """A prompt in the API format: one picture a seed, all of the first prompt of the run."""
    graph = Graph()
    model, clip, vae = _loaded(graph, replay)
    positive = graph.add("CLIPTextEncode", "Prompt", text=replay.written(replay.prompts[0]), clip=clip)[0]
    negative = graph.add("CLIPTextEncode", "Negative prompt", text=replay.written(replay.negative_prompt), clip=clip)[0]
    cfg = replay.cfg
    if replay.family == "flux":
        positive, cfg = graph.add("FluxGuidance", conditioning=positive, guidance=replay.cfg)[0], 1.0
    empty = "EmptySD3LatentImage" if replay.family in _LARGE_LATENTS else "EmptyLatentImage"
    latent = graph.add(empty, width=replay.width, height=replay.height, batch_size=1)[0]
    drawing = _Drawing(model, positive, negative, latent, cfg)
    for turn, seed in enumerate(replay.seeds):
        drawn = (
            _sampled(graph, replay, drawing, seed) if replay.recipe.plain else _from_noise(graph, replay, drawing, turn)
        )
        picture = graph.add("VAEDecode", samples=drawn, vae=vae)[0]
        graph.add("SaveImage", images=picture, filename_prefix=f"seedscope/{replay.slug}_seed{seed}")
    return graph.nodes


@dataclass(frozen=True)
class _Drawing:
    """What all seeds are drawn with: links, and the guidance scale."""

    model: Link
    positive: Link
    negative: Link
    latent: Link
    cfg: float


def _sampled(graph: Graph, replay: Replay, drawing: _Drawing, seed: int) -> Link:
    sampler, scheduler = replay.sampler.comfyui
    return graph.add(
        "KSampler",
        f"Seed {seed}",
        model=drawing.model,
        seed=seed,
        steps=replay.steps,
        cfg=drawing.cfg,
        sampler_name=sampler,
        scheduler=scheduler,
        positive=drawing.positive,
        negative=drawing.negative,
        latent_image=drawing.latent,
        denoise=1.0,
    )[0]


def _from_noise(graph: Graph, replay: Replay, drawing: _Drawing, turn: int) -> Link:
    sampler, scheduler = replay.sampler.comfyui
    model, cfg = drawing.model, drawing.cfg
    guider = graph.add("CFGGuider", model=model, positive=drawing.positive, negative=drawing.negative, cfg=cfg)[0]
    return graph.add(
        "SamplerCustomAdvanced",
        f"Seed {replay.seeds[turn]}",
        noise=graph.add(f"SeedscopeGoldenNoise_{replay.slug}", turn=turn)[0],
        guider=guider,
        sampler=graph.add("KSamplerSelect", sampler_name=sampler)[0],
        sigmas=graph.add("BasicScheduler", model=model, scheduler=scheduler, steps=replay.steps, denoise=1.0)[0],
        latent_image=drawing.latent,
    )[0]


def _loaded(graph: Graph, replay: Replay) -> Sequence[Link]:
    """Links to the model, its text encoder and its autoencoder."""
    if checkpoint := _checkpoint(replay):
        model, clip, vae = graph.add("CheckpointLoaderSimple", ckpt_name=checkpoint)
    else:
        model, clip, vae = graph.add("DiffusersLoader", model_path=replay.model_name)
    if replay.velocity:
        model = graph.add("ModelSamplingDiscrete", model=model, sampling="v_prediction", zsnr=replay.zero_snr)[0]
    return model, clip, vae


def _checkpoint(replay: Replay) -> str | None:
    """The file that is loaded; None where it is a folder in the layout of diffusers, as ComfyUI reads of SD and SDXL."""
    if replay.is_single_file:
        return replay.model_name
    return f"{replay.model_name}.safetensors" if replay.family in _LARGE_LATENTS else None


def _where(replay: Replay) -> str:
    if checkpoint := _checkpoint(replay):
        return f"It loads {checkpoint} from ComfyUI/models/checkpoints: name your checkpoint of {replay.model} there."
    return (
        f"It loads the folder {replay.model_name} from ComfyUI/models/diffusers, which is {replay.model} in the layout of "
        "diffusers; of a checkpoint, put CheckpointLoaderSimple in its place."
    )


def write_nodes(replay: Replay, folder: Path) -> None:
    """Write the folder of custom nodes."""
    folder.mkdir(parents=True)
    shutil.copyfile(_NODES, folder / "__init__.py")
    seeds: Json = {
        "name": replay.name,
        "slug": replay.slug,
        "seeds": list(replay.seeds),
        "shape": list(replay.recipe.shape),
        "width": replay.width,
        "height": replay.height,
        "drawn": "cpu" if replay.recipe.plain else FILE,
    }
    write_json(folder / "seeds.json", seeds)
    if not replay.recipe.plain:
        write_latents(folder / FILE, replay.seeds, replay.recipe, {"model": replay.model})
