"""The script of the web UI draws golden seeds, by the web UI's own contract."""

from __future__ import annotations

import csv
import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from exported_run import source

from seedscope.analysis.exports.a1111 import a1111
from seedscope.pipeline.drawing.noise import NoiseContract
from seedscope.pipeline.drawing.noise.recipe import Recipe
from seedscope.pipeline.study.noise import Variation


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Stands in for the web UI: what a script hands to `process_images`."""
    found: list[Any] = []

    def process_images(p: Any) -> SimpleNamespace:
        found.append(p)
        return SimpleNamespace(images=["picture"] * len(p.seed), all_prompts=p.prompt, infotexts=[""] * len(p.seed))

    def control(**options: Any) -> dict[str, Any]:
        return options

    contents: dict[str, dict[str, Any]] = {
        "gradio": {"Slider": control, "Checkbox": control},
        "modules": {},
        "modules.scripts": {"Script": object},
        "modules.processing": {"Processed": lambda p, images, *_, **__: images, "process_images": process_images},
    }
    for name, content in contents.items():
        module = ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules["modules"].scripts = sys.modules["modules.scripts"]  # type: ignore[attr-defined]  # as `import` does
    return found


def request() -> SimpleNamespace:
    """What the web UI is asked for by a person."""
    return SimpleNamespace(
        seed=-1, prompt="a bus", negative_prompt="", batch_size=2, n_iter=1, steps=50, override_settings={"sd_vae": "x"}
    )


def test_the_script_draws_the_seeds_with_the_noise_of_the_run(run: Path, tmp_path: Path, drawn: list[Any]) -> None:
    a1111(source(run))(tmp_path)
    script = runpy.run_path(str(tmp_path / "scripts" / "seedscope_made_up.py"))["Script"]()
    assert script.title() == "Golden seeds: made-up"
    count, as_run = script.ui(is_img2img=False)
    assert (count["value"], as_run["value"]) == (3, True)
    asked = request()
    assert script.run(asked, 3, True) == ["picture"] * 3
    (p,) = drawn
    assert p.seed == [7, 3, 12] and p.prompt == ["a bus"] * 3 and p.negative_prompt == [""] * 3
    assert p.batch_size * p.n_iter >= 3 and p.override_settings == {"sd_vae": "x", "randn_source": "CPU"}
    assert (p.width, p.height, p.steps, p.cfg_scale, p.subseed_strength) == (64, 64, 2, 5.0, 0.0)
    assert asked.seed == -1 and asked.prompt == "a bus"
    script.run(request(), 2, False)
    assert drawn[1].seed == [7, 3] and drawn[1].steps == 50


def test_noise_of_a_card_resized_and_varied(run: Path, tmp_path: Path, drawn: list[Any]) -> None:
    golden = source(run).golden()
    recipe = Recipe((4, 8, 8), "nv", (4, 4, 8), Variation(seed=5, strength=0.25))
    contract = NoiseContract.of(golden.seeds, recipe)
    a1111(source(run, golden.model_copy(update={"noise": contract})))(tmp_path)
    script = runpy.run_path(str(tmp_path / "scripts" / "seedscope_made_up.py"))["Script"]()
    script.run(request(), 3, False)
    (p,) = drawn
    assert p.override_settings["randn_source"] == "NV"
    assert (p.subseed, p.subseed_strength, p.seed_resize_from_h, p.seed_resize_from_w) == ([5] * 3, 0.25, 32, 64)


def test_the_line_of_the_plot_and_the_style(run: Path, tmp_path: Path) -> None:
    told = a1111(source(run))(tmp_path)
    assert [int(part) for part in (tmp_path / "xyz_plot.txt").read_text().split(",")] == [7, 3, 12]
    with (tmp_path / "styles.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"name": "made-up", "prompt": "{prompt}", "negative_prompt": r"blurry \(soft\)"}
        ]
    assert any("Random number generator source to CPU" in sentence for sentence in told)
