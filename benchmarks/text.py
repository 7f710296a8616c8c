"""Text in pictures: seedscope against `easyocr.Reader.readtext` in a loop; and, with --quality, against the truth.

    python benchmarks/text.py               images a second on the same enlarged pictures, and whether the answers are the same
    python benchmarks/text.py --quality     precision, recall and coverage on held-out renders and on generated pictures,
                                            of CRAFT and of the bundled segmentation model, with its seconds a picture

The speed is taken on rendered scenes, of which one in ten has a word (as in sprout's world) or one in two. `readtext` gets
them enlarged already, as arrays, with its default arguments; seedscope gets them small, in calls of 16 as the feature
stage makes them, and enlarges them itself. Both run on the same number of threads, turn and turn about. The ratio of CPU
seconds is the one to trust on a busy machine.

Of generated pictures nobody knows the truth: here, a picture has text where its caption asks for it and sprout's examiner
sees it, and none where neither holds. Those on which caption and examiner disagree are left out, and counted.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator

import easyocr
import numpy as np
import numpy.typing as npt
import torch
from easyocr_en_models import model_dir
from PIL import Image

from seedscope.analysis.features.text.text import Text, TextMeasurer
from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.autoencoder import to_tensor
from seedscope.jobs.sprout.examiner import load_examiner
from seedscope.jobs.sprout.judge.judge_pictures import Settings, draw, load
from seedscope.pipeline.models.locate import BUNDLED

CALL = 16
DETECTORS = ("craft", "sprout-layout/segmentation")
FIRST_SCENE = world.REFERENCE_SEEDS + (4 << 20)  # thresholds were chosen on other scenes
FIRST_SEED = 500_000
Pixels = npt.NDArray[np.uint8]
Answers = npt.NDArray[np.bool_]


def scenes(count: int, *, printed: bool) -> list[world.Scene]:
    """Held-out scenes with a printed word, or without."""
    drawn = (world.render(FIRST_SCENE + i) for i in range(count * 20))
    chosen = (scene for scene in drawn if (scene.word is not None) is printed)
    return [scene for scene, _ in zip(chosen, range(count), strict=False)]


def measured(text: TextMeasurer, pixels: Pixels) -> tuple[Answers, npt.NDArray[np.float64]]:
    """(whether there is text, its share) of each picture."""
    parts = [text.compute(pixels[i : i + CALL], [""] * len(pixels[i : i + CALL])) for i in range(0, len(pixels), CALL)]
    yes = [answer for part in parts for answer in part["text"].to_pylist()]
    return np.array(yes), np.concatenate([np.asarray(part["text_share"], np.float64) for part in parts])


def speed(side: int, count: int, rounds: int, half: bool) -> Iterator[str]:
    """A row a share of pictures with text: images a second of both, ratios, answers that differ."""
    text = Text(shorter_side=side, half=half).load("cpu")
    reader = easyocr.Reader(
        ["en"], gpu=False, model_storage_directory=model_dir(), download_enabled=False, verbose=False
    )
    for every in (10, 2):
        chosen = [*scenes(count // every, printed=True), *scenes(count - count // every, printed=False)]
        pixels = np.stack([scene.pixels for scene in chosen])
        large = [np.asarray(Image.fromarray(one).resize((side, side), Image.Resampling.BICUBIC)) for one in pixels]

        def ours(pixels: Pixels = pixels) -> Answers:
            return measured(text, pixels)[0]

        def theirs(large: list[Pixels] = large) -> Answers:
            return np.array([bool(reader.readtext(one)) for one in large])

        differing = int((ours() != theirs()).sum())
        seconds = np.array([[timed(ours), timed(theirs)] for _ in range(rounds)])
        wall, cpu = (seconds[:, 1] / seconds[:, 0]).T
        rates = count / np.median(seconds[..., 0], axis=0)
        yield (
            f"1 in {every:<3d}{rates[0]:10.1f}{rates[1]:10.1f}{spread(wall)}{spread(cpu)}   {differing} of {count} differ"
        )


def quality(side: int, half: bool, count: int) -> Iterator[str]:
    """Rows by kind of picture: both detectors on the same pictures."""
    detectors = {name: Text(name, shorter_side=side, half=half).load("cpu") for name in DETECTORS}
    printed, bare = scenes(count, printed=True), scenes(count, printed=False)
    renders, truth = np.stack([scene.pixels for scene in [*printed, *bare]]), np.arange(2 * count) < count
    areas = np.array([area(scene) for scene in [*printed, *bare]])
    for name, text in detectors.items():
        start = time.process_time()
        yes, shares = measured(text, renders)
        seconds = (time.process_time() - start) / len(renders)
        yield verdict(f"held-out renders, {name}", yes, truth)
        for title, some in (("renders with text", (shares - areas)[:count]), ("all renders", shares - areas)):
            yield f"  share, {title:50s}mean error {some.mean():+.3f}, absolute {np.abs(some).mean():.3f}"
        yield f"  {'CPU seconds a picture':52s}{seconds:.4f}"
    for model, settings in (("sprout-turbo", Settings(1, 0.0)), ("sprout", Settings(20, 3.0))):
        pictures, seen = generated(model, settings, count)
        for name, text in detectors.items():
            yield verdict(f"{model}, {len(seen)} of {2 * count}, {name}", measured(text, pictures)[0], seen)


def generated(model: str, settings: Settings, count: int) -> tuple[Pixels, Answers]:
    """(pictures, whether there is text) where caption and examiner agree, of 2 x `count` pictures."""
    captions = [f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in world.OBJECTS]
    asked = np.arange(2 * count) % 2 == 0
    cells = [
        (captions[i // 2 % len(captions)] + " with text" * bool(asked[i]), FIRST_SEED + i) for i in range(2 * count)
    ]
    pictures = list(draw(load(BUNDLED / model), cells, settings))
    seen = load_examiner().examine(to_tensor(pictures)).flags[:, 2].numpy()
    agreed = asked == seen
    return np.stack(pictures)[agreed], seen[agreed]


def verdict(title: str, yes: Answers, truth: Answers) -> str:
    right = (yes & truth).sum()
    counts = f"{truth.sum()} with, {(~truth).sum()} without text"
    return f"{title:54s}precision {right / max(yes.sum(), 1):.3f}   recall {right / truth.sum():.3f}   ({counts})"


def area(scene: world.Scene) -> float:
    """The share of a scene that its word's box covers; it is upright."""
    if scene.word_polygon is None:
        return 0.0
    (left, top), _, (right, bottom), _ = scene.word_polygon
    return (right - left) * (bottom - top)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """(wall seconds, CPU seconds of all threads) of work()."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def spread(ratios: npt.NDArray[np.float64]) -> str:
    return f"   {f'{np.median(ratios):.2f} x ({ratios.min():.2f} to {ratios.max():.2f})':22s}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quality", action="store_true", help="precision, recall and coverage instead of speed")
    parser.add_argument("--side", type=int, default=128, help="what the 64 x 64 pictures are enlarged to")
    parser.add_argument("--count", type=int, help="pictures (60), or scenes with and without text (200)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--full", action="store_true", help="CRAFT in float32 instead of bfloat16")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.simplefilter("ignore")
    if options.quality:
        for line in quality(options.side, not options.full, options.count or 200):
            print(line, flush=True)
        return
    print(f"{options.side} x {options.side}, {options.rounds} rounds, {options.threads} threads, images/s")
    print(f"{'text':8s}{'seedscope':>10s}{'readtext':>10s}   {'ratio':25s}ratio, CPU seconds")
    for line in speed(options.side, options.count or 60, options.rounds, not options.full):
        print(line, flush=True)


if __name__ == "__main__":
    main()
