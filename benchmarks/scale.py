"""A run of the published study's size: how long until it is planned, until its status is told, until it goes on.

    python benchmarks/scale.py                                   # 22,512 prompts x 1,024 seeds x 2 models, as one run
    python benchmarks/scale.py --prompts 200 --seeds 20          # a small one, to try it

The run folder is made up, but for its first unit: that one is drawn, and all others have its receipt under their names, and
its shard as a link to a file of its size and its footer. One unit in the middle is missing. Then, each in a process of its
own: `seedscope plan`, `seedscope status` without an index of the receipts and with the one that a killed run leaves, which is
behind by 4,095 units, and the job of `seedscope generate`: on a Ray that is up already, and as it starts its own.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import yaml

SEEDSCOPE = [sys.executable, "-m", "seedscope"]
MOST_LINKS = 30_000
PLAN, STATUS, RESUME = "   (wanted 5 s, 500 MB)", "   (wanted 5 s)", "   (wanted 10 s)"


def write_study(folder: Path, prompts: int, seeds: int, unit: tuple[int, int]) -> Path:
    texts = folder / "prompts.txt"
    texts.write_text("".join(f"a picture of thing number {number}\n" for number in range(prompts)), encoding="utf-8")
    study = {
        "name": "scale",
        "model": "sprout-turbo",
        "sampling": {"steps": 1, "scheduler": "model", "guidance": {"scale": 0}},
        "compute": {"batch_size": 32, "device": "cpu"},
        "prompts": [{"file": str(texts)}],
        "seeds": f"0-{seeds - 1}",
        "unit": {"prompts": unit[0], "seeds": unit[1]},
        "features": [{"clip_score": {"model": "sprout-clip"}}],
        "ranking": {"by": "clip_score", "rule": "top"},
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    return path


def make_up(study: Path, out: Path) -> None:
    """Draw the first unit, pretend the others; print how many units there are, and the name of the missing one."""
    from seedscope.analysis.run.opened import opened
    from seedscope.jobs.work.make import make
    from seedscope.pipeline.running.work import Executor, Unwatched

    with opened(study, out) as job:
        make(job, Executor("inline", threads=1), Unwatched(), pictures=True, limit=1)
    first, *others = job.units
    missing = others.pop(len(others) // 2).name
    folder, receipt = out / job.images.name, job.images.receipt(first.name)
    for number, unit in enumerate(others):
        if number % MOST_LINKS == 0:
            shell = _shell(folder / f"{first.name}.parquet", out / f".shell-{number}")
        os.link(shell, folder / f"{unit.name}.parquet")
        made = receipt.made | {"process": 1000 + number % 8}
        text = json.dumps(asdict(replace(receipt, unit=unit.name, rows=len(unit), made=made)), indent=1)
        (out / "receipts" / folder.name / f"{unit.name}.json").write_text(text, encoding="utf-8")
    print(json.dumps([len(job.units), missing]))


def make_index(study: Path, out: Path) -> None:
    """Gather the receipts as a run does, and renew as many as it may have written between that and its death."""
    from seedscope.analysis.run.opened import run_of
    from seedscope.jobs.work.steps import COMPACT_EVERY

    table = run_of(study, out).images
    table.compact()
    for unit in sorted(table.committed())[1 - COMPACT_EVERY :]:
        (out / "receipts" / table.name / f"{unit}.json").touch()


def _shell(shard: Path, path: Path) -> Path:
    """A file of a shard's size that has its footer, and nothing else."""
    content = shard.read_bytes()
    footer = int.from_bytes(content[-8:-4], "little") + 8
    with path.open("wb") as file:
        file.truncate(len(content) - footer)
        file.seek(0, os.SEEK_END)
        file.write(content[-footer:])
    return path


@dataclass
class Took:
    """What a command took: seconds, of them on the CPU, and MB of memory at most; and what it printed."""

    seconds: float
    cpu: float
    mb: float
    told: str

    def __str__(self) -> str:
        return f"{self.seconds:6.1f} s, CPU {self.cpu:5.1f} s, {self.mb:5.0f} MB"


