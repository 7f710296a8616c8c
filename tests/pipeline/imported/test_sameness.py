"""Pictures of different settings never mix: whatever a program writes beside prompt and seed is compared."""

import json
from pathlib import Path
from typing import Any

import foreign_pictures as foreign
import pytest

from seedscope.pipeline.imported.placing import Placing, place


def placed(folder: Path, **options: Any) -> Placing:
    return place(folder, {}, outside=folder / "run", **options)


def reasons(folder: Path) -> dict[str, str]:
    return {file.name: why for file, why in placed(folder).unplaced.items()}


def a1111(folder: Path, seed: int, **changes: object) -> None:
    foreign.png(folder / f"{seed}.png", {"parameters": foreign.infotext("a cat", seed, **changes)})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Clip_skip": 2}, "clip skip is 2, not unset"),
        ({"RNG": "CPU"}, "rng is CPU, not unset"),
        ({"Distilled_CFG_Scale": 1.5}, "distilled cfg scale is 1.5, not unset"),
        ({"CFG_scale": "3,5"}, "cfg scale is 3,5, not unset"),
        ({"Token_merging_ratio": 0.4}, "token merging ratio is 0.4, not unset"),
        ({"ControlNet_0": "Module: canny, Weight: 1"}, "controlnet 0 is Module: canny, Weight: 1, not unset"),
        ({"Postprocess_upscale_by": 4}, "postprocess upscale by is 4, not unset"),
        (
            {"Model_hash": "ffffffffff"},
            "model is v1-5-pruned-emaonly [ffffffffff], not v1-5-pruned-emaonly [6ce0161689]",
        ),
        ({"Model": "other", "Model_hash": None}, "model is other, not v1-5-pruned-emaonly"),
        ({"Model": None, "Model_hash": "ffffffffff"}, "model is ffffffffff"),
    ],
)
def test_each_setting_of_a_line_counts(tmp_path: Path, changes: dict[str, object], reason: str) -> None:
    for seed in range(2):
        a1111(tmp_path, seed)
    a1111(tmp_path, 9, **changes)
    assert reasons(tmp_path).keys() == {"9.png"} and reason in reasons(tmp_path)["9.png"]


@pytest.mark.parametrize(
    "changes",
    [
        {"Version": "f2.0.1"},
        {"User": "me", "Time_taken": "3 s", "Batch_size": 4, "Batch_pos": 1},
        {"Lora_hashes": "other: 00", "TI_hashes": "x: 1", "Hashes": '{"model": "x"}'},
        {"CFG_scale": "7.0", "Wildcard_prompt": "a __animal__"},
        {"Model": None},
        {"Model_hash": "6ce0161689" + "0" * 54},
        {"Model_hash": None},
    ],
)
def test_what_shapes_no_picture_does_not_count(tmp_path: Path, changes: dict[str, object]) -> None:
    for seed in range(2):
        a1111(tmp_path, seed)
    a1111(tmp_path, 9, **changes)
    assert reasons(tmp_path) == {}


def graph(seed: int, prompt: str = "a cat", **nodes: Any) -> dict[str, Any]:
    """The default graph with its conditioning and its model going through other nodes."""
    made: dict[str, Any] = foreign.comfy_graph(prompt, seed)
    for name, (kind, inputs) in nodes.items():
        made[name] = {"class_type": kind, "inputs": inputs}
    return made


def guided(seed: int, guidance: float) -> dict[str, Any]:
    made = graph(seed, n10=("FluxGuidance", {"conditioning": ["6", 0], "guidance": guidance}))
    made["3"]["inputs"]["positive"] = ["n10", 0]
    return made


def modelled(seed: int, kind: str, **inputs: object) -> dict[str, Any]:
    made = graph(seed, n10=(kind, {"model": ["4", 0], **inputs}))
    made["3"]["inputs"]["model"] = ["n10", 0]
    return made


