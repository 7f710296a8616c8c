"""Train sprout-layout: where the object is (semantic segmentation) and what is nearer (depth), learned from renders.

    python -m seedscope.jobs.sprout.layout_networks segmentation --minutes 53 --workers 1
    python -m seedscope.jobs.sprout.layout_networks depth --minutes 20 --workers 1

Half of the pictures are blurred and all are a little noisy, because the models are to read generated pictures, whose
outlines are soft. One scene in sixteen has no object. A training goes on from the checkpoint that it finds; at its end
the model is written to `--out` as a folder of stock classes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.autoencoder import to_tensor
from seedscope.jobs.sprout.examiner import EMPTY_EVERY, blurred
from seedscope.jobs.sprout.folders import write_folder
from seedscope.jobs.sprout.training import Budget, Recipe, Task, command_line, load_means, step_generator, train

# transformers is typed only in part: its classes are taken as untyped here.
DPTImageProcessor: Any = transformers.DPTImageProcessor
GLPNConfig: Any = transformers.GLPNConfig
GLPNForDepthEstimation: Any = transformers.GLPNForDepthEstimation
SegformerForSemanticSegmentation: Any = transformers.SegformerForSemanticSegmentation
SegformerImageProcessor: Any = transformers.SegformerImageProcessor

LABELS = ("background", *world.OBJECTS, "text", "border")
TEXT, BORDER = LABELS.index("text"), LABELS.index("border")
FIRST_SCENES = {"segmentation": (1 << 38) + (6 << 34), "depth": (1 << 38) + (7 << 34)}
SETTLING_SCENES = 1024  # how many set the statistics of the normalisation layers
BATCH = 32
RECIPE = Recipe(peak_rate=1e-3, warmup=100, hold=0.4, weight_decay=0.01, ema=0.998, muon_factor=4.0)

Labels = npt.NDArray[np.int64]


def new_segmenter() -> Any:
    """`SegformerForSemanticSegmentation`, 0.6 M parameters: float [n, 3, 64, 64] in -1..1 to scores [n, 43, 32, 32].

    Deviation from the published sizes: the first stride is 2, so that scores come at half of the picture's resolution;
    enlarged they can follow a mask to an IoU of 0.96, where a quarter would end at 0.91.
    """
    config = transformers.SegformerConfig(
        hidden_sizes=(24, 48, 96, 128),
        depths=(1, 2, 2, 1),
        sr_ratios=(4, 2, 1, 1),
        patch_sizes=(5, 3, 3, 3),
        strides=(2, 2, 2, 2),
        num_attention_heads=(1, 2, 3, 4),
        mlp_ratios=(2, 2, 3, 3),
        decoder_hidden_size=48,
        drop_path_rate=0.0,  # what is dropped is drawn from a global state, and a resumed run would differ
        classifier_dropout_prob=0.0,
        id2label=dict(enumerate(LABELS)),
        label2id={label: i for i, label in enumerate(LABELS)},
    )
    return SegformerForSemanticSegmentation(config)


def new_depth_model() -> Any:
    """`GLPNForDepthEstimation`, 0.6 M parameters: float [n, 3, 64, 64] in -1..1 to nearness [n, 64, 64] in 0..1."""
    config = GLPNConfig(
        hidden_sizes=(32, 48, 96, 128),
        depths=(1, 2, 2, 1),
        sr_ratios=(2, 1, 1, 1),
        num_attention_heads=(1, 2, 3, 4),
        mlp_ratios=(2, 2, 3, 3),
        decoder_hidden_size=24,
        drop_path_rate=0.0,
        max_depth=1,
        depth_estimation_type="relative",  # nearness, where GLPN gives metres
    )
    return GLPNForDepthEstimation(config)


def _preparation() -> dict[str, Any]:
    """Pictures of any size to 64 x 64 in -1..1; those of 64 x 64 are only rescaled."""
    return {"size": {"height": world.SIDE, "width": world.SIDE}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}


def semantic_labels(scene: world.Scene) -> Labels:
    """int64 [64, 64]: the index in LABELS of what is seen at each pixel."""
    of_object = 0 if scene.object is None else LABELS.index(scene.object)
    chosen: Labels = np.choose(scene.layers, [0, of_object, TEXT, BORDER]).astype(np.int64)
    return chosen


def soft_scenes(name: str, step: int, rank: int, workers: int, seed: int) -> tuple[Tensor, list[world.Scene]]:
    """A worker's share of a step: pictures float32 [n, 3, 64, 64] around -1..1, and the scenes that they show."""
    first = FIRST_SCENES[name] + step * BATCH
    chosen = range(rank, BATCH, workers)
    scenes = [world.render(first + i, training=True, empty=(first + i) % EMPTY_EVERY == 0) for i in chosen]
    generator = step_generator(seed, step * workers + rank)
    return blurred(to_tensor([scene.pixels for scene in scenes]), generator), scenes


