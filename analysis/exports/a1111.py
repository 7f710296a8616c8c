"""A1111 and Forge: the line of an X/Y/Z plot, a style, a script, and the setting that gives the noise.

Source: AUTOMATIC1111/stable-diffusion-webui, `scripts/xyz_grid.py` (values are split at commas), `modules/styles.py` (columns
of styles.csv), `modules/scripts.py` (a script has title, ui and run), `modules/processing.py` (a list of seeds is taken one a
picture, `override_settings` hold while pictures are drawn), `modules/shared_options.py` (`randn_source`).
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

from seedscope.analysis.exports.replay import Replay, replay_of
from seedscope.analysis.exports.source import Source
from seedscope.analysis.exports.written import Writer, named
from seedscope.analysis.select.settings import settings
from seedscope.pipeline.study.schema import Json

FAMILIES = ("sd", "sdxl", "sd3", "flux")
_SCRIPT = Path(__file__).parent / "templates" / "webui_script.py"
_BRACKETS = re.compile(r"([\[\]])")


def a1111(source: Source) -> Writer:
    """See `Tool`. It draws noise as on an NVIDIA card, resized and varied noise, too.

    Raises:
        UserError: as for `replay_of`.
    """
    replay = replay_of(source, "A1111", FAMILIES, plain=False)
    rng = settings(source.golden()).removeprefix("# The first line has the seeds. ")

    def write(folder: Path) -> list[str]:
        style = []
        if replay.negative_prompt:
            _write_style(replay, folder / "styles.csv")
            style = [f"styles.csv has the run's negative prompt as the style {replay.name}: add its line to yours."]
        (folder / "xyz_plot.txt").write_text(f"{named(replay.seeds)}\n", encoding="utf-8")
        (folder / "scripts").mkdir()
        script = folder / "scripts" / f"seedscope_{replay.slug}.py"
        script.write_text(script_of(replay), encoding="utf-8")
        return [
            f"Copy scripts/{script.name} into the folder scripts of the web UI and reload it: the script Golden seeds: "
            f"{replay.name} draws the prompt with each seed, and sets the random number generator itself.",
            "xyz_plot.txt is what the X/Y/Z plot takes as values of Seed.",
            rng,
            *style,
            f"Load the model {replay.model}.",
            *replay.notes,
        ]

    return write


def script_of(replay: Replay) -> str:
    """The script for the folder `scripts` of the web UI."""
    sampler, schedule = replay.sampler.a1111
    told: Json = {
        "name": replay.name,
        "seeds": list(replay.seeds),
        "settings": {
            "width": replay.width,
            "height": replay.height,
            "steps": replay.steps,
            "cfg_scale": replay.cfg,
            "sampler_name": sampler,
            "scheduler": schedule,
        },
        "noise": _noise(replay),
        "overrides": {"randn_source": replay.recipe.source.upper()},
    }
    return _SCRIPT.read_text(encoding="utf-8").replace('"@RUN@"', repr(json.dumps(told)))


def _noise(replay: Replay) -> dict[str, Json]:
    recipe, found = replay.recipe, dict[str, Json]()
    if recipe.variation is None:
        found["subseed_strength"] = 0.0
    else:
        found["subseed_strength"] = recipe.variation.strength
        found["subseed"] = [recipe.variation.seed] * len(replay.seeds)
    height, width = (0, 0) if recipe.small is None else recipe.small[1:]
    found["seed_resize_from_h"] = height * replay.height // recipe.shape[1]
    found["seed_resize_from_w"] = width * replay.width // recipe.shape[2]
    return found


def _write_style(replay: Replay, path: Path) -> None:
    """The negative prompt as a style: `{prompt}` is where the text of a person goes."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "prompt", "negative_prompt"])
        negative = _BRACKETS.sub(r"\\\1", replay.written(replay.negative_prompt))
        writer.writerow([replay.name, "{prompt}", negative])
