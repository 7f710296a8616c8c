"""What ComfyUI's graphs hand on: by the output that is asked for, and never by a guess."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import foreign_pictures as foreign
import pytest

from seedscope.pipeline.imported.formats import comfyui
from seedscope.pipeline.imported.formats.embedded import read_header, recipe_of
from seedscope.pipeline.imported.formats.recipe import Recipe, Unplaceable, Unread


def graph(sampler: dict[str, object] | None = None, **nodes: tuple[str, dict[str, object]]) -> dict[str, Any]:
    """The default graph with other inputs of its sampler, and further nodes: n10=(kind, inputs)."""
    made: dict[str, Any] = foreign.comfy_graph()
    made["3"]["inputs"] |= sampler or {}
    return made | {name[1:]: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in nodes.items()}


CONTEXT = {
    "model": ["4", 0],
    "clip": ["4", 1],
    "vae": ["4", 2],
    "positive": ["6", 0],
    "negative": ["7", 0],
    "latent": ["5", 0],
    "seed": ["11", 0],
}
BY_CONTEXT = {
    "model": ["10", 1],
    "positive": ["10", 4],
    "negative": ["10", 5],
    "latent_image": ["10", 6],
    "seed": ["10", 8],
}
SEED = ("Seed (rgthree)", {"seed": 77})


@pytest.mark.parametrize(
    "made",
    [
        graph(BY_CONTEXT, n10=("Context (rgthree)", CONTEXT), n11=SEED),
        graph(
            BY_CONTEXT,
            n10=("Context Big (rgthree)", {"base_ctx": ["12", 0]}),
            n12=("Context (rgthree)", CONTEXT),
            n11=SEED,
        ),
        graph(
            BY_CONTEXT,
            n10=("Context Switch (rgthree)", {"ctx_02": ["12", 0]}),
            n12=("Context (rgthree)", CONTEXT),
            n11=SEED,
        ),
        graph(
            {"model": ["10", 0], "positive": ["10", 3], "negative": ["10", 4], "seed": ["13", 0]},
            n10=("FromBasicPipe", {"basic_pipe": ["12", 0]}),
            n12=("ToBasicPipe", CONTEXT),
            n11=SEED,
            n13=("Reroute (rgthree)", {"": ["11", 0]}),
        ),
        graph(
            {"positive": ["10", 0], "negative": ["10", 1], "seed": ["11", 0]},
            n10=("ControlNetApplyAdvanced", {"positive": ["6", 0], "negative": ["7", 0], "strength": 1}),
            n11=SEED,
        ),
        graph({"positive": ["10", 0], "seed": ["11", 0]}, n10=("Any Switch (rgthree)", {"any_01": ["6", 0]}), n11=SEED),
    ],
)
def test_an_output_decides_what_flows(made: dict[str, Any]) -> None:
    found = comfyui.parse(made)
    assert (found.prompt, found.seed, found.settings.negative_prompt) == ("a lighthouse", 77, "blurry")
    assert found.settings.model == "sd15.safetensors" and found.settings.size == (24, 16)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (
            graph({"positive": ["10", 1]}, n10=("Apply Something", {"positive": ["6", 0], "negative": ["7", 0]})),
            "Apply Something",
        ),
        (graph({"positive": ["10", 2]}, n10=("ControlNetApplyAdvanced", CONTEXT)), "ControlNetApplyAdvanced"),
        (graph({"positive": ["10", 1]}, n10=("Something", {"conditioning": ["6", 0]})), "Something"),
        (graph({"positive": ["10", 0]}, n10=("Both", {"cond_pos": ["6", 0], "cond_neg": ["7", 0]})), "Both"),
        (graph({"positive": ["10", 1]}, n10=("Some Loader", {"positive": "a cat", "negative": "bad"})), "Some Loader"),
        (graph({"positive": ["10", 9]}, n10=("Context (rgthree)", CONTEXT)), "Context"),
        (
            graph({"seed": ["10", 2]}, n10=("Random Number", {"seed": 7, "minimum": 0})),
            "its seed comes from a Random Number",
        ),
        (graph({"seed": ["10", 0]}, n10=("Seed Randomizer", {"seed": 7})), "its seed comes from a Seed Randomizer"),
        (graph({"seed": ["10", 1]}, n10=("PrimitiveInt", {"value": 7})), "its seed comes from a PrimitiveInt"),
        (
            graph({"positive": ["10", 0]}, n10=("CLIPTextEncode (NSP)", {"text": "a __animal__", "seed": 5})),
            "CLIPTextEncode .NSP.",
        ),
        (
            graph(
                {"positive": ["10", 0]},
                n10=("Conditioning Input Switch", {"conditioning_a": ["6", 0], "conditioning_b": ["7", 0]}),
            ),
            "Conditioning Input Switch",
        ),
        (
            graph({"positive": ["10", 0]}, n10=("ImpactConditionalBranch", {"cond": ["6", 0], "tt_value": ["7", 0]})),
            "ImpactConditionalBranch",
        ),
        (
            graph({"guider": ["10", 0]}, n10=("SomeGuider", {"pipe": ["6", 0]})),
            "its prompt goes into a SomeGuider node",
        ),
    ],
)
def test_nodes_that_are_not_known_are_refused_by_name(made: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unplaceable, match=reason):
        comfyui.parse(made)


SAMPLER = foreign.comfy_graph()["3"]["inputs"]


def second(latent: list[object], **inputs: object) -> tuple[str, dict[str, object]]:
    """A second sampler."""
    return "KSampler", SAMPLER | {"latent_image": latent, **inputs}


def from_draft() -> dict[str, Any]:
    """A picture drawn from noise of its own, by the depths of a draft of another prompt and seed."""
    return graph(
        {"positive": ["10", 0], "seed": 9},
        n10=("ControlNetApply", {"conditioning": ["6", 0], "image": ["11", 0]}),
        n11=("DepthAnything", {"image": ["12", 0]}),
        n12=("VAEDecode", {"samples": ["13", 0]}),
        n13=second(["5", 0], positive=["7", 0]),
    )


def cascade() -> dict[str, Any]:
    """The two stages of Stable Cascade, the second of which begins from the first by its conditioning."""
    return graph(
        {"positive": ["10", 0], "latent_image": ["14", 1]},
        n10=("StableCascade_StageB_Conditioning", {"conditioning": ["6", 0], "stage_c": ["13", 0]}),
        n13=second(["14", 0], seed=77),
        n14=("StableCascade_EmptyLatentImage", {"width": 24, "height": 16, "batch_size": 1}),
    )


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (from_draft(), "has 2 samplers that start a picture"),
        (
            graph(
                {"latent_image": ["10", 0]}, n10=("easy kSampler", {"pipe": ["11", 0]}), n11=("easy pre", {"seed": 5})
            ),
            "goes on from what a easy pre node made with a seed of its own",
        ),
        (
            graph(
                {"latent_image": ["10", 0]},
                n10=("BNK_InjectNoise", {"latents": ["5", 0], "noise": ["11", 0]}),
                n11=("BNK_NoisyLatentImage", {"seed": 5, "batch_size": 1}),
            ),
            "BNK_NoisyLatentImage node made with a seed of its own",
        ),
        (
            graph({"latent_image": ["10", 0]}, n10=("VHS_DuplicateLatents", {"latents": ["5", 0], "multiply_by": 4})),
            "one of a ComfyUI batch .VHS_DuplicateLatents, multiply_by 4",
        ),
    ],
)
def test_noise_of_other_seeds_is_refused(made: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unplaceable, match=reason):
        comfyui.parse(made)


def test_a_picture_begins_where_its_latent_does() -> None:
    assert comfyui.parse(cascade()).seed == 77
    sized = graph(n10=("Parameters", {"seed": 3, "width": 24}))
    sized["5"]["inputs"]["width"] = ["10", 0]
    assert comfyui.parse(sized).seed == 5
    once = graph({"latent_image": ["10", 0]}, n10=("RepeatLatentBatch", {"samples": ["5", 0], "amount": 1}))
    assert comfyui.parse(once).seed == 5


@pytest.mark.parametrize("output", [True, False, "0", 0.0, None])
def test_a_pair_without_the_number_of_an_output_is_no_link(output: object) -> None:
    with pytest.raises(Unread, match="its prompt comes from a missing node"):
        comfyui.parse(
            graph(n6=("CLIPTextEncode", {"text": ["10", output], "clip": ["4", 1]}), n10=("Text", {"text": "a"}))
        )


def test_a_sampler_is_given_by_a_pipe() -> None:
    given = {key: value for key, value in SAMPLER.items() if key not in ("model", "positive", "negative")}
    made = graph(
        n10=("ImpactKSamplerBasicPipe", given | {"basic_pipe": ["11", 0]}),
        n11=("ToBasicPipe", {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0]}),
    )
    del made["3"]
    made["8"]["inputs"]["samples"] = ["10", 1]
    found = comfyui.parse(made)
    assert (found.prompt, found.seed, found.settings.negative_prompt) == ("a lighthouse", 5, "blurry")
    assert found.settings.model == "sd15.safetensors"


@pytest.mark.parametrize("kind", ["LatentBatch", "LoadImageBatch", "LatentAddBatch"])
def test_batches_of_other_nodes_are_refused(kind: str) -> None:
    with pytest.raises(Unplaceable, match=f"one of a ComfyUI batch .{kind}"):
        comfyui.parse(graph({"latent_image": ["10", 0]}, n10=(kind, {"samples1": ["5", 0]})))
    with pytest.raises(Unplaceable, match="batch 4"):
        comfyui.parse(graph({"latent_image": ["10", 0]}, n10=("EmptyLatentImagePresets", {"batch": 4})))


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("EmptyHunyuanLatentVideo", "length"),
        ("WanImageToVideo", "length"),
        ("SVD_img2vid_Conditioning", "video_frames"),
        ("CogVideoEmptyLatents", "num_frames"),
    ],
)
def test_frames_of_a_video_are_no_pictures(kind: str, key: str) -> None:
    def made(frames: object, **nodes: tuple[str, dict[str, object]]) -> dict[str, Any]:
        given = {"width": 24, "height": 16, key: frames, "batch_size": 1}
        return graph({"latent_image": ["10", 0]}, n10=(kind, given), **nodes)

    reason = f"one of the 25 frames of a video .{kind}, {key}. that share a seed"
    for frames in (25, "25"):
        with pytest.raises(Unplaceable, match=reason):
            comfyui.parse(made(frames))
    with pytest.raises(Unplaceable, match=reason):
        comfyui.parse(made(["11", 0], n11=("PrimitiveInt", {"value": 25})))
    with pytest.raises(Unplaceable, match=f"its {key} comes from a SimpleMath node"):
        comfyui.parse(made(["11", 0], n11=("SimpleMath", {"value": "a * 4 + 1", "a": ["5", 0]})))
    assert comfyui.parse(made(1)).seed == 5


def test_a_text_from_wildcards_is_no_prompt() -> None:
    made = graph(n10=("Wildcards", {"wildcard": "__animal__ in snow"}), n11=("String Literal", {"string": "a fox"}))
    made["6"]["inputs"]["text"] = ["10", 0]
    with pytest.raises(Unplaceable, match="its prompt comes from a Wildcards node"):
        comfyui.parse(made)
    made["6"]["inputs"]["text"] = ["11", 0]
    assert comfyui.parse(made).prompt == "a fox"


def test_an_encoder_of_two_kinds_gives_the_texts_of_the_one_that_is_on() -> None:
    smz = {"text": "a cat", "text_g": "g", "text_l": "old", "clip": ["4", 1]}
    made = graph({"positive": ["10", 0]}, n10=("smZ CLIPTextEncode", smz | {"with_SDXL": False}))
    assert comfyui.parse(made).prompt == "a cat"
    made["10"]["inputs"]["with_SDXL"] = True
    assert comfyui.parse(made).prompt == "g\nold"


def test_an_adapter_that_is_none_is_none() -> None:
    loader = {
        "ckpt_name": "m.safetensors",
        "lora_name": "None",
        "positive": "a cat",
        "negative": "bad",
        "batch_size": 1,
    }
    made = graph({"positive": ["10", 1], "negative": ["10", 2], "model": ["10", 0]}, n10=("Efficient Loader", loader))
    found = comfyui.parse(made)
    assert (found.prompt, found.settings.negative_prompt, found.settings.model) == ("a cat", "bad", "m.safetensors")


def saves(prefixes: tuple[str, str], *, chained: bool) -> dict[str, Any]:
    """A graph that saves two pictures, the second made from the first or beside it."""
    detailer = {"image": ["8" if chained else "12", 0], "seed": 5}
    made = graph(
        n70=("FaceDetailer", detailer), n71=("SaveImage", {"images": ["70", 0], "filename_prefix": prefixes[1]})
    )
    made["9"]["inputs"]["filename_prefix"] = prefixes[0]
    return made


def test_of_several_saved_pictures_the_last_is_meant_unless_names_tell() -> None:
    same, named = saves(("x", "x"), chained=True), saves(("ComfyUI", "out/ComfyUI_final"), chained=True)
    assert comfyui.parse(same, "x_00001_.png").saved == 2
    first = comfyui.parse(named, "ComfyUI_00001_.png")
    final = comfyui.parse(named, "ComfyUI_final_00001_.png")
    assert first.saved == final.saved == 1 and first.further != final.further
    with pytest.raises(Unplaceable, match="saves 2 pictures"):
        comfyui.parse(saves(("x", "x"), chained=False), "x_00001_.png")


# --- texts that contradict each other


def both(tmp_path: Path, parameters: str, made: dict[str, Any]) -> Recipe:
    return recipe_of(
        read_header(foreign.png(tmp_path / "a.png", {"parameters": parameters, "prompt": json.dumps(made)})).texts
    )


UNKNOWN = graph({"positive": ["10", 0], "seed": 5}, n10=("Enhancer", {"text": "a cat"}))


def test_a_placeholder_gives_way_to_the_graph(tmp_path: Path) -> None:
    for written in (foreign.infotext("unknown", 0, "unknown"), foreign.infotext("", 0), "made by a saver"):
        found = both(tmp_path, written, foreign.comfy_graph())
        assert (found.prompt, found.seed) == ("a lighthouse", 5)


def test_texts_that_agree_are_read_as_before(tmp_path: Path) -> None:
    found = both(tmp_path, foreign.infotext("a  lighthouse <lora:x:1>", 5), foreign.comfy_graph())
    assert found.settings.steps == 20 and found.settings.sampler == "DPM++ 2M Karras"
    assert found.further is not None and found.further["KSampler.cfg"] == 8
    assert both(tmp_path, foreign.infotext("a fine cat", 5), UNKNOWN).prompt == "a fine cat"


@pytest.mark.parametrize(
    ("written", "made", "reason"),
    [
        (foreign.infotext("a lighthouse", 6), foreign.comfy_graph(), "disagree: the seed is 6 and 5"),
        (foreign.infotext("a cat", 5), foreign.comfy_graph(), "disagree: the prompt is 'a cat' and 'a lighthouse'"),
        (foreign.infotext("a lighthouse", 5), foreign.comfy_graph(batch=4), "one of a ComfyUI batch"),
        (foreign.infotext("a cat", 6), UNKNOWN, "has the seed 6, which is nowhere in its ComfyUI graph"),
    ],
)
def test_texts_that_contradict_each_other_are_refused(
    tmp_path: Path, written: str, made: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Unplaceable, match=reason):
        both(tmp_path, written, made)


def test_what_is_said_of_a_graph_is_the_same_in_every_process() -> None:
    """Of two nodes with a batch the first is named, in whatever order this process has its sets."""
    made = graph(
        {"latent_image": ["10", 0]},
        n10=("LatentBlend", {"samples1": ["5", 0], "samples2": ["11", 0]}),
        n11=("EmptySD3LatentImage", {"width": 16, "height": 16, "batch_size": 3}),
    )
    made["5"]["inputs"]["batch_size"] = 4
    told = (
        "import json, sys; from seedscope.pipeline.imported.formats import comfyui\n"
        "try: comfyui.parse(json.loads(sys.argv[1]))\n"
        "except ValueError as reason: print(reason)"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", told, json.dumps(made)],
            env=os.environ | {"PYTHONHASHSEED": str(number)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for number in range(4)
    }
    assert len(said) == 1 and "EmptySD3LatentImage, batch_size 3" in said.pop()
