"""Bring many small pictures, and a few large ones, into a run: processor time and peak memory of each step.

    python benchmarks/importing.py --files 50000
    python benchmarks/importing.py --files 2000 --beside ../former     # the same with another checkout, and the ratio

Each step is a process of its own. Prints a table; a ratio below 1 is what has become cheaper.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

STEPS = """
import json, sys, time
from pathlib import Path
from seedscope.pipeline.imported import importing
from seedscope.pipeline.imported.imported_run import ImportedRun
from seedscope.pipeline.running.runner import Executor, Unwatched
from seedscope.pipeline.tables.run_folder import RunFolder
source, out, whole = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "import"
run = ImportedRun(RunFolder(out))
placing, report = importing.survey(source, run)
if whole:
    with run.folder.locked():
        importing.bring_in(placing, report, run, Executor("inline"), Unwatched())
peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps({"seconds": time.process_time(), "peak": peak, "files": len(placing.cells)}))
"""


def main() -> None:
    """Write the pictures, run the steps, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000, help="small pictures")
    parser.add_argument("--large", type=int, default=4, help="pictures of 5000 x 5000 without text")
    parser.add_argument("--beside", type=Path, help="another checkout to compare with")
    options = parser.parse_args()
    trees = [Path(__file__).resolve().parents[1], *([options.beside.resolve()] if options.beside else [])]
    print(
        f"{'step':<24}{'seconds':>10}{'peak MB':>10}"
        + ("   time and memory beside the other" if options.beside else "")
    )
    with tempfile.TemporaryDirectory() as scratch:
        small, large = Path(scratch) / "small", Path(scratch) / "large"
        write_small(small, options.files)
        write_large(large, options.large)
        for count, name, folder, step in (
            (options.files, "small, dry", small, "dry"),
            (options.files, "small, import", small, "import"),
            (options.files, "small, again", small, "import"),
            (options.large, "large, dry", large, "dry"),
            (options.large, "large, import", large, "import"),
        ):
            if not count:
                continue
            found = [
                measured(tree, folder, Path(scratch) / f"run{at}-{folder.name}", step) for at, tree in enumerate(trees)
            ]
            line = f"{f'{count} {name}':<24}{found[0]['seconds']:>10.1f}{found[0]['peak']:>10.0f}"
            print(
                line
                + "".join(f"{found[0][key] / other[key]:>10.2f}" for other in found[1:] for key in ("seconds", "peak"))
            )


def write_small(folder: Path, count: int) -> None:
    """Pictures of 16 x 16 as A1111 writes them, of a thousand seeds a prompt."""
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    for number in range(count):
        chunks = PngInfo()
        line = f"Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: {number % 1000}, Size: 16x16, Model hash: 6ce0, Model: v1-5"
        chunks.add_text("parameters", f"prompt {number // 1000}\nNegative prompt: blurry\n{line}, Clip skip: 2")
        Image.fromarray(pixels).save(folder / f"{number:06d}.png", pnginfo=chunks, compress_level=1)


def write_large(folder: Path, count: int) -> None:
    """Pictures without text, and a table that tells of them."""
    folder.mkdir()
    steps = np.arange(5000)
    for number in range(count):
        pixels = np.zeros((5000, 5000, 3), np.uint8)
        pixels[:, :, 0], pixels[:, :, 1] = steps % 251, steps[:, None] // (number + 3) % 255
        Image.fromarray(pixels).save(folder / f"{number}.png", compress_level=1)
    rows = "".join(f"{number}.png,a cat,{number}\n" for number in range(count))
    (folder / "seeds.csv").write_text(f"file,prompt,seed\n{rows}")


def measured(tree: Path, folder: Path, out: Path, step: str) -> dict[str, float]:
    """One step of one checkout in a process of its own."""
    command = [sys.executable, "-P", "-c", STEPS, str(folder), str(out), step]
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(tree)}, capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
