"""Two workers against one, memory as a run grows, and stages that overlap: what running stages costs beside the stages.

    python benchmarks/running.py workers
    python benchmarks/running.py memory --pictures 1000 20000
    python benchmarks/running.py overlap

`workers`: pictures a second of one Ray worker and of two, with one thread each, from the first unit's start to the last one's
end. `memory`: the largest resident memory of the driver and of a worker. `overlap`: seconds of drawing alone, of a stage that
only waits alone, and of both in one run.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil
import pyarrow as pa
import yaml

from seedscope.pipeline.running.runner import Executor, Work, run_all
from seedscope.pipeline.running.stage import Stage
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables.schemas import CELL_FIELDS, STATUS_FIELDS
from seedscope.pipeline.tables.table import Table

OBJECTS = ["apple", "cat", "car", "duck"]
STUDY = {
    "name": "running",
    "model": "sprout",
    "compute": {"batch_size": 16, "device": "cpu"},
    "prompts": [{"grid": {"objects": OBJECTS, "modifiers": ["a {object}"]}}],
    "unit": {"prompts": 4, "seeds": 8},
}
LOOK_SECONDS = 0.2


@dataclass
class Peak:
    """The largest resident memory, bytes, of a driver and of any of its workers."""

    driver: int = 0
    worker: int = 0

    def look(self, driver: psutil.Process) -> None:
        try:
            self.driver = max(self.driver, driver.memory_info().rss)
            for child in driver.children(recursive=True):
                if "ray::Worker" in " ".join(child.cmdline()[:1]):
                    self.worker = max(self.worker, child.memory_info().rss)
        except psutil.NoSuchProcess:
            return


def generate(folder: Path, pictures: int, workers: int, steps: int) -> Peak:
    """Draw so many pictures in a process of its own."""
    study = folder / "study.yaml"
    seeds = f"0-{pictures // len(OBJECTS) - 1}"
    study.write_text(yaml.safe_dump(STUDY | {"seeds": seeds, "sampling": {"steps": steps, "guidance": {"scale": 1.0}}}))
    command = [sys.executable, "-m", "seedscope", "generate", str(study), "--out", str(folder / "run")]
    command += ["--workers", str(workers), "--threads", "1"]
    process, peak = subprocess.Popen(command, stdout=subprocess.DEVNULL), Peak()
    while process.poll() is None:
        peak.look(psutil.Process(process.pid))
        time.sleep(LOOK_SECONDS)
    assert process.returncode == 0
    return peak


def rate(folder: Path) -> float:
    """Pictures a second, by the receipts."""
    receipts = [json.loads(path.read_bytes()) for path in (folder / "run").glob("receipts/images-*/*.json")]
    ended = [datetime.fromisoformat(receipt["made"]["finished"]).timestamp() for receipt in receipts]
    begun = [end - receipt["made"]["seconds"] for end, receipt in zip(ended, receipts, strict=True)]
    return sum(receipt["rows"] for receipt in receipts) / (max(ended) - min(begun))


def compare_workers(pictures: int, steps: int, rounds: int) -> None:
    for _ in range(rounds):
        rates = []
        for workers in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                generate(Path(folder), pictures, workers, steps)
                rates.append(rate(Path(folder)))
        print(
            f"1 worker {rates[0]:6.1f} a second   2 workers {rates[1]:6.1f}   ratio {rates[1] / rates[0]:.2f}",
            flush=True,
        )


def compare_memory(sizes: Sequence[int], steps: int) -> None:
    for pictures in sizes:
        with tempfile.TemporaryDirectory() as folder:
            peak = generate(Path(folder), pictures, 1, steps)
        print(
            f"{pictures:6,} pictures   driver {peak.driver / 1e6:5.0f} MB   worker {peak.worker / 1e6:5.0f} MB",
            flush=True,
        )


@dataclass
class Waiting(Stage):
    """A stage that only waits, as one does whose work another machine does."""

    table: Table
    seconds: float

    @property
    def tables(self) -> Sequence[Table]:
        return [self.table]

    def open(self) -> "Waiting":
        return self

    def run(
        self,
        unit: Unit,
        tables: Sequence[Table],
        smaller: int = 1,  # noqa: ARG002
    ) -> Iterator[tuple[Table, pa.Table, dict[str, Json]]]:
        time.sleep(self.seconds)
        rows = [{"prompt_id": prompt.id, "seed": seed, "status": "ok", "error": None} for prompt, seed in unit.cells]
        yield tables[0], pa.Table.from_pylist(rows, schema=self.table.schema), {}


def compare_overlap(pictures: int, steps: int) -> None:
    import ray
    from ray import cloudpickle

    from seedscope.analysis.run.opened import run_of
    from seedscope.analysis.run.run import DrawnRun
    from seedscope.pipeline.drawing.generate import Generate

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    ray.init(address="local", num_cpus=2, resources={"elsewhere": 1}, include_dashboard=False, log_to_driver=False)
    executor = Executor("ray", workers=1, threads=1, resources={"waiting": {"elsewhere": 1}})
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        study = folder / "study.yaml"
        seeds = {"seeds": f"0-{pictures // len(OBJECTS) - 1}", "sampling": {"steps": steps, "guidance": {"scale": 1.0}}}
        study.write_text(yaml.safe_dump(STUDY | seeds))

        def drawing(name: str) -> Work:
            job = run_of(study, folder / name)
            assert isinstance(job, DrawnRun)
            return Work("images", Generate(job.study, job.located, job.images, job.task), job.units)

        def waiting(name: str, units: Sequence[Unit], seconds: float, after: str | None) -> Work:
            table = Table(folder / name / "waiting-0", pa.schema([*CELL_FIELDS, *STATUS_FIELDS]))
            return Work("waiting", Waiting(table, seconds), units, after)

        def timed(*works: Work) -> float:
            started = time.monotonic()
            run_all(works, executor)
            return time.monotonic() - started

        alone = drawing("alone")
        drawn = timed(alone)
        seconds = 0.9 * drawn / len(alone.units)
        waited = timed(waiting("alone", alone.units, seconds, None))
        both = drawing("both")
        together = timed(both, waiting("both", both.units, seconds, "images"))
    longer = max(drawn, waited)
    print(
        f"drawing {drawn:.1f} s   waiting {waited:.1f} s   both {together:.1f} s   {together / longer:.2f} x the longer"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["workers", "memory", "overlap"])
    parser.add_argument("--pictures", type=int, nargs="+", default=None, help="how many to draw; of `memory`, several")
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=3, help="of `workers`")
    options = parser.parse_args()
    if options.what == "workers":
        compare_workers((options.pictures or [640])[0], options.steps or 10, options.rounds)
    elif options.what == "memory":
        compare_memory(options.pictures or [1000, 20000], options.steps or 1)
    else:
        compare_overlap((options.pictures or [640])[0], options.steps or 10)


if __name__ == "__main__":
    main()