def timed(*arguments: str | Path) -> Took:
    """Run a command, and its process alone is counted."""
    started = time.perf_counter()
    process = subprocess.Popen([*map(str, arguments)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, arguments))}: failed")
    seconds = time.perf_counter() - started
    return Took(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3, told)


def resume(study: Path, out: Path, missing: str, ray_is: str) -> None:
    """Go on with a run of which one unit is missing, with Ray "up already" or as the command starts it.

    Prints, as JSON, the seconds from the start of the process until Ray is up, and until the unit is begun and done.
    """
    import ray

    from seedscope.analysis.run.opened import opened
    from seedscope.jobs.work import make
    from seedscope.pipeline.running.work import Executor, Unwatched

    make.CHECK_WHOLE_UP_TO = 0  # as of a run that is not small: of made-up shards the sizes alone are right
    began, times = psutil.Process().create_time(), dict[str, float]()
    start = ray.init

    def init(**options: Any) -> None:
        start(**options | {"num_cpus": 1})
        times["Ray is up"] = time.time() - began

    ray.init = init
    if ray_is == "up already":
        init(address="local", include_dashboard=False, log_to_driver=False, object_store_memory=128 * 2**20)
    with opened(study, out) as job:
        job.images.revoke(missing)
        (step,) = make.make(job, Executor("ray", workers=1, threads=1), Unwatched(), pictures=True)
    assert step.made == 1, step
    made = job.images.receipt(missing).made
    times["unit begun"] = (
        datetime.fromisoformat(str(made["finished"])).timestamp() - float(str(made["seconds"])) - began
    )
    times["all done"] = time.time() - began
    print(json.dumps(times))


PARTS = {"make-up": make_up, "make-index": make_index, "resume": resume}
"""Each in a process of its own: the memory of this one would count as theirs."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=22_512)
    parser.add_argument("--seeds", type=int, default=2_048)
    parser.add_argument("--unit", type=int, nargs=2, default=(103, 4), metavar=("PROMPTS", "SEEDS"))
    parser.add_argument("--part", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        PARTS[options.part[0]](Path(options.part[1]), Path(options.part[2]), *options.part[3:])
        return
    with tempfile.TemporaryDirectory() as temporary:
        study, out = write_study(Path(temporary), options.prompts, options.seeds, options.unit), Path(temporary) / "run"

        def part(name: str) -> list[str | Path]:
            return [sys.executable, __file__, "--part", name, study, out]

        report("seedscope plan", PLAN, timed(*SEEDSCOPE, "plan", study, "--out", Path(temporary) / "none"))
        units, missing = json.loads(timed(*part("make-up")).told.splitlines()[-1])
        print(f"{options.prompts:,} prompts x {options.seeds:,} seeds in {units:,} units, one of them missing")
        status = [*SEEDSCOPE, "status", study, "--out", out, "--json"]
        report("seedscope status, no index", STATUS, check(timed(*status), units - 1))
        timed(*part("make-index"))
        report("seedscope status, index of a killed run", STATUS, check(timed(*status), units - 1))
        for ray_is in ("up already", "not up"):
            took = timed(*part("resume"), missing, ray_is)
            report(f"generate, Ray {ray_is}", "", took)
            times = json.loads(took.told.splitlines()[-1])
            since = times["unit begun"] - times["Ray is up"]
            print("".join(f"    {name} {seconds:.1f} s" for name, seconds in times.items()))
            print(f"    from Ray being up to the start of its unit {since:.1f} s{RESUME}", flush=True)


def report(name: str, wanted: str, took: Took) -> None:
    print(f"  {name:<40} {took}{wanted}", flush=True)


def check(took: Took, done: int) -> Took:
    """Whether a status counts right."""
    assert json.loads(took.told)["tables"][0]["units_done"] == done
    return took


if __name__ == "__main__":
    main()
