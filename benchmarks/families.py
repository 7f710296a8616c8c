"""Every family of models by the command line, and its golden list in the user's own stock pipeline; in half precision too.

    python benchmarks/families.py                       all of them, each as a tiny random model in the published layout
    python benchmarks/families.py --only flux sd3       some of them; --processes: each command as a process of its own
    python benchmarks/families.py --keep FOLDER         keep models, studies, runs and what the commands printed

Of each: `seedscope plan`, `run`, `run` again, `verify --deep`, `audit`, `bench`, `status`, `seeds`, `export` and `report`. Then
golden.json is loaded and checked in `DiffusionPipeline.from_pretrained` of the model's folder, which draws the golden seeds by
its own call with what the list hands out; these pictures are compared with those in the run's shards. In half precision the
list has to hold in a pipeline of that dtype, and to be refused in float32. Prints a table; ends with 1 where anything fails, or
differs; of the own loop in half precision only where it does so by more than 1 of 255, and is further from float32 than the
stock pipeline is.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pytest
import torch
import yaml

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from commands import Done, command, process
from every_family import EVERY_FAMILY, UNKNOWN, TinyFamily
from stock_families import as_levels, stock_pipe

from seedscope.analysis import GoldenMismatch, GoldenSeeds
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.sampled_pictures import pictures_of
from seedscope.pipeline.models.families.generic import Generic
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.models.stock import StockFamily
from seedscope.pipeline.study.schema import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROMPTS, SEEDS, GOLDEN = ("a red apple", "the photo of a cat on grass"), (0, 7, 12), 2
HALVES = ("bfloat16", "float16")
ROUNDING = 1
INLINE = ("--executor", "inline", "--threads", "1")
FINE, NEITHER = "yes", "neither draws"
Run: TypeAlias = Callable[..., Done]
Pictures: TypeAlias = "dict[tuple[int, str], NDArray[np.uint8]]"


@dataclass
class Row:
    """What came of a family; `yes`, a number or a sentence each."""

    family: str
    commands: str
    difference: str
    golden: str
    bfloat16: str
    float16: str
    seconds: float
    fine: bool


@dataclass(frozen=True)
class Place:
    """A family's model, and where its runs lie."""

    family: TinyFamily
    model: Path
    folder: Path
    run: Run

    def study(self, dtype: str) -> Path:
        """Two prompts x three seeds, ranked by how well pictures fit their prompts."""
        file = self.folder / f"{dtype}.yaml"
        said = {
            "name": f"{self.folder.name}-{dtype}",
            "model": str(self.model),
            "sampling": self.family.sampling(),
            "compute": {"dtype": dtype, "device": "cpu", "batch_size": 1},
            "prompts": list(PROMPTS),
            "seeds": list(SEEDS),
            "features": ["looks", {"clip_score": {"model": "sprout-clip"}}],
            "ranking": {"by": "clip_score", "rule": "top", "golden": GOLDEN, "shuffles": 20, "bootstrap": 20},
        }
        file.write_text(yaml.safe_dump(said, sort_keys=False))
        return file

    @property
    def by_own_loop(self) -> bool:
        return not isinstance(locate(Model(id=str(self.model))).family, StockFamily | Generic)

    def out(self, dtype: str) -> Path:
        return self.folder / f"run-{dtype}"

    def does(self, name: str, dtype: str, *options: str) -> Done:
        """Run a command on the study; what it printed is kept beside it."""
        done = self.run(name, self.study(dtype), "--out", self.out(dtype), *options)
        with (self.folder / f"{dtype}.log").open("a") as log:
            log.write(f"$ seedscope {name} {' '.join(options)}\n{done.stdout}{done.stderr}\n")
        return done


def by_commands(place: Place) -> str:
    """Whether all commands do what they should, or the first that does not, with what it said."""
    for name, options, wanted in (
        ("plan", (), "0 have their pictures"),
        ("run", INLINE, "golden.json"),
        ("run", INLINE, "0 made now"),
        ("verify", ("--deep",), "All shards are whole."),
        ("audit", (), "all are the same, bit for bit"),
        ("bench", ("--seconds", "0", "--threads", "1"), "images a second"),
        ("status", (), "6 of 6 cells, 0 failed"),
        ("seeds", (), "Golden seeds: "),
        ("export", (), "golden.txt"),
        ("report", (), "index.html"),
    ):
        done = place.does(name, "float32", *options)
        if done.returncode or wanted not in _one_line(done.stdout):
            return f"{name}: {_one_line(done.stderr or done.stdout)[-300:]}"
    return FINE


@dataclass(frozen=True)
class Compared:
    """How a run and the stock pipeline agree.

    wrong: why the list does not hold, if so. difference: of their pictures at most, of 255. nearer: whether the run's pictures
    are no further from those in float32, on average, than the stock pipeline's are.
    """

    wrong: str | None
    difference: int = 0
    nearer: bool = True

    @property
    def golden(self) -> str:
        return self.wrong or FINE


def in_stock_pipeline(place: Place, dtype: str) -> Compared:
    """The list in the stock pipeline of that dtype, and what this draws."""
    golden = GoldenSeeds.load(place.out(dtype) / "golden.json")
    pipe, call = stock_pipe(place.model, getattr(torch, dtype)), place.family.arguments()
    try:
        golden.check(pipe, **call)
        golden.canary(pipe)
    except GoldenMismatch as mismatch:
        return Compared(mismatch.reasons[0])
    kept, exact = _kept(place, dtype, golden.seeds), _kept(place, "float32", golden.seeds)
    if len({picture.tobytes() for picture in kept.values()}) < len(kept):
        return Compared("pictures of different seeds or prompts are the same")
    there = {cell: _by_stock(pipe, golden, *cell, place.family) for cell in kept}
    apart = _apart(kept, there)
    return Compared(None, int(apart.max()), bool(_apart(kept, exact).mean() <= _apart(there, exact).mean()))


