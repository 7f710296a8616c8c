"""Pictures of Draw Things, which tells of them in XMP."""

from pathlib import Path
from typing import Any

import foreign_pictures as foreign
import pytest
from PIL import Image

from seedscope.pipeline.imported.formats import drawthings, xmp
from seedscope.pipeline.imported.formats.embedded import read_header, recipe_of
from seedscope.pipeline.imported.formats.recipe import Recipe, Settings, Unplaceable
from seedscope.pipeline.imported.placing import place


def read(path: Path) -> Recipe:
    return recipe_of(read_header(path).texts)


@pytest.mark.parametrize("comment", [foreign.DRAW_THINGS, None], ids=["json", "description alone"])
@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_the_recipe_is_in_the_xmp(tmp_path: Path, ending: str, comment: dict[str, Any] | None) -> None:
    file, said = tmp_path / f"a.{ending}", foreign.draw_things_xmp(comment=comment)
    if ending == "png":
        foreign.png(file, {xmp.NAME: said})
    else:
        Image.fromarray(foreign.noise(0)).save(file, xmp=said.encode())
    found = read(file)
    assert (found.prompt, found.seed) == ("a guitar <on> a lake", 3665757974)
    assert found.settings == Settings(
        negative_prompt="ocean & sun",
        model="sd_v1.5_f16.ckpt" + (" + detail.ckpt:0.8 + add.ckpt:0.4" if comment else ""),
        sampler="UniPC Trailing",
        steps=8,
        guidance=4.5,
        size=(24, 16),
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"v2": foreign.DRAW_THINGS["v2"] | {"clipSkip": 2}}, "v2.clipSkip is 2, not 1"),
        ({"shift": 1}, "shift is 1, not 3"),
        ({"lora": []}, "model is sd_v1.5_f16.ckpt, not sd_v1.5_f16.ckpt \\+ detail.ckpt:0.8 \\+ add.ckpt:0.4"),
        ({"strength": 0.5}, ""),
        ({"profile": {"duration": 3}, "v2": foreign.DRAW_THINGS["v2"] | {"seed": 9, "batchCount": 1}}, None),
    ],
)
def test_settings_are_compared(tmp_path: Path, change: dict[str, Any], reason: str | None) -> None:
    for seed, made in enumerate(({}, {}, change)):
        said = foreign.draw_things_xmp(comment=foreign.DRAW_THINGS | {"seed": seed} | made)
        foreign.png(tmp_path / f"{seed}.png", {xmp.NAME: said})
    placing = place(tmp_path, {}, outside=tmp_path / "run")
    if reason is None:
        assert not placing.unplaced
    elif reason:
        assert reason.replace("\\", "") in placing.unplaced[tmp_path / "2.png"]


def test_adapters_of_a_description_are_compared(tmp_path: Path) -> None:
    for number, weight in enumerate(("0.4", "0.4", "0.9")):
        written = foreign.DRAW_THINGS_TEXT.replace("3665757974", str(number)).replace(
            "LoRA Weight: 0.4", f"LoRA Weight: {weight}"
        )
        foreign.png(tmp_path / f"{number}.png", {xmp.NAME: foreign.draw_things_xmp(written)})
    unplaced = place(tmp_path, {}, outside=tmp_path / "run").unplaced
    assert unplaced.keys() == {tmp_path / "2.png"} and "lora weight 2 is 0.9, not 0.4" in unplaced[tmp_path / "2.png"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (foreign.draw_things_xmp(comment=foreign.DRAW_THINGS | {"v2": {"batchSize": 4}}), "one of a batch of 4"),
        (foreign.draw_things_xmp(comment=foreign.DRAW_THINGS | {"c": 5}), "it names no prompt"),
        (foreign.draw_things_xmp("a cat\n-red\n-blue\nSteps: 8, Seed: 5, Size: 24x16"), "several lines"),
        (foreign.draw_things_xmp("a cat"), "no line of settings"),
    ],
)
def test_what_tells_no_cell_is_refused(said: str, reason: str) -> None:
    with pytest.raises(Unplaceable, match=reason):
        drawthings.parse(said)


def test_a_description_without_a_negative_prompt() -> None:
    found = drawthings.parse(foreign.draw_things_xmp("a cat,\nred\nSteps: 8, Seed: 5, Strength: 0.5"))
    assert (found.prompt, found.settings.negative_prompt, found.settings.denoising) == ("a cat,\nred", "", 0.5)


def test_xmp_of_other_programs_and_what_is_none_tell_nothing(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "Draw Things">]><x><CreatorTool>&a;</CreatorTool></x>'
    for said in (
        foreign.draw_things_xmp().replace("Draw Things", "Some Editor"),
        bomb,
        "Draw Things",
        "<x>Draw Things",
    ):
        assert not drawthings.is_of_it(said)
        with pytest.raises(Unplaceable, match="none of the known metadata"):
            read(foreign.png(tmp_path / "a.png", {xmp.NAME: said}))
