"""Preference scores of prompts that repeat over seeds: seedscope against one picture at a time, the text encoded each time.

    python benchmarks/preference.py            sprout-clip, and HPS v2's layout at the size of open_clip's ViT-S-32-alt
    python benchmarks/preference.py --quick    sprout-clip alone

Against it stand what the model cards show: PickScore's lines (transformers: processor, both encoders, product), and
hpsv2/img_score.py (open_clip), once with the model held and once as `hpsv2.score(picture, prompt)` does it, which reads
its checkpoint at every call. All get the same pictures in memory, ordered by seed, then prompt, seedscope in calls of 16 as
the feature stage makes them. It is loaded anew before each round, unmeasured, so that the round pays for the texts. A loop
scores a part of the pictures right after seedscope scored all of them; the table gives the ratio's median and range over the
rounds. The ratio of CPU seconds is the one to trust on a busy machine.

What can be gained on a CPU against a loop that holds its model is bounded by arithmetic, since the image encoder runs once
a picture on both sides. It does 64 % of such a loop's multiplications at the size used here, and 88 % in ViT-H/14: leaving out
the texts alone gives at most 1.6 and 1.1 times, and the rest is batching.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import torch
import torchvision.transforms.functional as tv
from PIL import Image
from transformers import CLIPModel, CLIPProcessor

from seedscope.analysis.features.clip_score import ClipScore
from seedscope.analysis.features.hps import HPSv2
from seedscope.analysis.features.preference import Preference, Scorer
from seedscope.pipeline.models.locate import BUNDLED

CALL = 16
PROMPTS = [
    f"a {size} {colour} {thing} on grass"
    for size in ("small", "large")
    for colour in ("red", "blue")
    for thing in ("car", "cat", "tree", "house")
]
Picture = npt.NDArray[np.uint8]
One = Callable[[Picture, str], float]


@dataclass(frozen=True)
class Loop:
    """What one would write instead, and how many pictures it gets."""

    title: str
    one: One
    part: int


@dataclass(frozen=True)
class Case:
    """A feature, the loops that it stands against, the side of the pictures, seeds a prompt."""

    title: str
    feature: Preference
    loops: tuple[Loop, ...]
    side: int
    seeds: int


def transformers_loop(folder: str | Path) -> One:
    """One score as PickScore's model card shows it."""
    network, processor = CLIPModel.from_pretrained(folder).eval(), CLIPProcessor.from_pretrained(folder)
    fit = {"padding": True, "truncation": True, "return_tensors": "pt"}

    @torch.no_grad()
    def one(picture: Picture, prompt: str) -> float:
        images = processor(images=[Image.fromarray(picture)], return_tensors="pt")
        texts = processor(text=[prompt], **fit)
        image = network.get_image_features(**images).pooler_output
        text = network.get_text_features(texts.input_ids, texts.attention_mask).pooler_output
        image, text = image / image.norm(dim=-1, keepdim=True), text / text.norm(dim=-1, keepdim=True)
        return float((text @ image.T)[0])

    return one


def hpsv2_loop(checkpoint: Path, architecture: str, *, held: bool) -> One:
    """One score as hpsv2/img_score.py computes it; where not `held`, it reads the checkpoint first, as there."""
    network: Any = open_clip.CLIP(**open_clip.get_model_config(architecture), output_dict=True)

    def read() -> None:
        network.load_state_dict(torch.load(checkpoint, weights_only=True)["state_dict"])

    @torch.no_grad()
    def one(picture: Picture, prompt: str) -> float:
        if not held:
            read()
        image = tv.resize(tv.to_tensor(Image.fromarray(picture)), [224, 224], tv.InterpolationMode.BICUBIC)
        image = tv.normalize(image, list(open_clip.OPENAI_DATASET_MEAN), list(open_clip.OPENAI_DATASET_STD))
        found = network(image[None], open_clip.tokenize([prompt]))
        return float(torch.diagonal(found["image_features"] @ found["text_features"].T)[0])

    read()
    network.eval()
    return one


def cases(quick: bool, folder: Path) -> Iterator[Case]:
    card = Loop("PickScore's card", transformers_loop(BUNDLED / "sprout-clip"), 32)
    yield Case("clip_score, sprout-clip, 64 x 64", ClipScore("sprout-clip"), (card,), 64, 16)
    if quick:
        return
    checkpoint, architecture = folder / "random.pt", "ViT-S-32-alt"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = open_clip.CLIP(**open_clip.get_model_config(architecture)).state_dict()
    torch.save({"state_dict": state}, checkpoint)
    loops = (
        Loop("hpsv2, model held", hpsv2_loop(checkpoint, architecture, held=True), 8),
        Loop("hpsv2.score", hpsv2_loop(checkpoint, architecture, held=False), 2),
    )
    feature = HPSv2(weights=str(checkpoint), architecture=architecture)
    yield Case(f"hps_v2, {architecture}, 512 x 512", feature, loops, 512, 8)


def measure(case: Case, rounds: int) -> Iterator[str]:
    """A row a loop: images a second of both, their ratio on the wall and on the CPU, largest difference of the scores."""
    prompts = PROMPTS * case.seeds
    pixels = np.random.default_rng(0).integers(0, 256, (len(prompts), case.side, case.side, 3), dtype=np.uint8)

    def ours(scorer: Scorer) -> npt.NDArray[np.float32]:
        calls = [slice(start, start + CALL) for start in range(0, len(prompts), CALL)]
        return np.concatenate([scorer.compute(pixels[c], prompts[c])[case.feature.name] for c in calls])

    def theirs(loop: Loop) -> npt.NDArray[np.float32]:
        return np.array([loop.one(pixels[i], prompts[i]) for i in range(loop.part)], np.float32)

    scores = ours(case.feature.load("cpu"))
    differences = [np.abs(scores[: loop.part] - theirs(loop)).max() for loop in case.loops]
    seconds = np.array(
        [
            [
                timed(partial(ours, case.feature.load("cpu"))) / len(prompts),
                *(timed(partial(theirs, loop)) / loop.part for loop in case.loops),
            ]
            for _ in range(rounds)
        ]
    )
    yield f"{case.title:36s}{1 / np.median(seconds[:, 0, 0]):9.1f}"
    for loop, difference, (wall, cpu) in zip(
        case.loops, differences, (seconds[:, 1:] / seconds[:, :1]).transpose(1, 2, 0), strict=True
    ):
        rate = 1 / (np.median(wall) * np.median(seconds[:, 0, 0]))
        yield f"  {loop.title:34s}{rate:9.1f}{spread(wall)}{spread(cpu)}   {difference:.0e}"


def timed(work: Callable[[], object]) -> npt.NDArray[np.float64]:
    """(wall seconds, CPU seconds of all threads) of work()."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return np.array([time.perf_counter() - wall, time.process_time() - cpu])


def spread(ratios: npt.NDArray[np.float64]) -> str:
    text = f"{np.median(ratios):.2f} x ({ratios.min():.2f} to {ratios.max():.2f})"
    return f"   {text:22s}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the small model alone")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{len(PROMPTS)} prompts, {arguments.rounds} rounds, {torch.get_num_threads()} threads")
    print(f"{'':37s}images/s   {'ratio':25s}{'ratio, CPU seconds':25s}difference")
    with tempfile.TemporaryDirectory() as folder:
        for case in cases(arguments.quick, Path(folder)):
            for line in measure(case, arguments.rounds):
                print(line, flush=True)


if __name__ == "__main__":
    main()
