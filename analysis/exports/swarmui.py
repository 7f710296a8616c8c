"""SwarmUI: a grid of prompts and golden seeds, as its Grid Generator saves it and as its API takes it.

Source: mcmonkeyprojects/SwarmUI, `src/BuiltinExtensions/GridGenerator/Assets/grid_gen.js::getSaveConfig` (the saved grid),
`GridGeneratorExtension.cs::GridGenRun` (the request), `GridGenCore.cs::Axis.BuildFromListStr` (values are split at `||`, or at
commas where there is none), `docs/APIRoutes/GridGeneratorExtension.md`; `SwarmKSampler.py` (noise is `torch.randn` on the CPU).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from seedscope.analysis.exports.replay import Replay, replay_of
from seedscope.analysis.exports.source import Source
from seedscope.analysis.exports.written import Writer, named, write_json
from seedscope.pipeline.study.schema import Json

FAMILIES = ("sd", "sdxl", "sd3", "flux")
_OPTIONS: Mapping[str, bool] = {
    "do-overwrite": False,
    "fast-skip": False,
    "generate-page": True,
    "publish-metadata": True,
    "dry-run": False,
    "weight-order": True,
    "continue-on-error": False,
    "show-outputs": True,
}


def swarmui(source: Source) -> Writer:
    """See `Tool`.

    Raises:
        UserError: as for `replay_of`.
    """
    replay = replay_of(source, "SwarmUI", FAMILIES)

    def write(folder: Path) -> list[str]:
        name = f"seedscope-{replay.slug}"
        grid = folder / "Grids" / name
        grid.mkdir(parents=True)
        write_json(grid / "swarm_save_config.json", saved(replay, name))
        write_json(folder / "grid_run.json", request(replay, name))
        return [
            f"Copy Grids/{name} into the folder Grids of SwarmUI's output folder; then Tools > Grid Generator > Load Grid "
            f"Config has it as History - {name}: {len(replay.prompts)} prompts x {len(replay.seeds)} seeds.",
            "grid_run.json is the same for its API: add a session_id, and send it to the WebSocket /API/GridGenRun.",
            f"Its model is {replay.model_name}: change it where yours is called otherwise.",
            *replay.notes,
        ]

    return write


def saved(replay: Replay, name: str) -> Mapping[str, Json]:
    """A grid as the Grid Generator saves it."""
    return {
        "axes": [{"mode": mode, "values": values} for mode, values in _axes(replay).items()],
        "checkboxes": {f"grid-gen-opt-{option}": value for option, value in _OPTIONS.items()},
        "output_folder_name": name,
        "output_type": "Web Page",
    }


def request(replay: Replay, name: str) -> Mapping[str, Json]:
    """A request for `GridGenRun`, but for the session."""
    return {
        "baseParams": _drawn(replay),
        "gridAxes": [{"mode": mode, "vals": values} for mode, values in _axes(replay).items()],
        "outputFolderName": name,
        "doOverwrite": _OPTIONS["do-overwrite"],
        "fastSkip": _OPTIONS["fast-skip"],
        "generatePage": _OPTIONS["generate-page"],
        "publishGenMetadata": _OPTIONS["publish-metadata"],
        "dryRun": _OPTIONS["dry-run"],
        "weightOrder": _OPTIONS["weight-order"],
        "outputType": "Web Page",
        "continueOnError": _OPTIONS["continue-on-error"],
        "showOutputs": _OPTIONS["show-outputs"],
        "saveConfig": dict(saved(replay, name)),
    }


def _axes(replay: Replay) -> Mapping[str, str]:
    return {"prompt": _values(map(replay.written, replay.prompts)), "seed": named(replay.seeds)}


def _values(texts: Iterable[str]) -> str:
    """Texts with `||` between and after them: an empty last value is left out, and commas separate nothing."""
    return " || ".join(text.replace("||", "|") for text in texts) + " ||"


def _drawn(replay: Replay) -> dict[str, Json]:
    sampler, scheduler = replay.sampler.comfyui
    return {
        "model": replay.model_name,
        "prompt": replay.written(replay.prompts[0]),
        "negativeprompt": replay.written(replay.negative_prompt),
        "images": 1,
        "seed": replay.seeds[0],
        "steps": replay.steps,
        "cfgscale": replay.cfg,
        "width": replay.width,
        "height": replay.height,
        "sampler": sampler,
        "scheduler": scheduler,
    }
