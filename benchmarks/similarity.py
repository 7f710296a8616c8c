"""What similarity guidance gains and what it pays, on sprout: guided towards each prompt's own text, and towards another's.

    python benchmarks/similarity.py                12 prompts x 4 seeds, five minutes of a processor
    python benchmarks/similarity.py --only others  golden seeds, best of N and a negative prompt alone, two minutes
    python benchmarks/similarity.py --sheet FILE   also a sheet: a row a way of drawing, a column a picture

Every way draws the same cells, prompts and seeds that chose nothing. `guided` is the measure that guidance goes by (the cosine
of sprout-clip with the prompt), `told` the share in which the examiner, a network that shares nothing with it, sees the object,
colour or place that the prompt names, `FD` the Frechet distance to the bundled real pictures in the 32 widest directions of
EfficientNet-Lite0's features, then the looks. All but the first row are differences from it, paired by cell, with 95 %
intervals over prompts (Student's t of the prompts' means; of FD 500 resamples of the prompts). `cost` is processor time in
plain pictures. Best of N: of N seeds of a prompt the picture with the highest guided measure, the mean over all choices of N.
Golden: the four of 16 other seeds with the highest guided measure over eight other prompts, whose pictures are paid once.

The null: guided towards another prompt's text, the measure of the own text is not to rise.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from scipy import stats

from seedscope.analysis.features import feature
from seedscope.analysis.features.real_images import RealImages
from seedscope.analysis.seeds.distances.frechet import Reference, frechet_distance
from seedscope.analysis.seeds.distances.moments import moments
from seedscope.jobs.sprout.autoencoder import to_tensor
from seedscope.jobs.sprout.examiner import COLOURS, OBJECTS, PLACES, Examiner, load_examiner
from seedscope.jobs.sprout.judge.distance import features
from seedscope.jobs.sprout.judge.judge_pictures import Question, questions
from seedscope.pipeline.drawing.draw import Drawing
from seedscope.pipeline.drawing.tasks.text_to_image import TextToImage
from seedscope.pipeline.images import decode
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.schema import Study

SEEDS = (9001, 9002, 9003, 9004)
LOOKS = ("sharpness", "saturation", "contrast")
MEASURES = ("guided", "told", *LOOKS)
OTHER = "a blue train at night"
NEGATIVE = "text, a border, grey"
CHOSEN_FROM, CHOSEN_ON = range(16), 8
Values = npt.NDArray[np.float64]
"""(prompts, seeds)."""


class Way(NamedTuple):
    """A way of drawing: its name, and what its study has under `guidance` beside the scale."""

    name: str
    guidance: dict[str, Any]


PLAIN = Way("plain", {})


def guided_ways() -> list[Way]:
    def towards(text: str, strength: float, through: str = "network") -> dict[str, Any]:
        like = {"to": {"text": text}, "by": "sprout-clip", "strength": strength, "through": through}
        return {"similarity": like}

    return [
        *(Way(f"own text, {strength}", towards("{prompt}", strength)) for strength in (0.1, 0.2, 0.5)),
        Way("own text, 0.5, decoder", towards("{prompt}", 0.5, "decoder")),
        Way("another text, 0.5", towards(OTHER, 0.5)),
    ]


def draw(way: Way, prompts: list[str], seeds: Sequence[int] = SEEDS) -> tuple[npt.NDArray[np.uint8], float]:
    """Pictures (prompts, seeds, 64, 64, 3), and the seconds of processor time of one."""
    study = Study.model_validate(
        {
            "name": "similarity",
            "model": "sprout",
            "sampling": {"steps": 20, "guidance": {"scale": 3.0} | way.guidance},
            "compute": {"device": "cpu"},
            "prompts": prompts,
            "seeds": list(seeds),
        }
    )
    task = TextToImage(study.prompts)
    drawing = Drawing(study, locate(study.model), task)
    pictures, seconds = [], 0.0
    for prompt in task.prompts():
        unit = Unit.crossed("u", (prompt,), tuple(seeds))
        drawing.begin(unit)
        start = time.process_time()
        pixels, _ = drawing.draw(list(unit.cells))
        seconds += time.process_time() - start
        pictures.append(pixels.numpy())
    return np.stack(pictures), seconds / len(prompts) / len(seeds)


class Judges:
    """What is measured on pictures of the questions, each by its name: (prompts, seeds)."""

    def __init__(self, asked: list[Question]) -> None:
        self._asked = asked
        self._texts = [question.prompt for question in asked for _ in SEEDS]
        self._examiner: Examiner = load_examiner()
        self._looks = feature("looks").load("cpu")
        self._clip = feature("clip_score", model="sprout-clip").load("cpu")
        real = RealImages.named("sprout")
        table = real.read(real.units()[0])
        pictures = [decode(row["bytes"]) for row in table["image"].to_pylist()]
        rows = features(pictures)
        self._centre = rows.mean(axis=0)
        self._widest = np.linalg.svd(rows - self._centre, full_matrices=False)[2][:32].T
        self._reference = Reference.of(moments(self._narrow(rows)))

    def _narrow(self, rows: Values) -> Values:
        found: Values = (rows - self._centre) @ self._widest
        return found

    def scores(self, pictures: npt.NDArray[np.uint8]) -> dict[str, Values]:
        """The measures that every picture has: of the guided one, what the examiner sees, the looks."""
        flat, shape = pictures.reshape(-1, *pictures.shape[2:]), pictures.shape[:2]
        columns: dict[str, Any] = {
            "guided": self.guided(pictures, [question.prompt for question in self._asked]),
            "told": self._told(flat),
        } | {name: column for name, column in self._looks.compute(flat, self._texts).items() if name in LOOKS}
        return {name: np.asarray(column, np.float64).reshape(shape) for name, column in columns.items()}

    def guided(self, pictures: npt.NDArray[np.uint8], prompts: list[str]) -> Values:
        """The cosine with the prompt; pictures (prompts, seeds, 64, 64, 3) of any prompts and seeds."""
        texts = [prompt for prompt in prompts for _ in range(pictures.shape[1])]
        scores = self._clip.compute(pictures.reshape(-1, *pictures.shape[2:]), texts)["clip_score"]
        return np.asarray(scores, np.float64).reshape(pictures.shape[:2])

    def _told(self, flat: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Of what a prompt names, object and colour or place, the share that is seen."""
        seen = self._examiner.examine(to_tensor(list(flat)))
        shares = []
        for place, question in enumerate(q for q in self._asked for _ in SEEDS):
            right = [seen.objects[place] == OBJECTS.index(question.object)]
            if question.colour is not None:
                right.append(seen.colours[place] == COLOURS.index(question.colour))
            if question.place is not None:
                right.append(seen.places[place] == PLACES.index(question.place))
            shares.append(np.mean([bool(each) for each in right]))
        return np.array(shares)

    def vectors(self, pictures: npt.NDArray[np.uint8]) -> Values:
        """(prompts, seeds, 32): what Frechet distances are taken of."""
        narrow = self._narrow(features(list(pictures.reshape(-1, *pictures.shape[2:]))))
        return narrow.reshape(*pictures.shape[:2], -1)

    def distance(self, vectors: Values) -> float:
        return frechet_distance(moments(vectors.reshape(-1, vectors.shape[-1])), self._reference) or np.nan


