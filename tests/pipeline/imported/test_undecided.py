"""Pictures that prompt and seed do not decide are told of."""

import json
from pathlib import Path
from typing import Any

import foreign_pictures as foreign
import pytest

from seedscope.pipeline.imported.formats import comfyui, invokeai
from seedscope.pipeline.imported.formats.embedded import recipe_of
from seedscope.pipeline.imported.formats.xmp import NAME
from seedscope.pipeline.imported.placing import place
from seedscope.pipeline.imported.undecided import about_undecided


def notes(folder: Path, *texts: dict[str, str]) -> list[str]:
    for number, text in enumerate(texts):
        foreign.png(folder / f"{number}.png", text)
    placing = place(folder, {}, outside=folder / "run")
    assert not placing.unplaced
    return [*about_undecided(placing.cells.values())]


def a1111(**changes: object) -> dict[str, str]:
    return {"parameters": foreign.infotext("a cat", 5, **changes)}


def swarm(**changes: object) -> dict[str, str]:
    return {"parameters": json.dumps({"sui_image_params": foreign.SWARM["sui_image_params"] | changes})}


def draw_things(strength: float) -> dict[str, str]:
    return {NAME: foreign.draw_things_xmp(comment=foreign.DRAW_THINGS | {"strength": strength})}


@pytest.mark.parametrize(
    ("texts", "begun"),
    [
        (a1111(Denoising_strength=0.7), True),
        (a1111(Denoising_strength=0.7, ADetailer_denoising_strength=0.4), True),
        (a1111(Denoising_strength=1), False),
        (a1111(Denoising_strength=0), False),  # as its API writes of pictures from a text alone
        (a1111(ADetailer_denoising_strength=0.4), False),
        (a1111(Denoising_strength=0.7, Hires_upscale=2), False),
        (a1111(Denoising_strength=0.7, First_pass_size="0x0"), False),
        (a1111(Denoising_strength=0.7, Init_image_hash="ab12"), False),
        (a1111(), False),
        (swarm(initimagecreativity=0.6), True),
        (swarm(initimagecreativity=0.6, initimage="a.png"), False),
        (swarm(), False),
        (draw_things(0.5), True),
        (draw_things(1.0), False),
        ({"prompt": "a cat", "seed": "5", "prompt_strength": "0.5"}, True),
        ({"prompt": "a cat", "seed": "5", "prompt_strength": "0.5", "init_image": "a"}, False),
    ],
)
def test_a_picture_of_another_one_that_is_not_named(texts: dict[str, str], begun: bool) -> None:
    assert recipe_of(texts).of_another == begun


def test_invokeai_names_what_it_begins_from() -> None:
    begun = foreign.INVOKE | {"generation_mode": "sdxl_img2img", "strength": 0.6}
    assert invokeai.parse(begun).of_another
    assert not invokeai.parse(begun | {"init_image": "a.png"}).of_another
    assert not invokeai.parse(begun | {"canvas_v2_metadata": {"rasterLayers": [{"objects": ["a"]}]}}).of_another
    assert not invokeai.parse(foreign.INVOKE).of_another


def test_a_note_says_so(tmp_path: Path) -> None:
    begun = [{"parameters": foreign.infotext("a cat", seed, Denoising_strength=0.7)} for seed in range(3)]
    (told,) = notes(tmp_path / "begun", *begun)
    assert "0.png: it was made from another picture (img2img)" in told and "for all 3 such pictures" in told
    assert notes(tmp_path / "plain", {"parameters": foreign.infotext("a cat", 5)}) == []


def detailed(seed: int, later: int, **inputs: object) -> dict[str, Any]:
    """The default graph with a node behind its picture that has a seed of its own."""
    made: dict[str, Any] = foreign.comfy_graph("a cat", seed)
    made["10"] = {"class_type": "FaceDetailer", "inputs": {"image": ["8", 0], "seed": later, **inputs}}
    made["9"]["inputs"]["images"] = ["10", 0]
    return made


@pytest.mark.parametrize(
    ("seeds", "free"),
    [
        ([(1, 7), (2, 7), (3, 7)], False),
        ([(1, 1), (2, 2), (3, 3)], False),
        ([(1, 101), (2, 102), (5, 105)], False),
        ([(1, 7), (2, 9), (3, 4)], True),
        ([(1, 7), (2, 8), (3, 4)], True),
    ],
)
def test_a_later_seed_that_changes_by_itself_is_told_of(
    tmp_path: Path, seeds: list[tuple[int, int]], free: bool
) -> None:
    told = notes(tmp_path, *({"prompt": json.dumps(detailed(*pair))} for pair in seeds))
    assert len(told) == free and (not free or "FaceDetailer.seed is 7" in told[0])


def test_seeds_that_draw_nothing_of_a_picture_are_none_of_it() -> None:
    assert comfyui.parse(detailed(1, 7)).later_seeds == {"FaceDetailer.seed": 7}
    assert comfyui.parse(detailed(1, 7, add_noise="disable")).later_seeds == {}
    beside = foreign.comfy_graph() | {"10": {"class_type": "FaceDetailer", "inputs": {"image": ["8", 0], "seed": 7}}}
    assert comfyui.parse(beside).later_seeds == comfyui.parse(foreign.comfy_graph()).later_seeds == {}
    own = foreign.comfy_graph()
    own["11"] = {"class_type": "RandomNoise", "inputs": {"noise_seed": 5}}
    own["3"]["inputs"]["noise"] = ["11", 0]
    assert comfyui.parse(own).later_seeds == {}
