"""Is a seed of degenerate pictures ever golden? Each control in place of one seed of a run, under every rule and measurement.

    python benchmarks/degenerate.py                              draws the demo's pictures first, where they are not there
    python benchmarks/degenerate.py --out runs/demo --seed 3     takes the pictures of a finished run

For each control (black pictures, noise, one picture again and again, ...) the run's pictures are published anew, with those of
one seed replaced; the replaced ones are measured by `seedscope features` as any others, and `seedscope seeds` says which seeds
are golden. The row `as drawn` replaces nothing: that seed may be golden by right. A control never is.
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml
from degenerate_pictures import CONTROLS, Control
from typer.testing import CliRunner

from seedscope.analysis.run.opened import opened, run_of
from seedscope.analysis.run.run import Run
from seedscope.analysis.run.sampled_pictures import pictures_of
from seedscope.jobs.cli import app
from seedscope.pipeline.images import Pixels, encode

FD, CLIP, TEXT = "fd_efficientnet_lite0", "clip_score", "text"
FEATURES = [FD, {CLIP: {"model": "sprout-clip"}}, {TEXT: {"detector": "sprout-layout/segmentation"}}]
GOLDEN = 4
RANKINGS: Mapping[tuple[str, str], dict[str, Any]] = {
    **{("confirmed", name): {"by": name} for name in (FD, CLIP, TEXT)},
    **{("top", name): {"by": name, "rule": "top"} for name in (FD, CLIP, TEXT)},
    **{
        ("pareto", f"{first}, {second}"): {"by": [first, second], "rule": "pareto"}
        for first, second in ((FD, CLIP), (CLIP, TEXT))
    },
    **{
        ("overlap", f"{first}, {second}"): {"by": first, "second": second, "rule": "overlap"}
        for first, second in ((FD, CLIP), (CLIP, TEXT))
    },
}
Cells = dict[tuple[int, str], Pixels]


def command(*arguments: object) -> str:
    """What a command of seedscope prints, in this process: its libraries are loaded once."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    if done.exit_code:
        raise SystemExit(done.output)
    return done.output


def drawn(study: Path, out: Path | None, seeds: int) -> tuple[Cells, dict[str, Any]]:
    """The pictures of the first seeds of a study's run, and the study that a run of these alone has."""
    where = ["--out", str(out)] if out else []
    command("generate", study, *where)
    run = run_of(study, out)
    kept = sorted(run.wanted.seeds)[:seeds]
    found = pictures_of(run, kept, [prompt.id for prompt in run.wanted.prompts])
    mine = {"seeds": kept, "unit": {"prompts": len(run.wanted.prompts), "seeds": 1}, "features": FEATURES}
    return {cell: np.asarray(one) for cell, one in found.items()}, yaml.safe_load(study.read_text()) | mine


def publish(study: Path, folder: Path, cells: Cells) -> None:
    """The pictures become those of a run, where it does not have them yet; a unit is a seed."""
    with opened(study, folder) as run:
        for unit in run.units:
            if unit.name not in run.images.committed():
                rows = [_row(prompt.id, prompt.text, seed, cells[seed, prompt.id]) for prompt, seed in unit.cells]
                run.images.publish(unit, pa.Table.from_pylist(rows, schema=run.images.schema), {"source": "benchmark"})


def _row(prompt_id: str, text: str, seed: int, pixels: Pixels) -> dict[str, Any]:
    image = {"bytes": encode(pixels), "path": None}
    return {"prompt_id": prompt_id, "prompt": text, "seed": seed, "image": image, "status": "ok", "error": None}


def without(run: Run, seed: int, folder: Path) -> None:
    """A copy of a run in which all is there but the pictures of a seed and what was measured on them."""
    unit = next(unit.name for unit in run.units if seed in unit.seeds)
    left_out = shutil.ignore_patterns(f"{unit}.*", ".index.parquet", ".rankings")

    def ignored(path: str, names: list[str]) -> set[str]:
        return set() if Path(path).name.startswith("reference-") else left_out(path, names)

    shutil.copytree(run.folder.path, folder, ignore=ignored)