def enlarged(scores: Tensor) -> Tensor:
    """float32 [n, c, h, h] to [n, c, 64, 64], bilinear, as two products with a matrix, whose gradient is cheap."""
    side = scores.shape[-1]
    rows = functional.interpolate(torch.eye(side)[None, None], size=(world.SIDE, side), mode="bilinear")[0, 0]
    return rows @ scores @ rows.T


@dataclass
class SegmentationTask:
    """Cross entropy of every pixel's label."""

    seed: int
    recipe: Recipe = RECIPE

    def __post_init__(self) -> None:
        self.model = new_segmenter()
        self.model.set_attn_implementation("eager")  # its backward pass is faster than the fused one's

    def models(self) -> Mapping[str, nn.Module]:
        return {"model": self.model}

    def loss(self, step: int, progress: float, rank: int, workers: int) -> Tensor:
        del progress
        pictures, scenes = soft_scenes("segmentation", step, rank, workers, self.seed)
        truth = torch.from_numpy(np.stack([semantic_labels(scene) for scene in scenes]))
        with torch.autocast("cpu", torch.bfloat16):
            scores = self.model(pictures).logits
        return functional.cross_entropy(enlarged(scores.float()), truth)


@dataclass
class DepthTask:
    """Absolute error of nearness."""

    seed: int
    recipe: Recipe = RECIPE

    def __post_init__(self) -> None:
        self.model = new_depth_model()

    def models(self) -> Mapping[str, nn.Module]:
        return {"model": self.model}

    def loss(self, step: int, progress: float, rank: int, workers: int) -> Tensor:
        del progress
        pictures, scenes = soft_scenes("depth", step, rank, workers, self.seed)
        truth = torch.from_numpy(np.stack([scene.nearness for scene in scenes]))
        with torch.autocast("cpu", torch.bfloat16):
            nearness = self.model(pictures).predicted_depth
        return functional.l1_loss(nearness.float(), truth)


@dataclass(frozen=True)
class Kind:
    """A model of the layout: how it is built, trained and prepared for."""

    new_model: Callable[[], Any]
    task: Callable[[int], Task]
    processor: Any


KINDS = {
    "segmentation": Kind(new_segmenter, SegmentationTask, SegformerImageProcessor(**_preparation())),
    "depth": Kind(new_depth_model, DepthTask, DPTImageProcessor(**_preparation())),
}


@torch.no_grad()
def settle(model: nn.Module, name: str) -> None:
    """Take the statistics of the normalisation layers over soft scenes anew: the weights are means over many steps."""
    layers = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain mean over all batches
    model.train()
    for step in range(SETTLING_SCENES // BATCH):
        model(soft_scenes(name, step, 0, 1, seed=1)[0])
    model.eval()


def export(name: str, checkpoint: Path, out: Path) -> int:
    """Write the checkpoint's mean weights as a folder of stock classes; how many steps they were trained for."""
    model = KINDS[name].new_model()
    steps = load_means(checkpoint, {"model": model})
    settle(model, name)
    write_folder(out, model, KINDS[name].processor)
    return steps


def main() -> None:
    parser = command_line(__doc__, None)
    parser.add_argument("name", choices=KINDS, help="which model")
    parser.add_argument("--out", type=Path, help="the model's folder; default pipeline/sprout/sprout-layout/NAME")
    options = parser.parse_args()
    folder = options.folder or Path("training") / options.name
    build = partial(KINDS[options.name].task, options.seed)
    train(build, Budget(options.minutes, options.steps), folder, options.workers)
    out = options.out or Path("pipeline/sprout/sprout-layout") / options.name
    torch.set_num_threads(1)
    print(f"{out}: {export(options.name, folder / 'checkpoint.pt', out)} steps")


if __name__ == "__main__":
    main()