def test_the_same_graph_with_other_ids_seeds_and_prompts_is_the_same(tmp_path: Path) -> None:
    foreign.comfy_png(tmp_path / "a.png", guided(1, 3.5))
    renamed = json.loads(json.dumps(guided(2, 3.5)).replace('"n10"', '"2:77"').replace('"6"', '"612"'))
    renamed["612"]["inputs"]["text"] = "a dog"
    renamed["9"]["inputs"]["filename_prefix"] = "other"
    foreign.comfy_png(tmp_path / "b.png", dict(reversed(renamed.items())))
    assert reasons(tmp_path) == {}


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (guided(9, 1.5), "FluxGuidance.guidance is 1.5, not 3.5"),
        (graph(9), "FluxGuidance.guidance is unset, not 3.5"),
        (modelled(9, "FreeU_V2", b1=1.3), "FreeU_V2.b1 is 1.3, not unset"),
        (
            modelled(9, "Power Lora Loader (rgthree)", lora_1={"on": True, "lora": "x"}),
            "Power Lora Loader (rgthree).lora_1",
        ),
    ],
)
def test_each_node_above_a_picture_counts(tmp_path: Path, other: dict[str, Any], reason: str) -> None:
    for seed in range(2):
        foreign.comfy_png(tmp_path / f"{seed}.png", guided(seed, 3.5))
    foreign.comfy_png(tmp_path / "9.png", other)
    assert reasons(tmp_path).keys() == {"9.png"} and reason in reasons(tmp_path)["9.png"]


def test_what_a_node_holds_is_as_if_it_stood_in_place(tmp_path: Path) -> None:
    held = {
        "p": ("PrimitiveString", {"value": "a cat"}),
        "q": ("PrimitiveInt", {"value": 20}),
        "r": ("PrimitiveFloat", {"value": 8}),
    }
    for seed in range(2):
        foreign.comfy_png(tmp_path / f"{seed}.png", graph(seed))
    for seed, steps in ((2, 20), (9, 30)):
        made = graph(seed, **held)
        made["q"]["inputs"]["value"] = steps
        made["6"]["inputs"]["text"] = ["p", 0]
        made["3"]["inputs"] |= {"steps": ["q", 0], "cfg": ["r", 0]}
        foreign.comfy_png(tmp_path / f"{seed}.png", made)
    assert reasons(tmp_path) == {"9.png": "it was made in another way than the rest: steps is 30, not 20"}


def test_links_are_told_where_nothing_else_differs(tmp_path: Path) -> None:
    for seed in range(2):
        foreign.comfy_png(tmp_path / f"{seed}.png", graph(seed))
    swapped = graph(9)
    swapped["6"]["inputs"]["clip"] = ["4", 3]
    foreign.comfy_png(tmp_path / "9.png", swapped)
    assert "clip is -> CheckpointLoaderSimple[3], not -> CheckpointLoaderSimple[1]" in reasons(tmp_path)["9.png"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rand_device": "cuda"}, "rand_device is cuda, not cpu"),
        ({"clip_skip": 2}, "clip_skip is 2, not unset"),
        ({"vae": {"key": "k", "name": "v"}}, "vae is v, not unset"),
        ({"guidance": 3.5}, "guidance is 3.5, not unset"),
    ],
)
def test_settings_of_invokeai_count(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    for seed, changes in enumerate(({}, {}, change)):
        texts = {"invokeai_metadata": json.dumps(foreign.INVOKE | {"seed": seed} | changes)}
        foreign.png(tmp_path / f"{seed}.png", texts)
    assert reasons(tmp_path) == {"2.png": f"it was made in another way than the rest: {reason}"}


CONTROL: dict[str, Any] = {
    "id": "c1",
    "name": None,
    "isEnabled": True,
    "objects": [{"id": "o1", "image": {"image_name": "a.png"}}],
    "controlAdapter": {"type": "controlnet", "model": {"key": "k", "name": "canny"}, "weight": 0.8},
}
REGION: dict[str, Any] = {"id": "r1", "isEnabled": True, "positivePrompt": "a dog", "objects": []}


def canvas(seed: int, **lists: list[dict[str, Any]]) -> dict[str, str]:
    kinds = ("controlLayers", "inpaintMasks", "rasterLayers", "regionalGuidance")
    told = {kind: lists.get(kind, []) for kind in kinds}
    return {"invokeai_metadata": json.dumps(foreign.INVOKE | {"seed": seed, "canvas_v2_metadata": told})}


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        ({}, "controlLayers"),
        ({"controlLayers": [CONTROL | {"isEnabled": False}]}, "controlLayers"),
        ({"controlLayers": [CONTROL | {"controlAdapter": {"weight": 0.5}}]}, "controlLayers"),
        ({"controlLayers": [CONTROL], "regionalGuidance": [REGION]}, "regionalGuidance"),
        ({"controlLayers": [CONTROL], "rasterLayers": [{"objects": [{"image": {"image_name": "b"}}]}]}, "rasterLayers"),
        ({"controlLayers": [CONTROL], "inpaintMasks": [{"id": "m", "isEnabled": True}]}, "inpaintMasks"),
    ],
)
def test_the_layers_of_invokeais_canvas_count(tmp_path: Path, other: dict[str, Any], kind: str) -> None:
    off = {"id": "r2", "isEnabled": False}
    same = CONTROL | {"id": "c2", "isLocked": True, "objects": [{"id": "o2", "image": {"image_name": "a.png"}}]}
    for seed, lists in enumerate(
        ({"controlLayers": [CONTROL]}, {"controlLayers": [CONTROL]}, {"controlLayers": [same], "rasterLayers": [off]})
    ):
        foreign.png(tmp_path / f"{seed}.png", canvas(seed, **lists))
    foreign.png(tmp_path / "9.png", canvas(9, **other))
    assert reasons(tmp_path).keys() == {"9.png"} and f"canvas_v2_metadata.{kind} is " in reasons(tmp_path)["9.png"]


