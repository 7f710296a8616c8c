"""Pictures whose texts bear the names of what they tell, as Easy Diffusion and scripts write them; NovelAI."""

import json
from pathlib import Path

import foreign_pictures as foreign
import pytest

from seedscope.pipeline.imported.formats.embedded import read_header, recipe_of
from seedscope.pipeline.imported.formats.recipe import NoMetadata, Recipe, Settings, Unplaceable

EASY = foreign.EASY_DIFFUSION
COMMENT = json.loads(foreign.NOVELAI["Comment"])


def novelai(**changes: object) -> dict[str, str]:
    return foreign.NOVELAI | {"Comment": json.dumps(COMMENT | changes)}


def read(file: Path) -> Recipe:
    return recipe_of(read_header(file).texts, file.name)


def test_easy_diffusion(tmp_path: Path) -> None:
    found = read(foreign.png(tmp_path / "a.png", EASY))
    assert (found.prompt, found.seed) == ("a fox in snow", 4021)
    assert found.settings == Settings("blurry", "sd-v1-5", "euler_a", 25, 7.5, (24, 16))
    assert found.further == {"clip_skip": "False"}
    words = {
        "Prompt": "a fox in snow",
        "Seed": "4021",
        "Negative Prompt": "blurry",
        "Stable Diffusion model": "sd-v1-5",
        "Clip Skip": "False",
        "Sampler": "euler_a",
        "Width": "24",
        "Height": "16",
        "Steps": "25",
        "Guidance Scale": "7.5",
    }
    assert read(foreign.png(tmp_path / "b.png", words)) == found
    as_json = json.dumps(EASY | {"seed": 4021, "use_vae_model": None})
    assert read(foreign.with_user_comment(tmp_path / "c.jpg", as_json)) == found


def test_texts_of_a_script(tmp_path: Path) -> None:
    found = read(foreign.png(tmp_path / "00012-1234.png", {"prompt": "a ball", "seed": "1234", "steps": "20"}))
    assert (found.prompt, found.seed, found.settings) == ("a ball", 1234, Settings("", steps=20))
    numbered = {
        "prompt": "7",
        "seed": "5.0",
        "Creation Time": "today",
        "index": "3",
        "lora": "fur",
        "lora scale": "0.50",
    }
    found = recipe_of(numbered)
    assert (found.prompt, found.seed, found.further) == ("7", 5, {"lora": "fur", "lora_scale": 0.5})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seed": "-1"}, "stands for a random one"),
        ({"seed": "[4, 5]"}, "no whole number"),
        ({"seed": "None"}, "it names no seed"),
        ({"prompt": " "}, "its prompt is empty"),
        ({"Seed": "4022"}, "two texts that are called 'seed'"),
        ({"num_images_per_prompt": "4"}, "one of several pictures of a call .num_images_per_prompt 4."),
        ({"batch size": "2"}, "one of several pictures"),
        ({"subseed_strength": "0.3"}, "a variation seed was mixed in"),
        ({"prompt": "{}"}, "no ComfyUI graph"),
        ({"prompt": json.dumps(foreign.comfy_graph())[:200]}, "no ComfyUI graph; the texts in it are"),  # cut off
    ],
)
def test_texts_that_tell_no_cell(changes: dict[str, str], reason: str) -> None:
    with pytest.raises(Unplaceable, match=reason):
        recipe_of(EASY | changes)


def test_one_picture_of_one_is_no_batch() -> None:
    assert recipe_of(EASY | {"num_images": "1", "subseed_strength": "0.0"}).seed == 4021


def test_a_prompt_alone_is_refused_by_the_texts_that_are_there() -> None:
    with pytest.raises(Unplaceable, match="no text of it is called `seed`; the texts in it are 'prompt', 'steps'"):
        recipe_of({"prompt": "a ball", "steps": "20"})


def test_settings_beside_a_graph_are_not_taken_for_it() -> None:
    graph = {"prompt": json.dumps(foreign.comfy_graph()), "seed": "9", "workflow": "{}"}
    assert (recipe_of(graph).prompt, recipe_of(graph).seed) == ("a lighthouse", 5)
    assert recipe_of({"parameters": foreign.infotext("a cat", 7), "prompt": "a dog", "seed": "9"}).seed == 7


def test_novelai(tmp_path: Path) -> None:
    found = read(foreign.png(tmp_path / "a.png", foreign.NOVELAI))
    assert (found.prompt, found.seed) == ("1girl, sky", 2968187126)
    model = "Stable Diffusion XL C1E1DA71"
    assert found.settings == Settings("lowres", model, "k_euler native", 28, 5.0, (24, 16))
    assert found.further == {"uncond_scale": 1, "request_type": "PromptGenerateRequest"}
    old = {name: value for name, value in COMMENT.items() if name != "prompt"}
    assert recipe_of(foreign.NOVELAI | {"Comment": json.dumps(old)}).prompt == "1girl, sky"
    whole = {"v4_prompt": {"caption": {"base_caption": "1girl, sky", "char_captions": []}}, "extra_noise_seed": 5}
    assert recipe_of(novelai(**whole)) == found


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (novelai(n_samples=4), "one of 4 pictures"),
        (novelai(seed=None), "no seed"),
        (novelai(v4_prompt={"caption": {"char_captions": [{"char_caption": "a cat"}]}}), "characters have prompts"),
        (foreign.NOVELAI | {"Comment": "[broken"}, "no seed"),
        (foreign.NOVELAI | {"Software": "GIMP"}, "none of the known metadata; the texts in it are 'Comment'"),
    ],
)
def test_what_novelai_does_not_tell(texts: dict[str, str], reason: str) -> None:
    with pytest.raises(Unplaceable, match=reason):
        recipe_of(texts)


def test_a_graph_of_invokeai_alone_is_told_from_no_metadata() -> None:
    for name in ("invokeai_graph", "invokeai_workflow"):
        with pytest.raises(Unplaceable, match="InvokeAI's graph, but not its `invokeai_metadata`") as raised:
            recipe_of({name: '{"nodes": []}'})
        assert not isinstance(raised.value, NoMetadata)
