"""Print what the bundled models can do, each figure beside what is wanted of it; the same command gives the same table.

    python -m seedscope.jobs.sprout.judge
    python -m seedscope.jobs.sprout.judge --only sprout-turbo --json
    python -m seedscope.jobs.sprout.judge --sweep
    python -m seedscope.jobs.sprout.judge --sheets pipeline/sprout/sheets

Held-out renders need Debian's fonts-noto-color-emoji and fonts-dejavu-core.
"""

import argparse
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.examiner import Examiner, accuracy_on_renders, load_examiner
from seedscope.jobs.sprout.judge import distance, judge_clip, judge_inpaint, judge_layout, judge_pictures, sweep
from seedscope.pipeline.models.locate import BUNDLED

SETTINGS = {"sprout": judge_pictures.Settings(20, 3.0), "sprout-turbo": judge_pictures.Settings(1, 0.0)}
MODELS = ("examiner", *SETTINGS, "sprout-inpaint", "sprout-clip", "sprout-layout")
AT_LEAST = {
    "examiner": dict.fromkeys(("object", "nothing", "colour", "place", "greyscale", "border", "text"), 0.98),
    "sprout": {
        "named object": 0.85,
        "named colour": 0.8,
        "named place": 0.8,
        "centroid x, variance": 0.5,
        "centroid y, variance": 0.5,
    },
    "sprout-turbo": {"named object": 0.75},
    "sprout-inpaint": {"object gone after removal": 0.85, "right object after completion": 0.75},
    "sprout-clip": {"right over wrong object, AUC": 0.95, "better of a pair": 0.95},
    "sprout-layout": {"IoU": 0.9},
}
AT_MOST = {"sprout-layout": {"centroid error": 0.02, "size error": 0.02}}


def figures(model: str, examiner: Examiner) -> dict[str, float]:
    """Every figure of a bundled model, or of the examiner itself."""
    if model == "examiner":
        return accuracy_on_renders(examiner)
    folder = BUNDLED / model
    if model in SETTINGS:
        pipeline = judge_pictures.load(folder)
        shares = judge_pictures.figures(pipeline, examiner, SETTINGS[model], judge_pictures.questions())
        return shares | distance.figures(drawn(model), distance.renders())
    if model == "sprout-inpaint":
        return judge_inpaint.figures(folder, examiner)
    if model == "sprout-clip":
        return judge_clip.figures(
            folder, drawn("sprout"), [str(world.render(seed).object) for seed in distance.SUBJECTS]
        )
    return judge_layout.figures(folder)


@cache
def drawn(model: str, count: int = distance.COUNT) -> list[world.Pixels]:
    """A model's pictures of the first held-out captions, each with a seed of its own."""
    cells = [(world.render(scene).caption, seed) for seed, scene in enumerate(distance.SUBJECTS[:count])]
    return list(judge_pictures.draw(judge_pictures.load(BUNDLED / model), cells, SETTINGS[model]))


def table(judged: Iterator[tuple[str, dict[str, float]]]) -> Table:
    """Model, figure, value, and what is wanted."""
    result = Table("model", "figure", "value", "wanted", "", title="The bundled models, judged")
    for model, values in judged:
        for name, value in values.items():
            least, most = AT_LEAST.get(model, {}).get(name), AT_MOST.get(model, {}).get(name)
            wanted = "" if least is most is None else f">= {least}" if most is None else f"<= {most}"
            good = (least is None or value >= least) and (most is None or value <= most)
            result.add_row(model, name, f"{value:.4g}", wanted, "" if not wanted else "yes" if good else "NO")
        result.add_section()
    return result


def write_sheets(folder: Path) -> None:
    """Pictures to look at: prompts by seeds, removal and completion, masks and depth."""
    folder.mkdir(parents=True, exist_ok=True)
    for model, settings in SETTINGS.items():
        judge_pictures.sheet_of(judge_pictures.load(BUNDLED / model), settings).save(folder / f"{model}.png")
    judge_inpaint.sheet(BUNDLED / "sprout-inpaint", folder / "sprout-inpaint.png")
    judge_layout.sheet(BUNDLED / "sprout-layout", folder / "sprout-layout.png", drawn("sprout", 16))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=MODELS, action="append", help="judge this model; may be given several times")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--sheets", type=Path, help="write sheets of pictures into this folder instead of judging")
    parser.add_argument("--sweep", action="store_true", help="judge sprout under other samplers and settings instead")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.sheets:
        write_sheets(options.sheets)
        return
    examiner = load_examiner()
    judged: Iterator[tuple[str, dict[str, float]]]
    if options.sweep:
        judged = (("sprout", judge(BUNDLED / "sprout", examiner)) for judge in (sweep.samplers, sweep.negative_prompts))
    else:
        judged = ((model, figures(model, examiner)) for model in options.only or MODELS)
    print(json.dumps(dict(judged), indent=2)) if options.json else Console().print(table(judged))


if __name__ == "__main__":
    main()
