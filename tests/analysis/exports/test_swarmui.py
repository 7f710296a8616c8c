"""The grid is what SwarmUI's Grid Generator saves, and its values are split there as they are meant."""

from __future__ import annotations

import json
from pathlib import Path

from exported_run import source

from seedscope.analysis.exports.swarmui import swarmui


def split(values: str) -> list[str]:
    """As `GridGenCore.cs::BuildFromListStr` splits the values of an axis."""
    parts = [part.strip() for part in values.split("||" if "||" in values else ",")]
    return parts[:-1] if "||" in values and parts[-1] == "" else parts


def test_the_saved_grid_has_prompts_and_seeds(run: Path, tmp_path: Path) -> None:
    swarmui(source(run))(tmp_path)
    saved = json.loads((tmp_path / "Grids" / "seedscope-made_up" / "swarm_save_config.json").read_text())
    assert saved.keys() == {"axes", "checkboxes", "output_folder_name", "output_type"}
    assert saved["output_type"] in ("Just Images", "Grid Image", "Web Page")
    axes = {axis["mode"]: split(axis["values"]) for axis in saved["axes"]}
    assert axes == {"prompt": ["a cat", "a car", "a tree"], "seed": ["7", "3", "12"]}
    assert all(name.startswith("grid-gen-opt-") and type(value) is bool for name, value in saved["checkboxes"].items())


def test_the_request_has_all_parameters_of_the_route(run: Path, tmp_path: Path) -> None:
    swarmui(source(run))(tmp_path)
    asked = json.loads((tmp_path / "grid_run.json").read_text())
    route = "outputFolderName doOverwrite fastSkip generatePage publishGenMetadata dryRun weightOrder outputType"
    assert asked.keys() == {*route.split(), "continueOnError", "showOutputs", "baseParams", "gridAxes", "saveConfig"}
    assert [axis.keys() for axis in asked["gridAxes"]] == [{"mode", "vals"}] * 2
    drawn = asked["baseParams"]
    assert (drawn["width"], drawn["height"], drawn["steps"], drawn["cfgscale"], drawn["images"]) == (64, 64, 2, 5.0, 1)
    assert drawn["negativeprompt"] == r"blurry \(soft\)"


def test_a_single_prompt_with_commas_stays_one(run: Path, tmp_path: Path) -> None:
    whole = source(run)
    (first, *_) = whole.run.judged.prompts
    one = whole.run.judged.__class__(
        (type(first)(first.id, "a cat, red || blue", first.group),), whole.run.judged.seeds
    )
    whole.run.__dict__["judged"] = one
    swarmui(whole)(tmp_path)
    asked = json.loads((tmp_path / "grid_run.json").read_text())
    assert split(asked["gridAxes"][0]["vals"]) == ["a cat, red | blue"]
