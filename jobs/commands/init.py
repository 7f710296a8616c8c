"""`seedscope init`: a study file to begin with, of a few answers."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from seedscope.jobs.console import out
from seedscope.pipeline.errors import StudyError, UserError

BUNDLED = {"sprout": (20, 3.0), "sprout-turbo": (1, 0.0)}
"""The bundled models that draw from prompts -> the steps and guidance scale that they were judged with."""

OBJECTS = """\
  - grid:
      objects: [penguin, cat, car, rocket, tree, duck, robot, pizza, dog, bus, fish, rose,
                cow, train, frog, cake, pig, guitar, turtle, house, rabbit, clock, horse, key]
      modifiers: ["a {object}"]"""

TEMPLATE = """\
# A study of seeds: {model}. All keys: seedscope schema
#   seedscope plan {file}     what it would make, how long it takes
#   seedscope run {file}      draw, measure, rank; the same command goes on after a stop
name: {name}
model: {model}

sampling:
  scheduler: model             # the model's own; or ddim, euler, dpm++, ...
  steps: {steps}
  guidance: {{scale: {scale}}}

prompts:
{prompts}
# - {{file: prompts.csv, group: topic}}      # .txt, .csv, .tsv, .jsonl or .parquet
# - {{grid: {{objects: [cat, dog], modifiers: ["a {{object}}", "a {{object}} made of glass"]}}}}   # groups: the objects

seeds: {seeds}                  # the best few of many: {{among: 0-1023, golden: 16, budget: 20480}}

features:
{features}
{ranking}
"""


def init_study(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The study file to write.")] = Path("study.yaml"),
    model: Annotated[
        str | None, typer.Option(help="A bundled model, a folder, or a hub id.", show_default=False)
    ] = None,
    prompts: Annotated[
        list[str] | None, typer.Option(help="A prompt, or a file of prompts; may be repeated.", show_default=False)
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="Whole numbers and ranges, such as 0-31.", show_default=False)
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            help="Real pictures to compare with: a folder, or a Parquet file. Without them seeds are ranked by how well "
            "pictures fit their prompts.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a study file with comments. On a terminal it asks for what no option says.

    Example: seedscope init my-study.yaml --model stabilityai/sdxl-turbo --prompts prompts.txt --seeds 0-63
    """
    from seedscope.pipeline.storage.local import create
    from seedscope.pipeline.study.file import load_study

    asks = sys.stdin.isatty()
    if model is None:
        model = typer.prompt("Model (a bundled one, a folder, or a hub id)", "sprout") if asks else "sprout"
    if not prompts:
        said = typer.prompt("Prompts (a file, or a prompt; empty: 24 things)", "", show_default=False) if asks else ""
        prompts = [said] if said else []
    if seeds is None:
        seeds = str(typer.prompt("Seeds", "0-31")) if asks else "0-31"
    if reference is None and asks and model not in BUNDLED:
        reference = typer.prompt("Real pictures to compare with (a folder; empty: none)", "") or None
    text = study_text(file, model, prompts, seeds, reference)
    try:
        create(file, text.encode())
    except FileExistsError:
        raise UserError(f"{file}: is there already, and stays as it is; name another file.") from None
    except OSError as error:
        raise UserError(f"{file}: cannot be written: {error.strerror}.") from None
    try:
        load_study(file)
    except StudyError:
        file.unlink()
        raise
    out.print(f"wrote {file}. Next: seedscope plan {file}, then seedscope run {file}", soft_wrap=True)


def study_text(file: Path, model: str, prompts: list[str], seeds: str, reference: str | None) -> str:
    """A study as YAML with comments. Paths are written relative to `file` where they lie under its folder."""
    steps, scale = BUNDLED.get(model, (20, 5.0))
    measured = ["looks                                # colourfulness, brightness, border, ..."]
    if model in BUNDLED or reference is not None:
        measured.insert(0, "fd_efficientnet_lite0                # a Frechet distance to the reference")
    if model in BUNDLED:
        measured.append("clip_score: {model: sprout-clip}     # how well the picture fits the prompt")
    else:
        measured.append("clip_score: {model: openai/clip-vit-base-patch32}   # how well the picture fits the prompt")
    by = "clip_score"
    lines = []
    if model in BUNDLED or reference is not None:
        by = "fd_efficientnet_lite0"
        lines.append(f"reference: {_text('sprout' if reference is None else _beside(file, reference))}")
    lines.append(f"ranking: {{by: {by}, golden: 4}}")
    return TEMPLATE.format(
        file=file,
        name=_name(file),
        model=_text(_beside(file, model) if Path(model).exists() else model),
        steps=steps,
        scale=f"{scale:g}",
        prompts="\n".join(f"  - {_source(file, each)}" for each in prompts) or OBJECTS,
        seeds=f"[{', '.join(map(str.strip, seeds.split(',')))}]" if "," in seeds else _text(seeds),
        features="\n".join(f"  - {each}" for each in measured),
        ranking="\n".join(lines),
    )


def _source(file: Path, prompt: str) -> str:
    return f"{{file: {_text(_beside(file, prompt))}}}" if Path(prompt).is_file() else _text(prompt)


def _beside(file: Path, path: str) -> str:
    """A path as a study names it: from its own folder on."""
    if not Path(path).exists():
        return path
    there, home = Path(path).resolve(), file.parent.resolve()
    return f"./{there.relative_to(home)}" if there.is_relative_to(home) else str(there)


def _text(value: str) -> str:
    """A text as YAML has it: bare where it may be, else in quotes."""
    import yaml

    try:
        bare = yaml.safe_load(f"[{value}]") == [value]
    except yaml.YAMLError:
        bare = False
    return value if bare else json.dumps(value, ensure_ascii=False)


def _name(file: Path) -> str:
    kept = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "-" for letter in file.stem
    )
    return kept.lstrip("._-")[:64] or "study"