def paired(values: Values, plain: Values) -> str:
    """The mean difference with its interval over prompts; values (prompts, seeds)."""
    of_prompts = (values - plain).mean(axis=1)
    half = stats.t.ppf(0.975, len(of_prompts) - 1) * of_prompts.std(ddof=1) / len(of_prompts) ** 0.5
    return f"{of_prompts.mean():+.3f} ±{half:.3f}"


def resampled(distance: Callable[[Values], float], vectors: Values, plain: Values) -> str:
    """The difference of two distances with its interval over resampled prompts."""
    rng = np.random.default_rng(0)
    chosen = [rng.integers(0, len(plain), len(plain)) for _ in range(500)]
    low, high = np.quantile([distance(vectors[each]) - distance(plain[each]) for each in chosen], [0.025, 0.975])
    return f"{distance(vectors) - distance(plain):+.2f} [{low:+.2f}, {high:+.2f}]"


def best_of(n: int, scores: dict[str, Values]) -> dict[str, Values]:
    """The measures of the best of n seeds by the guided one, mean over all choices: (prompts, 1)."""
    prompts = np.arange(len(scores["guided"]))
    taken = []
    for some in combinations(range(len(SEEDS)), n):
        best = np.array(some)[scores["guided"][:, list(some)].argmax(axis=1)]
        taken.append({name: values[prompts, best] for name, values in scores.items()})
    return {name: np.mean([each[name] for each in taken], axis=0)[:, None] for name in scores}