def _apart(here: Pictures, there: Pictures) -> NDArray[np.int_]:
    return np.stack([np.abs(here[cell].astype(int) - there[cell]) for cell in here])


def _by_stock(pipe: Any, golden: GoldenSeeds, seed: int, prompt: str, family: TinyFamily) -> NDArray[np.uint8]:
    """A user's own call with what the list hands out: latents and generators, or generators alone."""
    place = golden.seeds.index(seed)
    noise: dict[str, Any] = {"generator": golden.generators()[place]}
    if golden.noise is not None:
        latents = golden.latents(pipe)[place : place + 1]
        noise = {"latents": latents, "generator": golden.generators(after_latent=True)[place]}
    made = pipe(prompt=prompt, **noise, **family.arguments())
    return as_levels(np.asarray(getattr(made, family.fields)[0]))[..., :3]


def _kept(place: Place, dtype: str, seeds: list[int]) -> Pictures:
    """(seed, prompt) -> picture as it lies in the run's shards."""
    run = run_of(place.study(dtype), place.out(dtype))
    texts = {prompt.id: prompt.text for prompt in run.wanted.prompts}
    found = pictures_of(run, set(seeds), list(texts))
    return {(seed, texts[prompt]): np.asarray(picture) for (seed, prompt), picture in found.items()}


def in_half(place: Place, dtype: str) -> tuple[str, bool]:
    """(how far a run in that dtype is from the stock pipeline, or what is wrong; whether it may be)."""
    done = place.does("run", dtype, *INLINE)
    if done.returncode:
        said = _one_line(done.stderr)[-300:]
        return (said, False) if _stock_draws(place, dtype) else (NEITHER, True)
    found = in_stock_pipeline(place, dtype)
    if wrong := found.wrong or _not_refused(place, dtype):
        return wrong, False
    if found.difference <= ROUNDING:
        return str(found.difference), place.by_own_loop or found.difference == 0
    side = "nearer to float32" if found.nearer else "further from float32"
    return f"{found.difference}, {side}", place.by_own_loop and found.nearer


def _not_refused(place: Place, dtype: str) -> str | None:
    """What is wrong where a list in half precision is not refused in float32 for its dtype."""
    try:
        GoldenSeeds.load(place.out(dtype) / "golden.json").check(stock_pipe(place.model), **place.family.arguments())
    except GoldenMismatch as mismatch:
        told = any(f"but the list was made with '{dtype}'" in reason for reason in mismatch.reasons)
        return None if told else f"float32 is refused with {mismatch.reasons[0]}"
    return "float32 is not refused"


def _stock_draws(place: Place, dtype: str) -> bool:
    try:
        stock_pipe(place.model, getattr(torch, dtype))(prompt=PROMPTS[0], **place.family.arguments())
    except (RuntimeError, TypeError, ValueError):
        return False
    return True


def rows(names: list[str], scratch: Path, run: Run) -> Iterator[Row]:
    for name in names:
        started = time.perf_counter()
        family = (EVERY_FAMILY | UNKNOWN)[name]
        folder = scratch / name
        folder.mkdir(parents=True)
        with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng(devices=[]):
            torch.manual_seed(8)
            family.small(patch)
            place = Place(family, family.write(folder / "model"), folder, run)
            said = by_commands(place)
            if said != FINE:
                yield Row(name, said, "-", "-", "-", "-", time.perf_counter() - started, fine=False)
                continue
            found = in_stock_pipeline(place, "float32")
            halves = [in_half(place, dtype) for dtype in HALVES]
        fine = found == Compared(None) and all(may_be for _, may_be in halves)
        cells = (said, str(found.difference), found.golden, *(half for half, _ in halves))
        yield Row(name, *cells, time.perf_counter() - started, fine)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def main() -> int:
    import diffusers
    import transformers

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[*EVERY_FAMILY, *UNKNOWN], help="these families")
    parser.add_argument("--processes", action="store_true", help="each command as a process of its own")
    parser.add_argument("--keep", type=Path, help="a folder that is not there yet, for all that is written")
    parser.add_argument("--json", action="store_true", help="print a line of JSON a family instead of a table")
    options = parser.parse_args()
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    fine = []
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["SEEDSCOPE_CACHE"] = str(Path(scratch) / "cache")
        if not options.json:
            print("| family | commands | difference of 255 | golden list | bfloat16 | float16 | seconds |")
            print("| --- | --- | --- | --- | --- | --- | --- |")
        found = rows(
            options.only or [*EVERY_FAMILY, *UNKNOWN],
            options.keep or Path(scratch),
            process if options.processes else command,
        )
        for row in found:
            fine.append(row.fine)
            cells = [row.family, row.commands, row.difference, row.golden, row.bfloat16, row.float16]
            line = f"| {' | '.join(cells)} | {row.seconds:.0f} |"
            print(json.dumps(asdict(row)) if options.json else line, flush=True)
    if not options.json:
        print(f"\n{sum(fine)} of {len(fine)} in order")
    return int(not all(fine))


if __name__ == "__main__":
    sys.exit(main())
