"""The same seeds on another machine: a sample of a run's pictures drawn again here, and compared value by value."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import pyarrow as pa
import torch

from seedscope.analysis.features.likeness import as_tensor, psnr, ssim
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.select.golden import GoldenSeeds
from seedscope.pipeline.drawing import noise
from seedscope.pipeline.drawing.draw import Drawing
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.images import Pixels, decode
from seedscope.pipeline.models.device import gpu_memory_ran_out, pick_device
from seedscope.pipeline.running.machine import machine
from seedscope.pipeline.study.plan import Cell, Unit, by_sets
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables.receipts import Receipt


@dataclass(frozen=True)
class Batch:
    """Cells of a unit that were drawn together, in the order in which they were."""

    unit: Unit
    receipt: Receipt
    cells: Sequence[Cell]

    @property
    def size(self) -> int:
        return len(self.cells)

    @property
    def places(self) -> list[int]:
        """Where they stand among the cells of the unit."""
        place = {cell: number for number, cell in enumerate(self.unit.cells)}
        return [place[cell] for cell in self.cells]


@dataclass(frozen=True)
class Picture:
    """A cell drawn again.

    same: every value of every pixel is; of a cell that failed, that it fails here too. largest, mean: absolute difference of
    the values (0 .. 255); psnr: in dB; ssim: structural similarity, up to 1. None where there is no difference, or one of
    the two pictures failed.
    """

    prompt_id: str
    seed: int
    same: bool
    largest: int | None = None
    mean: float | None = None
    psnr: float | None = None
    ssim: float | None = None


@dataclass(frozen=True)
class Redrawn:
    """A batch drawn again.

    made: what its receipt says of how it was made. differs: what of this is another here, name -> (there, here), the
    host left out. latents: whether the noise of the unit's seeds is bit for bit the same here; None: the receipt does not tell.
    """

    unit: str
    made: Mapping[str, Json]
    differs: Mapping[str, tuple[Json, Json]]
    latents: bool | None
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Audited:
    """A sample of a run drawn again.

    contract: what the noise contract of the run's golden.json finds here, beyond rounding: sentences, none where it holds;
    None where the run has no such file.
    """

    batches: Sequence[Redrawn]
    contract: Sequence[str] | None

    @property
    def pictures(self) -> list[Picture]:
        return [picture for batch in self.batches for picture in batch.pictures]

    @property
    def same(self) -> int:
        return sum(picture.same for picture in self.pictures)


def audit(run: DrawnRun, cells: int) -> Audited:
    """Draw at least so many cells of a run again, in the batches and on as many CPU threads as they were drawn.

    So neither batch nor threads, which both move the last bits, are taken for a difference of machines.

    Raises:
        UserError: the run was made by another model or study, has no pictures yet, or a batch of it does not fit here.
        CorruptShard: a shard cannot be read.
    """
    run.folder.refuse_other_study(run.made_from, run.agreement)
    batches = sample(run, cells)
    drawing = Drawing(run.study, run.located, run.task)
    golden = run.folder.path / "golden.json"
    noise_contract = GoldenSeeds.load(golden).noise if golden.exists() else None
    contract = None if noise_contract is None else noise_contract.check()
    return Audited([_redraw(run, drawing, batch) for batch in batches], contract)


def sample(run: DrawnRun, cells: int) -> list[Batch]:
    """Whole batches with at least so many cells, or all there are: units by turns, in an order that depends on the run alone.

    Raises:
        UserError: there are no pictures yet, or no receipt says how they fell into batches.
    """
    done = run.images.committed()
    units = [unit for unit in run.units if unit.name in done]
    if not units:
        raise UserError(f"{run.folder.storage.url}: has no pictures yet, so there is nothing to audit.")
    found: list[Batch] = []
    for batch in _by_turns(run, units):
        found.append(batch)
        if sum(one.size for one in found) >= cells:
            break
    if not found:
        raise UserError(
            f"{run.folder.storage.url}: its receipts do not say how the pictures fell into batches, so they cannot be "
            "drawn again as they were."
        )
    return found


def _by_turns(run: DrawnRun, units: list[Unit]) -> Iterator[Batch]:
    """One batch of each unit, then another of each, and so on; receipts are read as they are needed."""
    order = random.Random(run.images.name)
    order.shuffle(units)
    waiting: list[list[Batch]] = []
    for unit in units:
        batches = _batches(unit, run.images.receipt(unit.name), run.task.together)
        order.shuffle(batches)
        yield from batches[:1]
        waiting.append(batches[1:])
    while waiting := [batches for batches in waiting if batches]:
        for batches in waiting:
            yield batches.pop()


def _batches(unit: Unit, receipt: Receipt, together: int) -> list[Batch]:
    told = receipt.made.get("batches")
    sizes = [int(str(size)) for size in told] if isinstance(told, list) else []
    firsts, cells = accumulate(sizes, initial=0), by_sets(unit, together)
    return [Batch(unit, receipt, cells[first : first + size]) for first, size in zip(firsts, sizes, strict=False)]


def _redraw(run: DrawnRun, drawing: Drawing, batch: Batch) -> Redrawn:
    made, unit = batch.receipt.made, batch.unit
    if made.get("device") == "cpu":
        torch.set_num_threads(int(str(made["threads"])))
    try:
        drawing.begin(unit)
        drawn, finite = drawing.draw(list(batch.cells))
    except Exception as error:
        if not gpu_memory_ran_out(error):
            raise
        raise UserError(
            f"{run.folder.storage.url}: a batch of {batch.size} pictures, as they were drawn, does not fit into this "
            "GPU's memory. In other batches they would differ for that alone; audit on a GPU with more memory."
        ) from None
    rows = run.images.read(unit.name, ["image", "status"]).take(batch.places)
    here = {**machine(), "device": pick_device(run.study.compute.device)}
    differs = {name: (made[name], here[name]) for name in here if name in made and made[name] != here[name]}
    differs.pop("host", None)
    pictures = [
        _compare(cell, _stored(rows, place), drawn[place].numpy() if finite[place] else None)
        for place, cell in enumerate(batch.cells)
    ]
    return Redrawn(unit.name, made, differs, _latents_agree(run, batch), pictures)


def _stored(rows: pa.Table, place: int) -> Pixels | None:
    """The picture of a row, (H, W, 3) uint8; None of a cell that failed."""
    image = rows.column("image")[place].as_py()
    return None if image is None else decode(image["bytes"])


def _compare(cell: Cell, there: Pixels | None, here: Pixels | None) -> Picture:
    prompt, seed = cell
    if there is None or here is None:
        return Picture(prompt.id, seed, there is here)
    if np.array_equal(there, here):
        return Picture(prompt.id, seed, True)
    apart = np.abs(there.astype(np.int16) - here)
    both = as_tensor(there[None]), as_tensor(here[None])
    return Picture(
        prompt.id, seed, False, int(apart.max()), float(apart.mean()), float(psnr(*both)), round(float(ssim(*both)), 6)
    )


def _latents_agree(run: DrawnRun, batch: Batch) -> bool | None:
    told = batch.receipt.made.get("latents")
    recipe = noise.recipe_of(run.study, run.located)
    if told is None or recipe is None:
        return None
    return noise.digest(torch.stack([recipe.latent(seed) for seed in batch.unit.seeds])) == told