def golden(judges: Judges, prompts: list[str]) -> list[int]:
    """As many seeds as `SEEDS`, of others, that are best by the guided measure over prompts that are not judged."""
    pictures, _ = draw(PLAIN, prompts, CHOSEN_FROM)
    means = judges.guided(pictures, prompts).mean(axis=0)
    return [int(place) for place in np.argsort(-means)[: len(SEEDS)]]


class Rows:
    """The table as it is printed, a row a way, and the first seed's pictures of each."""

    def __init__(self, judges: Judges, prompts: list[str]) -> None:
        self._judges, self._prompts = judges, prompts
        pictures, self._one = draw(PLAIN, prompts)
        self.plain, self._vectors = judges.scores(pictures), judges.vectors(pictures)
        self.pictures = [pictures]
        print(f"{'':24}{'cost':>6}{''.join(f'{name:>16}' for name in MEASURES)}{'FD':>24}")
        line = "".join(f"{self.plain[name].mean():16.3f}" for name in MEASURES)
        print(f"{'plain':24}{1:6.2f}{line}{judges.distance(self._vectors):24.2f}", flush=True)

    def of_way(self, way: Way, seeds: Sequence[int] = SEEDS) -> None:
        pictures, seconds = draw(way, self._prompts, seeds)
        vectors = self._judges.vectors(pictures)
        distance = resampled(self._judges.distance, vectors, self._vectors)
        self.of_scores(way.name, seconds / self._one, self._judges.scores(pictures), distance)
        self.pictures.append(pictures)

    def of_scores(self, name: str, cost: float, scores: dict[str, Values], distance: str = "") -> None:
        """Scores (prompts, seeds): paired by cell, or, where there is one of a prompt, with the mean of its plain ones."""
        plain = self.plain
        if scores["guided"].shape != plain["guided"].shape:
            plain = {key: values.mean(axis=1, keepdims=True) for key, values in plain.items()}
        line = "".join(f"{paired(scores[key], plain[key]):>16}" for key in MEASURES)
        print(f"{name:24}{cost:6.2f}{line}{distance:>24}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=12, choices=range(2, 97), metavar="2..96")
    parser.add_argument("--only", choices=("guided", "others"))
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    whole = questions()
    every = len(whole) // options.prompts
    asked, apart = whole[5::every][: options.prompts], whole[2 :: len(whole) // CHOSEN_ON][:CHOSEN_ON]
    judges = Judges(asked)
    print(f"{len(asked)} prompts x {len(SEEDS)} seeds of sprout, 20 steps: {'; '.join(q.prompt for q in asked)}")
    rows = Rows(judges, [question.prompt for question in asked])
    for way in guided_ways() if options.only != "others" else []:
        rows.of_way(way)
    if options.only != "guided":
        for n in (2, 3, 4):
            rows.of_scores(f"plain, best of {n}", n, best_of(n, rows.plain))
        rows.of_way(Way("negative prompt", {"negative_prompt": NEGATIVE}))
        rows.of_way(Way("golden seeds", {}), golden(judges, [q.prompt for q in apart if q not in asked]))
    if options.sheet is not None:
        sheet = Image.fromarray(np.concatenate([np.concatenate(list(each[:, 0]), axis=1) for each in rows.pictures]))
        sheet.resize((sheet.width * 2, sheet.height * 2), Image.Resampling.NEAREST).save(options.sheet)


if __name__ == "__main__":
    main()
