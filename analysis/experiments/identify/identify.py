"""The experiment: a classifier of seeds, its nulls and what it goes by, on prompts that were held out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from seedscope.analysis.experiments.identify.ablations import ABLATIONS, OBJECT, block_means, without_object
from seedscope.analysis.experiments.identify.accuracy import Accuracy, accuracy, confusion
from seedscope.analysis.experiments.identify.attention_maps import attention_maps
from seedscope.analysis.experiments.identify.crossed_pictures import CrossedPictures
from seedscope.analysis.experiments.identify.held_out import held_out, nested
from seedscope.analysis.experiments.identify.likeness import Likeness, coarse_cosines, likeness
from seedscope.analysis.experiments.identify.linear_probe import linear_probe
from seedscope.analysis.experiments.identify.network import SeedClassifier, classifier
from seedscope.analysis.experiments.identify.training import Budget, Training, as_input
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.schema import fingerprint

Pixels = npt.NDArray[np.uint8]
Masks = Callable[[int], npt.NDArray[np.bool_]]
"""Place of a prompt -> (S, H, W), where the object of each seed's picture is; nothing where none was found."""
PARTS = {"whole": 0.45, "shuffled": 0.12, "an eighth": 0.1, "a quarter": 0.13, "half": 0.2}
"""What is trained, and its share of the time."""
CURVE = {"an eighth": 1 / 8, "a quarter": 1 / 4, "half": 1 / 2}
BATCH = 256
BLOCK_MEANS, MEASUREMENTS = "8 x 8 block means, linear", "measurements of the run, linear"


@dataclass(frozen=True)
class Identified:
    """Whether S seeds are told from their pictures of Q held-out prompts.

    whole: by whole pictures. shuffled: of a classifier that learnt labels shuffled within prompts. linear: what was given to
    a linear classifier -> its accuracy. curve: prompts learnt from -> accuracy, the most last; linear_curve: the same of a
    linear classifier of 8 x 8 block means, which no time limits. ablated: what was taken away
    -> accuracy of `whole` without it. of_seed: (S,), share of the pictures of each seed that were told. taken_for: (S, S),
    the mean chance given to each seed, a row a seed. likeness: of that with the seeds' noise; None where that is unknown.
    maps: (S, h, w) in logits, what each place says for a seed, less the mean over seeds. means: (S, H, W, 3) uint8, mean of
    the held-out pictures of each seed. learnt, tried: numbers of prompts. epochs: of `whole`.
    """

    seeds: Sequence[int]
    whole: Accuracy
    shuffled: Accuracy
    linear: Mapping[str, Accuracy]
    curve: Mapping[int, Accuracy]
    linear_curve: Mapping[int, Accuracy]
    ablated: Mapping[str, Accuracy]
    of_seed: npt.NDArray[np.float64]
    taken_for: npt.NDArray[np.float64]
    likeness: Likeness | None
    maps: npt.NDArray[np.float32]
    means: Pixels
    learnt: int
    tried: int
    epochs: float


@dataclass(frozen=True)
class Given:
    """What is known beside the pictures.

    measurements: (P, S, D) of the run, NaN where missing; None where nothing was measured. latents: (S, C, h, w) float32, the
    seeds' initial noise; None where nobody knows it. masks: of the objects; None where they were not measured.
    """

    measurements: npt.NDArray[np.float32] | None = None
    latents: npt.NDArray[np.float32] | None = None
    masks: Masks | None = None


