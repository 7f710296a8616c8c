"""What pictures of other programs say of their prompt and seed; the files are written as those programs write them."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import foreign_pictures as foreign
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from seedscope.pipeline.errors import UserError
from seedscope.pipeline.images import ImageError, decode
from seedscope.pipeline.imported.formats import a1111, comfyui, fooocus, invokeai, swarmui
from seedscope.pipeline.imported.formats.embedded import read_header, recipe_of
from seedscope.pipeline.imported.formats.recipe import Recipe, Settings, Unplaceable
from seedscope.pipeline.imported.listed import find_table, read_table

TRICKY = 'a cat, "Steps: 3", (fur:1.2)\n\n  second line, Seed: 4 \n<lora:detail:0.8> BREAK 猫 €'


def read(path: Path) -> Recipe:
    return recipe_of(read_header(path).texts)


# --- AUTOMATIC1111, Forge


def test_a1111_png_with_a_prompt_of_many_lines_commas_and_quotes(tmp_path: Path) -> None:
    found = read(foreign.png(tmp_path / "a.png", {"parameters": foreign.infotext(TRICKY, 2**40, "bad, worse\nworst")}))
    assert (found.prompt, found.seed) == (TRICKY, 2**40)
    assert found.settings == Settings(
        negative_prompt="bad, worse\nworst",
        model="v1-5-pruned-emaonly",
        sampler="DPM++ 2M Karras",
        steps=20,
        guidance=7.0,
        size=(24, 16),
    )


@pytest.mark.parametrize("ending", ["jpg", "webp", "avif"])
def test_a1111_exif(tmp_path: Path, ending: str) -> None:
    file = foreign.with_user_comment(tmp_path / f"a.{ending}", foreign.infotext(TRICKY, 7))
    assert (read(file).prompt, read(file).seed, read(file).settings.negative_prompt) == (TRICKY, 7, "")


def test_a_user_comment_in_other_encodings(tmp_path: Path) -> None:
    for code, encoding in ((b"ASCII\0\0\0", "ascii"), (bytes(8), "utf-8"), (b"UNICODE\0", "utf-16-le")):
        exif = Image.Exif()
        exif.get_ifd(foreign.EXIF_IFD)[foreign.USER_COMMENT] = code + foreign.infotext("a cat", 7).encode(encoding)
        Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=exif)
        assert (read(tmp_path / "a.jpg").prompt, read(tmp_path / "a.jpg").seed) == ("a cat", 7)


lines = st.text(st.characters(codec="utf-8", exclude_characters="\r\0\ufeff"), max_size=80)


@settings(deadline=None)
@given(prompt=lines, negative=lines, seed=st.integers(0, 2**63 - 1), model=st.text('ab,:"\\ \n', max_size=9))
def test_a1111_round_trip(prompt: str, negative: str, seed: int, model: str) -> None:
    marks = ("negative prompt:", "template:", "negative template:")
    if not prompt.strip() or any(
        line.strip().lower().startswith(marks) for line in f"{prompt}\n{negative}".split("\n")
    ):
        return
    quoted = f"<{model}:1>"
    found = a1111.parse(foreign.infotext(prompt, seed, negative, Model=quoted))
    assert (found.prompt, found.seed, found.settings.negative_prompt) == (prompt.strip(), seed, negative.strip())
    assert (found.settings.model, found.settings.steps) == (quoted, 20)


def test_what_extensions_write_below_the_settings_does_no_harm() -> None:
    text = foreign.infotext("a cat", 7) + "\nTemplate: a {cat|dog}\nNegative Template: Seed: 9"
    assert (a1111.parse(text).prompt, a1111.parse(text).seed) == ("a cat", 7)


def test_a_high_resolution_pass_is_told_apart() -> None:
    text = foreign.infotext("a cat", 7, Denoising_strength=0.5, Hires_upscale=2)
    assert a1111.parse(text).settings.denoising == 0.5 and a1111.parse(text).settings.size == (24, 16)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (foreign.infotext("a cat", -1), "its seed is -1, which stands for a random one"),
        (foreign.infotext("a cat", None), "it names no seed"),
        (foreign.infotext("a cat", "x"), "its seed is 'x', which is no whole number"),
        (foreign.infotext("a cat", 2**64 - 1), "above 2\\^63-1"),
        (foreign.infotext("", 7, "ugly"), "its prompt is empty"),
        ("a cat", "no line of settings"),
        (foreign.infotext("a cat", 7, Variation_seed=3, Variation_seed_strength=0.2), "not that of one seed"),
        (foreign.infotext("a cat", 7, Seed_resize_from="512x512"), "not that of one seed"),
        (foreign.infotext("a cat", 7, Variation_seed=3, Variation_strength=0.2), "not that of one seed"),
        (foreign.infotext("a cat", 7, Grid="2x2", Hires_scale=2), "a grid of pictures"),
        (
            foreign.infotext("a cat", 7, AnimateDiff="enable: True, model: mm.ckpt, video_length: 16, fps: 8"),
            "a frame of a video",
        ),
        (
            foreign.infotext("a cat", 7, Batch_size=4, Batch_index=3, Version="ComfyUI"),
            "one of a ComfyUI batch of 4 that",
        ),
        (foreign.infotext("a cat", 7, Script="Loopback", Denoising_strength=0.3), "made from the picture before it"),
        ("a cat\nSteps: 20, Seed: 1,234, Size: 24x16", "its seed is '1,234', which is no whole number"),
        ("a cat\nSteps: 20, ADetailer prompt: x, Seed: 999, y, Seed: 69", "name several seeds: 999 and 69"),
    ],
)
def test_a1111_texts_without_a_cell(text: str, reason: str) -> None:
    with pytest.raises(Unplaceable, match=reason):
        a1111.parse(text)


def test_zeros_at_the_end_of_a_text_are_none_of_it(tmp_path: Path) -> None:
    found = read(foreign.png(tmp_path / "a.png", {"parameters": foreign.infotext("a cat", 7, Version=None) + "\0"}))
    assert found.further == read(
        foreign.png(tmp_path / "b.png", {"parameters": foreign.infotext("a cat", 7, Version=None)})
    ).further and not any("\0" in str(value) for value in (found.settings, found.further))


@pytest.mark.parametrize("told", ["enable: False, video_length: 16", "enable: True, video_length: 1"])
def test_one_frame_is_a_picture(told: str) -> None:
    assert a1111.parse(foreign.infotext("a cat", 7, AnimateDiff=told)).seed == 7


def test_a_long_text_below_the_settings_is_passed_over_in_one_go() -> None:
    begin = time.process_time()
    assert a1111.parse(f"a cat\nSteps: 20, Seed: 7\n{'A' * 200_000}").seed == 7
    assert a1111.parse(f"a cat\nSteps: 20, {'A' * 200_000}, Seed: 7").seed == 7
    assert time.process_time() - begin < 5


# --- ComfyUI


def test_comfyui_png_and_webp(tmp_path: Path) -> None:
    graph = foreign.comfy_graph(prompt=TRICKY, seed=2**53 + 1)
    for file in (foreign.comfy_png(tmp_path / "a.png", graph), foreign.comfy_webp(tmp_path / "a.webp", graph)):
        found = read(file)
        assert (found.prompt, found.seed) == (TRICKY, 2**53 + 1)
        assert found.settings == Settings(
            negative_prompt="blurry",
            model="sd15.safetensors",
            sampler="euler normal",
            steps=20,
            guidance=8.0,
            size=(24, 16),
        )


def test_comfyui_with_the_custom_sampler_of_flux() -> None:
    graph = foreign.comfy_graph()
    del graph["7"]
    graph["3"] = {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {
            "noise": ["25", 0],
            "guider": ["22", 0],
            "sampler": ["16", 0],
            "sigmas": ["17", 0],
            "latent_image": ["5", 0],
        },
    }
    graph |= {
        "12": {"class_type": "UNETLoader", "inputs": {"unet_name": "flux1-dev.safetensors", "weight_dtype": "default"}},
        "13": {
            "class_type": "LoraLoaderModelOnly",
            "inputs": {"model": ["12", 0], "lora_name": "ink.safetensors", "strength_model": 0.9},
        },
        "16": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
        "17": {
            "class_type": "BasicScheduler",
            "inputs": {"model": ["13", 0], "scheduler": "simple", "steps": 28, "denoise": 1.0},
        },
        "22": {"class_type": "BasicGuider", "inputs": {"model": ["13", 0], "conditioning": ["26", 0]}},
        "25": {"class_type": "RandomNoise", "inputs": {"noise_seed": ["30", 0]}},
        "26": {"class_type": "FluxGuidance", "inputs": {"conditioning": ["6", 0], "guidance": 3.5}},
        "30": {"class_type": "PrimitiveInt", "inputs": {"value": 77, "control_after_generate": "randomize"}},
    }
    graph["6"]["inputs"]["text"] = ["31", 0]
    graph["31"] = {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "a cat"}}
    found = comfyui.parse(graph)
    assert (found.prompt, found.seed) == ("a cat", 77)
    assert found.settings == Settings(
        negative_prompt="",
        model="flux1-dev.safetensors + ink.safetensors:0.9",
        sampler="euler simple",
        steps=28,
        size=(24, 16),
    )


def test_comfyui_takes_the_first_of_two_passes_and_both_texts_of_sdxl() -> None:
    graph = foreign.comfy_graph()
    first = graph["3"]["inputs"] | {"noise_seed": 5, "add_noise": "enable", "start_at_step": 0, "end_at_step": 15}
    del first["seed"]
    graph["3"] = {"class_type": "KSamplerAdvanced", "inputs": first}
    second = first | {"noise_seed": 99, "add_noise": "disable", "latent_image": ["3", 0]}
    graph["40"] = {"class_type": "KSamplerAdvanced", "inputs": second}
    graph["8"]["inputs"]["samples"] = ["40", 0]
    encode = {"width": 1024, "height": 1024, "clip": ["4", 1]}
    graph["6"] = {"class_type": "CLIPTextEncodeSDXL", "inputs": {**encode, "text_g": "a cat", "text_l": "ink drawing"}}
    graph["7"] = {"class_type": "CLIPTextEncodeSDXL", "inputs": {**encode, "text_g": "bad", "text_l": "bad"}}
    control = {
        "positive": ["6", 0],
        "negative": ["7", 0],
        "control_net": ["51", 0],
        "image": ["52", 0],
        "strength": 1.0,
    }
    graph["50"] = {"class_type": "ControlNetApplyAdvanced", "inputs": control}
    first["positive"], first["negative"] = ["50", 0], ["50", 1]
    found = comfyui.parse(graph)
    assert (found.prompt, found.seed, found.settings.negative_prompt) == ("a cat\nink drawing", 5, "bad")


def test_comfyui_picture_to_picture_is_told_apart() -> None:
    graph = foreign.comfy_graph()
    graph["5"] = {"class_type": "VAEEncode", "inputs": {"pixels": ["60", 0], "vae": ["4", 2]}}
    graph["60"] = {"class_type": "LoadImage", "inputs": {"image": "start.png"}}
    graph["3"]["inputs"]["denoise"] = 0.6
    found = comfyui.parse(graph)
    assert found.settings.denoising == 0.6 and found.settings.size is None


def changed(**inputs: dict[str, object]) -> dict[str, Any]:
    """The default graph with other inputs: changed(n6={"text": ...})."""
    graph = foreign.comfy_graph()
    for name, values in inputs.items():
        graph[name[1:]]["inputs"] |= values
    return dict(graph)


def latent_from(kind: str, **inputs: object) -> dict[str, Any]:
    """The default graph with a node between its empty latent and its sampler."""
    node = {"class_type": kind, "inputs": {"samples": ["5", 0], **inputs}}
    return changed(n3={"latent_image": ["70", 0]}) | {"70": node}


def text_from(node: dict[str, Any], name: str = "text", at: str = "n6") -> dict[str, Any]:
    return changed(**{at: {name: ["70", 0]}}) | {"70": node, "71": node}


ZERO_OUT = {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": ["6", 0]}}
COMPUTED = {"class_type": "WildcardProcessor", "inputs": {"text": "a {cat|dog}", "seed": 3}}
COUNTING = {"class_type": "SeedCounter", "inputs": {"seed": ["71", 0]}}


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (foreign.comfy_graph(batch=4), "one of a ComfyUI batch .EmptyLatentImage, batch_size 4. that shares a seed"),
        (latent_from("RepeatLatentBatch", amount=2), "one of a ComfyUI batch .RepeatLatentBatch, amount 2."),
        (latent_from("LatentFromBatch", batch_index=2, length=1), "one of a ComfyUI batch"),
        (foreign.comfy_graph(seed=-5), "its seed is -5"),
        (text_from(COUNTING, "seed", "n3"), "its seed comes from a SeedCounter node, which computes it"),
        (text_from(COMPUTED), "its prompt comes from a WildcardProcessor node"),
        (text_from(ZERO_OUT, "positive", "n3"), "its prompt is empty"),
        (text_from(COMPUTED, "positive", "n3"), "its positive prompt comes from a WildcardProcessor node"),
        (changed(n3={"positive": ["99", 0]}), "its positive prompt depends on nothing"),
        (changed(n3={"add_noise": "disable"}), "adds no noise"),
        ({"9": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}}}, "0 samplers that start a picture"),
        ({"a": 1}, "is no ComfyUI graph"),
    ],
)
def test_comfyui_graphs_without_a_cell(graph: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unplaceable, match=reason):
        comfyui.parse(graph)


def test_comfyui_graphs_that_go_in_circles_end() -> None:
    graph = changed(n3={"positive": ["70", 0]})
    graph["70"] = {
        "class_type": "ConditioningCombine",
        "inputs": {"conditioning_1": ["70", 0], "conditioning_2": ["6", 0]},
    }
    assert comfyui.parse(graph).prompt == "a lighthouse"
    assert comfyui.parse(changed(n3={"latent_image": ["3", 0]})).seed == 5


def test_comfyui_graphs_with_countless_or_very_long_paths_are_read() -> None:
    graph = changed(n3={"positive": ["c0", 0]})
    for level in range(2000):
        below = f"c{level + 1}" if level < 1999 else "6"
        inputs = {"conditioning_1": [below, 0], "conditioning_2": [below, 0]}
        graph[f"c{level}"] = {"class_type": "ConditioningCombine", "inputs": inputs}
    assert comfyui.parse(graph).prompt == "a lighthouse"


# --- InvokeAI, SwarmUI, Fooocus


def test_invokeai(tmp_path: Path) -> None:
    texts = {"invokeai_metadata": json.dumps(foreign.INVOKE), "invokeai_graph": "{}"}
    found = read(foreign.png(tmp_path / "a.png", texts))
    assert (found.prompt, found.seed) == ('a "red" lighthouse, storm', 3863262174)
    assert found.settings == Settings(
        negative_prompt="blurry",
        model="sdxl-base + detail:0.75",
        sampler="dpmpp_2m_k",
        steps=30,
        guidance=7.5,
        size=(24, 16),
    )
    third = foreign.INVOKE | {"model": {"model_name": "dreamshaper", "base_model": "sd-1"}, "loras": []}
    third |= {"positive_style_prompt": "ink drawing", "strength": 0.6}
    assert invokeai.parse(third).prompt == 'a "red" lighthouse, storm\nink drawing'
    assert (invokeai.parse(third).settings.model, invokeai.parse(third).settings.denoising) == ("dreamshaper", 0.6)


def test_invokeai_before_3(tmp_path: Path) -> None:
    texts = {"Dream": '"a lighthouse" -s 50 -S 2466834', "sd-metadata": json.dumps(foreign.SD_METADATA)}
    found = read(foreign.png(tmp_path / "a.png", texts))
    assert (found.prompt, found.seed) == ("a lighthouse in a storm", 2466834)
    assert found.settings.negative_prompt == "blurry low quality"
    assert (found.settings.model, found.settings.sampler) == ("stable-diffusion-1.5", "k_lms")
    varied = foreign.SD_METADATA | {
        "image": foreign.SD_METADATA["image"] | {"variations": [{"seed": 3, "weight": 0.1}]}
    }
    with pytest.raises(Unplaceable, match="variations were mixed in"):
        invokeai.parse_sd_metadata(varied)


def test_swarmui(tmp_path: Path) -> None:
    text = json.dumps(foreign.SWARM, indent=2)
    for file in (
        foreign.png(tmp_path / "a.png", {"parameters": text}),
        *(foreign.with_user_comment(tmp_path / f"a.{kind}", text, "utf-16-le") for kind in ("jpg", "webp", "tiff")),
        *(foreign.with_exif(tmp_path / f"b.{kind}", foreign.MODEL, text) for kind in ("jpg", "webp", "tiff")),
    ):
        found = read(file)
        assert (found.prompt, found.seed) == ("a photo of a cat,\nsitting", 2042464333)
        assert found.settings == Settings(
            negative_prompt="",
            model="OfficialStableDiffusion/sd_xl_base_1.0 + detail:0.8 + add:1",
            sampler="euler normal",
            steps=20,
            guidance=7.0,
            size=(24, 16),
        )
    for change, reason in (
        ({"batchsize": 3}, "batch of 3"),
        ({"variationseedstrength": "0.5"}, "not that of one seed"),
    ):
        with pytest.raises(Unplaceable, match=reason):
            swarmui.parse({"sui_image_params": foreign.SWARM["sui_image_params"] | change})


def test_fooocus_in_both_schemes(tmp_path: Path) -> None:
    own = json.dumps(foreign.FOOOCUS)
    as_a1111 = foreign.infotext(
        "cinematic still a lighthouse, a lighthouse, dramatic, intricate",
        8159190371837489013,
        Raw_prompt="a lighthouse,\nstorm",
    )
    for file, prompt in (
        (foreign.png(tmp_path / "a.png", {"parameters": own, "fooocus_scheme": "fooocus"}), "a lighthouse"),
        (foreign.fooocus_exif(tmp_path / "a.jpg", own, "fooocus"), "a lighthouse"),
        (foreign.fooocus_exif(tmp_path / "a.webp", own, "fooocus"), "a lighthouse"),
        (foreign.png(tmp_path / "b.png", {"parameters": as_a1111, "fooocus_scheme": "a1111"}), "a lighthouse,\nstorm"),
        (foreign.fooocus_exif(tmp_path / "b.jpg", as_a1111, "a1111"), "a lighthouse,\nstorm"),
    ):
        assert (read(file).prompt, read(file).seed) == (prompt, 8159190371837489013)
    assert fooocus.parse(foreign.FOOOCUS).settings == Settings(
        negative_prompt="",
        model="juggernautXL_v8Rundiffusion + offset:0.1",
        sampler="dpmpp_2m_sde_gpu karras",
        steps=30,
        guidance=4.0,
        size=(24, 16),
        styles="['Fooocus V2', 'Fooocus Enhance']",
    )


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({}, "it has none of the known metadata"),
        ({"Comment": "hello", "Author": "me"}, "the texts in it are 'Author', 'Comment'"),
        ({"workflow": "{}"}, "not the `prompt` graph"),
        ({"prompt": "a cat"}, "is no ComfyUI graph"),
        ({"prompt": "[" * 100_000}, "JSON that is not read: it is nested more than 50 deep"),
        ({"invokeai_metadata": "null"}, "it names no prompt"),
        ({"sd-metadata": '{"image": 3}'}, "describes no picture"),
        ({"parameters": '{"sui_image_params": 3}'}, "describe no picture"),
        ({"parameters": '{"prompt": "a cat", "seed": true}'}, "its seed is 'True'"),
        ({"parameters": '{"prompt": "a \\ud800 cat", "seed": 1}'}, "characters that are none"),
        ({"parameters": json.dumps({"prompt": "a cat", "seed": "9" * 5000})}, "which is no whole number"),
    ],
)
def test_files_that_do_not_say(tmp_path: Path, texts: dict[str, str], reason: str) -> None:
    with pytest.raises(Unplaceable, match=reason):
        read(foreign.png(tmp_path / "a.png", texts))


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder, text = tmp_path_factory.mktemp("whole"), foreign.infotext("a cat", 7)
    files = [foreign.with_user_comment(folder / f"a.{kind}", text) for kind in ("jpg", "webp", "avif")]
    files.append(foreign.comfy_png(folder / "a.png", foreign.comfy_graph()))
    return {file.name: file.read_bytes() for file in files}


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damaged_files_are_read_or_refused_and_never_more(
    tmp_path_factory: pytest.TempPathFactory, whole_files: dict[str, bytes], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(whole_files)))
    file, content = tmp_path_factory.getbasetemp() / name, bytearray(whole_files[name])
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    file.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(ImageError, Unplaceable):
        assert read(file).seed >= 0
    with suppress(ImageError):
        assert decode(file.read_bytes()).dtype == np.uint8


def test_text_after_the_pixels_of_a_png_is_found(tmp_path: Path) -> None:
    data = foreign.png(tmp_path / "a.png", {}).read_bytes()
    late = foreign.chunk(b"tEXt", b"parameters\0" + foreign.infotext("a cat", 7).encode())
    (tmp_path / "a.png").write_bytes(data[:-12] + late + data[-12:])
    assert read(tmp_path / "a.png").seed == 7


# --- tables


ROWS = [{"file": "a.png", "prompt": 'a "cat",\nor a dog', "seed": 2**40, "group": "animals"},
        {"file": "sub/b.png", "prompt": "a car", "seed": -1, "group": ""}]  # fmt: skip


def write_table(path: Path, rows: list[dict[str, object]]) -> Path:
    columns = list(rows[0])
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8-sig")
    else:
        comma = "\t" if path.suffix == ".tsv" else ","
        quoted: Callable[[object], str] = str if comma == "\t" else lambda v: '"{}"'.format(str(v).replace('"', '""'))
        lines = [comma.join(columns), *(comma.join(quoted(row[key]) for key in columns) for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return path


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_tables(tmp_path: Path, ending: str) -> None:
    prompt = 'a "cat", or a dog' if ending == "tsv" else ROWS[0]["prompt"]
    path = write_table(tmp_path / f"seeds.{ending}", [ROWS[0] | {"prompt": prompt}, ROWS[1]])
    assert find_table(tmp_path).path == path
    entries = read_table(path)
    first, second = entries[tmp_path / "a.png"], entries[tmp_path / "sub" / "b.png"]
    assert isinstance(first.recipe, Recipe) and (first.recipe.prompt, first.recipe.seed) == (prompt, 2**40)
    assert (first.group, second.group) == ("animals", None)
    assert isinstance(second.recipe, Unplaceable) and "its seed is -1" in str(second.recipe)


def test_tables_that_are_none(tmp_path: Path) -> None:
    write_table(tmp_path / "other.csv", [{"name": "x", "value": "y"}])
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    (tmp_path / "ragged.csv").write_text("file,prompt,seed\na.png,a cat, sitting,3\n")
    (tmp_path / "list.jsonl").write_text("[]\n")
    (tmp_path / "table.xlsx").write_bytes(b"PK")
    (tmp_path / "ragged.csv").rename(tmp_path / "ragged.txt")
    listed = find_table(tmp_path)
    assert listed.path is None and len(listed.notes) == 4  # all but ragged.txt
    (tmp_path / "ragged.txt").rename(tmp_path / "ragged.csv")
    with pytest.raises(UserError, match="ragged.csv:2: has 4 values for 3 columns"):
        find_table(tmp_path)
    for path, reason in (
        (tmp_path / "other.csv", "has the columns file, prompt and seed; it has name, value"),
        (tmp_path / "broken.parquet", "cannot be read as a .parquet table"),
        (tmp_path / "ragged.csv", "ragged.csv:2: has 4 values for 3 columns"),
        (tmp_path / "list.jsonl", "list.jsonl:1: every line must be a JSON object"),
        (tmp_path / "table.xlsx", "cannot be read as a .xlsx table: tables are .csv, .tsv, .jsonl, .parquet."),
        (tmp_path / "absent.csv", "there is no such table"),
        (write_table(tmp_path / "twice.csv", [ROWS[0], ROWS[0]]), "names the file 'a.png' twice"),
    ):
        with pytest.raises(UserError, match=reason):
            read_table(path)
    write_table(tmp_path / "one.jsonl", ROWS)
    (tmp_path / "ragged.csv").unlink()
    with pytest.raises(UserError, match=r"one.jsonl and twice.csv have columns .* by --table"):
        find_table(tmp_path)


def test_a_turned_picture_has_the_size_that_is_seen(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(foreign.noise(1)).save(tmp_path / "a.webp", lossless=True, exif=exif)
    header = read_header(tmp_path / "a.webp")
    assert (header.width, header.height) == (16, 24)
