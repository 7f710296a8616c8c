"""The plan of the published study, 22,512 prompts x 1,024 seeds x 2 models: seconds and memory of the command that tells it.

    python benchmarks/planning.py

The bundled models stand in for the published ones: a plan reads a model's configuration and hashes its files, no more. Beside
it stands the import of torch, which a plan does without and a run does not.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

PROMPTS, SEEDS, MODELS, ROUNDS = 22_512, 1_024, ("sprout", "sprout-turbo"), 3
STUDY = """
name: {model}
model: {model}
prompts: [{{file: prompts.txt}}]
seeds: 0-{last}
"""
PLAN, TORCH = "from seedscope.jobs.cli import main; main()", "import torch"
TELLING = """
import atexit, resource, sys
used = lambda: resource.getrusage(resource.RUSAGE_SELF)
atexit.register(lambda: print(used().ru_utime + used().ru_stime, used().ru_maxrss * 1024, file=sys.stderr))
"""


@dataclass(frozen=True)
class Taken:
    """What a process took: seconds, those of its processor, and bytes at the peak."""

    seconds: float
    processor: float
    memory: float


def taken(code: str, *arguments: str, folder: Path) -> Taken:
    command = [sys.executable, "-c", TELLING + code, *arguments]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    processor, memory = map(float, done.stderr.split()[-2:])
    return Taken(seconds, processor, memory)


def told(rounds: list[list[Taken]]) -> str:
    """Median and range of the seconds of both models together, seconds of the processor, and the most memory."""
    seconds = [sum(one.seconds for one in both) for both in rounds]
    processor = median(sum(one.processor for one in both) for both in rounds)
    memory = max(one.memory for both in rounds for one in both) / 1e6
    spread = f"{median(seconds):5.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"
    return f"{spread}   {processor:5.2f} s of processor   {memory:4.0f} MB"


def main() -> None:
    plans: list[list[Taken]] = []
    imports: list[list[Taken]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "prompts.txt").write_text(
            "".join(f"a photo of thing {i}\n" for i in range(PROMPTS)), encoding="utf-8"
        )
        for model in MODELS:
            (folder / f"{model}.yaml").write_text(STUDY.format(model=model, last=SEEDS - 1), encoding="utf-8")
        for _ in range(ROUNDS):
            plans.append([taken(PLAN, "plan", f"{model}.yaml", folder=folder) for model in MODELS])
            imports.append([taken(TORCH, folder=folder) for _ in MODELS])
    print(f"{PROMPTS:,} prompts x {SEEDS:,} seeds x {len(MODELS)} models, {ROUNDS} rounds (wanted: 5 s, 500 MB)")
    print(f"seedscope plan, twice     {told(plans)}")
    print(f"importing torch, twice    {told(imports)}")


if __name__ == "__main__":
    main()