def test_a_canvas_without_layers_that_are_on_is_none(tmp_path: Path) -> None:
    foreign.png(tmp_path / "0.png", canvas(0, controlLayers=[CONTROL | {"isEnabled": False}]))
    foreign.png(tmp_path / "1.png", {"invokeai_metadata": json.dumps(foreign.INVOKE | {"seed": 1})})
    assert reasons(tmp_path) == {}


def test_settings_of_swarmui_and_fooocus_count(tmp_path: Path) -> None:
    for seed, shift in enumerate((None, None, 6)):
        params = foreign.SWARM["sui_image_params"] | {"seed": seed, "sigmashift": shift}
        foreign.png(tmp_path / "swarm" / f"{seed}.png", {"parameters": json.dumps({"sui_image_params": params})})
        sharp = foreign.FOOOCUS | {"seed": str(seed), "sharpness": 2 if shift is None else 20}
        foreign.png(tmp_path / "fooocus" / f"{seed}.png", {"parameters": json.dumps(sharp)})
    way = "it was made in another way than the rest"
    assert reasons(tmp_path / "swarm") == {"2.png": f"{way}: sigmashift is 6, not unset"}
    assert reasons(tmp_path / "fooocus") == {"2.png": f"{way}: sharpness is 20, not 2"}


def test_two_values_never_mix_because_most_files_tell_none(tmp_path: Path) -> None:
    for seed in range(3):
        a1111(tmp_path, seed, Denoising_strength=None)
    a1111(tmp_path, 8, Denoising_strength=0.3)
    a1111(tmp_path, 9, Denoising_strength=0.7)
    assert reasons(tmp_path) == {"9.png": "it was made in another way than the rest: denoising is 0.7, not 0.3"}
    assert reasons(tmp_path)["9.png"]


def test_a_run_begun_before_all_settings_were_compared_keeps_what_it_has(tmp_path: Path) -> None:
    for seed in range(3):
        a1111(tmp_path, seed)
    a1111(tmp_path, 3, Clip_skip=2)
    whole = placed(tmp_path)
    old = {key: value for key, value in (whole.made or {}).items() if key != "settings"}
    a1111(tmp_path, 3, Clip_skip=2)
    taken = {item.key: item.file for item in place(tmp_path, {}, outside=tmp_path / "run", mixed=True).cells.values()}
    a1111(tmp_path, 4, Clip_skip=3)
    again = placed(tmp_path, made=old, taken=taken)
    assert sorted(seed for _, seed in again.cells) == [0, 1, 2, 3]
    assert [(file.name, "clip skip is 3, not unset" in why) for file, why in again.unplaced.items()] == [
        ("4.png", True)
    ]


def test_thousands_of_pictures_share_how_they_were_made(tmp_path: Path) -> None:
    for seed in range(5):
        foreign.comfy_png(tmp_path / f"{seed}.png", guided(seed, 3.5))
    assert len({id(item.made) for item in placed(tmp_path).cells.values()}) == 1