def identify(
    pictures: CrossedPictures,
    given: Given,
    folder: Path,
    seconds: float,
    device: str = "cpu",
    *,
    epochs: float = 60.0,
    told: Callable[[str, float], object] = lambda *_: None,
) -> Identified:
    """Train, within so many seconds, and try. Killed, it goes on with the training where it was.

    Args:
        folder: where the state of each training is kept.
        epochs: the most that a picture is learnt from.
        told: is called with what is trained and how far that is, 0 to 1.

    Raises:
        UserError: there is one seed, or the prompts stand in too few groups.
    """
    if len(pictures.seeds) < 2:
        raise UserError("the run has one seed: there is none to tell it from. Take two at least.")
    groups = pictures.groups
    learnt, tried = held_out(groups, np.random.default_rng(0))
    shape = pictures.pixels.shape[:2]
    labels = np.broadcast_to(np.arange(shape[1]), shape)
    shuffled = np.random.default_rng(1).permuted(np.array(labels), axis=1)
    made_from = fingerprint(
        {"pictures": pictures.mark, "learnt": [pictures.prompts[at].id for at in learnt], "epochs": epochs}
    )
    some = {name: nested(groups, learnt, share, np.random.default_rng(2)) for name, share in CURVE.items()}

    def trained(part: str) -> tuple[SeedClassifier, Training]:
        network = classifier((pictures.pixels.shape[2], pictures.pixels.shape[3]), shape[1]).to(device)
        training = Training(
            network,
            pictures.pixels,
            some.get(part, learnt),
            shuffled if part == "shuffled" else labels,
            folder / f"{part.replace(' ', '-')}.pt",
            made_from,
        )
        training.run(Budget(seconds * PARTS[part], epochs), lambda progress: told(part, progress))
        return network.eval(), training

    tried_groups = [groups[at] for at in tried]

    def scored(network: SeedClassifier, change: Callable[[Pixels, int], Pixels] | None = None) -> Accuracy:
        places = [logits.argmax(1) for _, logits in _read(network, pictures.pixels, tried, change)]
        return accuracy(np.stack(places), tried_groups)

    curve = {len(some[part]): scored(trained(part)[0]) for part in CURVE}
    null = scored(trained("shuffled")[0])
    network, training = trained("whole")
    told("looking", 0.0)
    found = _looked(network, pictures.pixels, tried)
    whole = accuracy(found.told, tried_groups)
    changes = {name: _of_pictures(change) for name, change in ABLATIONS.items()}
    if given.masks is not None:
        masks = given.masks
        changes[OBJECT] = lambda some, at: without_object(some, masks(at))
    ablated = {}
    for number, (name, change) in enumerate(changes.items(), 1):
        ablated[name] = scored(network, change)
        told("looking", number / len(changes))
    numbers = _numbers(pictures.pixels, given)
    coarse = numbers[BLOCK_MEANS]

    def by_numbers(rows: npt.NDArray[np.float32], prompts: npt.NDArray[np.intp]) -> Accuracy:
        return accuracy(linear_probe(rows[prompts], rows[tried]), tried_groups)

    by_likeness = None
    if given.latents is not None:
        by_likeness = likeness(found.taken_for, coarse_cosines(given.latents), np.random.default_rng(3))
    return Identified(
        seeds=pictures.seeds,
        whole=whole,
        shuffled=null,
        linear={name: by_numbers(rows, learnt) for name, rows in numbers.items()},
        curve={**curve, len(learnt): whole},
        linear_curve={len(each): by_numbers(coarse, each) for each in (*some.values(), learnt)},
        ablated=ablated,
        of_seed=(found.told == np.arange(shape[1])).mean(axis=0),
        taken_for=found.taken_for,
        likeness=by_likeness,
        maps=found.maps - found.maps.mean(axis=0),
        means=found.means,
        learnt=len(learnt),
        tried=len(tried),
        epochs=training.epochs,
    )


@dataclass(frozen=True)
class _Looked:
    """What a classifier says of pictures of Q prompts: told (Q, S), taken_for (S, S), maps (S, h, w), means (S, H, W, 3)."""

    told: npt.NDArray[np.int64]
    taken_for: npt.NDArray[np.float64]
    maps: npt.NDArray[np.float32]
    means: Pixels


def _looked(network: SeedClassifier, pixels: Pixels, tried: npt.NDArray[np.intp]) -> _Looked:
    seeds = np.arange(pixels.shape[1])
    told, taken, maps, sums = [], np.zeros((len(seeds), len(seeds))), None, np.zeros(pixels.shape[1:], np.float64)
    for at, logits in _read(network, pixels, tried, None):
        told.append(logits.argmax(1))
        chances = torch.from_numpy(logits).softmax(1).numpy()
        taken += confusion(chances, seeds)
        of_prompt = np.concatenate(
            [
                attention_maps(network, pictures, places).cpu().numpy()
                for pictures, places in _batches(network, pixels[at], seeds)
            ]
        )
        maps = of_prompt if maps is None else maps + of_prompt
        sums += pixels[at]
    assert maps is not None
    means = np.round(sums / len(tried)).astype(np.uint8)
    return _Looked(np.stack(told), taken / len(tried), (maps / len(tried)).astype(np.float32), means)


def _read(
    network: SeedClassifier,
    pixels: Pixels,
    tried: npt.NDArray[np.intp],
    change: Callable[[Pixels, int], Pixels] | None,
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Place of a prompt, and (S, S) logits of its pictures, one a row, after a change."""
    for at in tried:
        some = pixels[at] if change is None else change(np.asarray(pixels[at]), int(at))
        with torch.inference_mode():
            parts = [network(pictures) for pictures, _ in _batches(network, some, np.arange(len(some)))]
        yield int(at), torch.cat(parts).float().cpu().numpy()


def _batches(
    network: SeedClassifier, some: Pixels, places: npt.NDArray[np.intp]
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    device = next(network.parameters()).device
    for start in range(0, len(some), BATCH):
        part = slice(start, start + BATCH)
        yield as_input(some[part], device), torch.from_numpy(places[part]).to(device)


def _of_pictures(change: Callable[[Pixels], Pixels]) -> Callable[[Pixels, int], Pixels]:
    """A change that does not ask of which prompt the pictures are."""
    return lambda pictures, _: change(pictures)


def _numbers(pixels: Pixels, given: Given) -> dict[str, npt.NDArray[np.float32]]:
    """What linear classifiers are given: name -> (P, S, D)."""
    coarse = np.stack([block_means(pixels[at]).reshape(pixels.shape[1], -1) for at in range(len(pixels))])
    known = {} if given.measurements is None else {MEASUREMENTS: given.measurements}
    return {BLOCK_MEANS: coarse, **known}