def golden(study: Mapping[str, Any], folder: Path, shuffles: int) -> Iterator[tuple[tuple[str, str], set[int]]]:
    """(rule, measurements) -> the golden seeds of a measured run."""
    file = folder.with_suffix(".yaml")
    for key, ranking in RANKINGS.items():
        file.write_text(yaml.safe_dump({**study, "ranking": {"golden": GOLDEN, "shuffles": shuffles} | ranking}))
        said = command("seeds", file, "--out", folder)
        named = re.search(r"Golden seeds: ([\d,\s]+|none)\.", said)
        if named is None:
            raise SystemExit(f"which seeds are golden is not said in:\n{said}")
        yield key, {int(seed) for seed in re.findall(r"\d+", named[1])}


def table(
    cells: Cells, study: dict[str, Any], seed: int, controls: Mapping[str, Control], shuffles: int
) -> Iterator[str]:
    """A line a control: under which rules and measurements the seed is golden."""
    yield f"{'':24s}" + "".join(f"{key[0]:>{_width(key)}s}" for key in RANKINGS)
    yield f"{'':24s}" + "".join(f"{_short(key):>{_width(key)}s}" for key in RANKINGS)
    times = 0
    with tempfile.TemporaryDirectory() as temporary:
        whole, file = Path(temporary) / "whole", Path(temporary) / "study.yaml"
        file.write_text(yaml.safe_dump(study))
        publish(file, whole, cells)
        command("features", file, "--out", whole, "--executor", "inline")
        yield _line("as drawn", seed, dict(golden(study, whole, shuffles)))
        own = [cell for cell in cells if cell[0] == seed]
        for name, control in controls.items():
            folder = Path(temporary) / "changed"
            without(run_of(file, whole), seed, folder)
            publish(file, folder, cells | dict(zip(own, control([cells[cell] for cell in own]), strict=True)))
            command("features", file, "--out", folder, "--executor", "inline")
            found = dict(golden(study, folder, shuffles))
            times += sum(seed in seeds for seeds in found.values())
            yield _line(name, seed, found)
            shutil.rmtree(folder)
    yield f"golden: {times} of {len(controls) * len(RANKINGS)} (wanted 0)"


def _line(name: str, seed: int, found: Mapping[tuple[str, str], set[int]]) -> str:
    return f"{name:24s}" + "".join(f"{'golden' if seed in found[key] else '-':>{_width(key)}s}" for key in RANKINGS)


def _short(key: tuple[str, str]) -> str:
    return key[1].replace(FD, "fd").replace(CLIP, "clip")


def _width(key: tuple[str, str]) -> int:
    return max(len(key[0]), len(_short(key)), len("golden")) + 2


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    demo = Path(__file__).parents[1] / "configs" / "demo.yaml"
    parser.add_argument("--study", type=Path, default=demo)
    parser.add_argument("--out", type=Path, help="the run folder, where it is not runs/NAME")
    parser.add_argument("--seeds", type=int, default=24, help="so many of the run's first seeds take part")
    parser.add_argument("--seed", type=int, default=5, help="whose pictures are replaced")
    parser.add_argument("--only", nargs="+", choices=list(CONTROLS), default=list(CONTROLS), help="of the controls")
    parser.add_argument("--shuffles", type=int, default=100)
    options = parser.parse_args(arguments)
    cells, study = drawn(options.study, options.out, options.seeds)
    prompts = len({prompt for _, prompt in cells})
    print(
        f"{options.seeds} seeds x {prompts} prompts, the pictures of seed {options.seed} replaced, {GOLDEN} golden at most"
    )
    for line in table(cells, study, options.seed, {name: CONTROLS[name] for name in options.only}, options.shuffles):
        print(line, flush=True)


if __name__ == "__main__":
    main()
