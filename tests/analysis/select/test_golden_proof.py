"""A golden list tells its own model, and a call, from all others that draw other pictures, and passes what draws the same."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
import torch
from diffusers import (
    DiffusionPipeline,
    DPMSolverMultistepScheduler,
    DPMSolverSinglestepScheduler,
    EulerDiscreteScheduler,
    SASolverScheduler,
)
from peft import LoraConfig
from tiny_golden import SEEDS, golden_for
from torch import nn

from seedscope.analysis import GoldenMismatch, GoldenSeeds
from seedscope.analysis.select.canary import Canary
from seedscope.analysis.select.loaded import digest
from seedscope.analysis.select.mismatch import GoldenError
from seedscope.analysis.select.plain import plain
from seedscope.analysis.select.seal import seal

PROMPT = "a red cat"


def load(folder: Path, *own: str, dtype: torch.dtype = torch.float32) -> Any:
    """A pipeline whose parts may be replaced, and those named here changed; the others are those of all tests."""
    pipe = copy.copy(_loaded(folder, dtype))
    for name in own:
        setattr(pipe, name, copy.deepcopy(getattr(pipe, name)))
    return pipe


@lru_cache(maxsize=6)
def _loaded(folder: Path, dtype: torch.dtype) -> Any:
    pipe = DiffusionPipeline.from_pretrained(folder, dtype=dtype)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def refused(golden: GoldenSeeds, pipe: Any, **call: Any) -> str:
    with pytest.raises(GoldenMismatch) as refusal:
        golden.check(pipe, **call)
    assert all(reason.endswith(".") for reason in refusal.value.reasons)
    return str(refusal.value)


@pytest.fixture(scope="module")
def sd1(tiny: dict[str, Path]) -> GoldenSeeds:
    return golden_for(load(tiny["sd1"]))


@pytest.fixture(scope="module")
def sdxl(tiny: dict[str, Path]) -> GoldenSeeds:
    return golden_for(load(tiny["sdxl"]))


@pytest.fixture(scope="module")
def finetuned(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Another checkpoint of the same architecture."""
    return load(tiny_models.sd1(tmp_path_factory.mktemp("finetuned"), seed=77))


def attention(pipe: Any) -> Any:
    return pipe.unet.down_blocks[0].attentions[0].transformer_blocks[0].attn1


def with_lora(pipe: Any) -> Any:
    """A LoRA of random weights in every attention of the network."""
    pipe.unet.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_v"], init_lora_weights=False), "mine")
    return pipe


def test_other_weights_are_noticed(sd1: GoldenSeeds, tiny: dict[str, Path], finetuned: Any) -> None:
    for name in ("unet", "vae", "text_encoder"):
        pipe = load(tiny["sd1"])
        setattr(pipe, name, getattr(finetuned, name))
        assert f"The weights of the {name} are not those of tiny" in refused(sd1, pipe)
        sd1.check(pipe, tensors=False)


def test_an_active_lora_is_noticed_and_one_that_is_off_or_unloaded_is_not(
    sd1: GoldenSeeds, tiny: dict[str, Path]
) -> None:
    pipe = with_lora(load(tiny["sd1"], "unet"))
    assert "The unet has an adapter that acts on it (mine)" in refused(sd1, pipe)
    pipe.disable_lora()
    sd1.check(pipe)
    pipe.enable_lora()
    assert "The unet has an adapter that acts on it (mine)" in refused(sd1, pipe)
    pipe.unload_lora_weights()
    sd1.check(pipe)


def test_a_fused_lora_is_noticed_also_once_it_is_unloaded(sd1: GoldenSeeds, tiny: dict[str, Path]) -> None:
    pipe = with_lora(load(tiny["sd1"], "unet"))
    pipe.fuse_lora()
    assert "The weights of the unet are not those" in refused(sd1, pipe)
    pipe.unload_lora_weights()
    assert "The weights of the unet are not those" in refused(sd1, pipe)


def free_u(pipe: Any) -> None:
    pipe.enable_freeu(s1=0.9, s2=0.2, b1=1.5, b2=1.6)


def other_forward(pipe: Any) -> None:
    old = pipe.unet.mid_block.forward
    pipe.unet.mid_block.forward = lambda *given, **named: 1.1 * old(*given, **named)


def seamless(pipe: Any) -> None:
    for module in pipe.unet.modules():
        if isinstance(module, nn.Conv2d):
            module.padding_mode = "circular"


def hooked(pipe: Any) -> None:
    pipe.unet.mid_block.register_forward_hook(lambda module, given, made: 1.1 * made)


def other_class(pipe: Any) -> None:
    block = attention(pipe)
    block.__class__ = type("Merged", (type(block),), {})


def other_processor(pipe: Any) -> None:
    attention(pipe).processor = lambda attn, states, **named: states


def shorter_text(pipe: Any) -> None:
    layers = next(module for module in pipe.text_encoder.modules() if isinstance(module, nn.ModuleList))
    del layers[-1]


@pytest.mark.parametrize(
    "change", [free_u, other_forward, seamless, hooked, other_class, other_processor, shorter_text]
)
def test_patches_are_noticed(change: Callable[[Any], None], sd1: GoldenSeeds, tiny: dict[str, Path]) -> None:
    pipe = load(tiny["sd1"], "unet", "text_encoder")
    change(pipe)
    assert "was changed after it was built" in refused(sd1, pipe)


def no_zeros(pipe: Any) -> None:
    pipe.register_to_config(force_zeros_for_empty_prompt=False)


def vae_scaling(pipe: Any) -> None:
    pipe.vae.register_to_config(scaling_factor=0.5)


def other_padding(pipe: Any) -> None:
    pipe.tokenizer.pad_token = "!" if pipe.tokenizer.pad_token != "!" else "<|endoftext|>"


def new_word(pipe: Any) -> None:
    pipe.tokenizer.add_tokens("<my-style>")


def shorter(pipe: Any) -> None:
    pipe.tokenizer.model_max_length = 40


def other_activation(pipe: Any) -> None:
    pipe.text_encoder.config.hidden_act = "relu"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (no_zeros, "force_zeros_for_empty_prompt = False"),
        (vae_scaling, "The vae has scaling_factor = 0.5"),
        (other_padding, "The tokenizer has other words or settings"),
        (new_word, "The tokenizer has other words or settings"),
        (shorter, "The tokenizer has other words or settings"),
        (other_activation, "The text_encoder has hidden_act = 'relu'"),
    ],
)
def test_other_settings_are_noticed(
    change: Callable[[Any], None], said: str, sdxl: GoldenSeeds, tiny: dict[str, Path]
) -> None:
    pipe = load(tiny["sdxl"], "vae", "tokenizer", "text_encoder")
    change(pipe)
    assert said in refused(sdxl, pipe)


def test_a_part_that_is_missing_is_named(sd1: GoldenSeeds, tiny: dict[str, Path]) -> None:
    for name in ("text_encoder", "vae", "unet", "tokenizer"):
        pipe = load(tiny["sd1"])
        setattr(pipe, name, None)
        assert f"The pipeline has no {name}, but the list was made with one." in refused(sd1, pipe)


def test_a_part_in_another_dtype_is_noticed(sd1: GoldenSeeds, tiny: dict[str, Path]) -> None:
    pipe = load(tiny["sd1"], "vae")
    pipe.vae.to(torch.float16)
    assert "The dtype of the vae is 'float16', but the list was made with 'float32'." in refused(sd1, pipe)


def test_what_draws_the_same_passes(sdxl: GoldenSeeds, tiny: dict[str, Path]) -> None:
    pipe = load(tiny["sdxl"], "unet", "vae")
    pipe.unet = torch.compile(pipe.unet)
    pipe.vae = torch.compile(pipe.vae)
    sdxl.check(pipe)
    pipe = load(tiny["sdxl"], "unet", "vae")
    pipe.unet.compile()
    pipe.enable_attention_slicing()
    pipe.vae.enable_slicing()
    pipe.unet.enable_gradient_checkpointing()
    pipe.unet.train()
    sdxl.check(pipe)


def test_a_list_in_half_precision_knows_weights_cast_from_float32(tiny: dict[str, Path]) -> None:
    golden = golden_for(load(tiny["sdxl"], dtype=torch.float16))
    golden.check(load(tiny["sdxl"], "unet", "vae", "text_encoder", "text_encoder_2").to(torch.float16))
    pipe = load(tiny["sdxl"], "vae", dtype=torch.float16)
    pipe.vae.to(torch.float32)  # as SDXL's call does, and then back
    golden.check(pipe)
    assert golden.latents(pipe).dtype == torch.float16
    single = load(tiny["sdxl"])
    assert digest(single.unet, torch.float32) != digest(single.unet, torch.float16)
    assert refused(golden, single).count("\n") == 1, "only the dtype is another"


def test_another_process_agrees(sdxl: GoldenSeeds, tiny: dict[str, Path], tmp_path: Path) -> None:
    sdxl.save(tmp_path / "golden.json")
    script = (
        "import sys; from diffusers import DiffusionPipeline; from seedscope import GoldenSeeds; "
        "GoldenSeeds.load(sys.argv[1]).check(DiffusionPipeline.from_pretrained(sys.argv[2]))"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "golden.json"), str(tiny["sdxl"])], check=True)


def test_other_versions_are_told_only_beside_a_reason(sd1: GoldenSeeds, tiny: dict[str, Path]) -> None:
    pipe = load(tiny["sd1"])
    elsewhere = sd1.model_copy(update={"noise": sd1.noise.model_copy(update={"torch": "2.14.99"})})
    elsewhere.check(pipe)
    assert "made with torch 2.14.99 and diffusers" in refused(elsewhere, pipe, steps=9)


CALL = {"num_inference_steps": 2, "guidance_scale": 5.0}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({"negative_prompt": ""}, "The negative prompt is '', but the list was made with None"),
        ({"negative_prompt": "ugly"}, "The negative prompt is 'ugly', but"),
        ({"negative_prompt": ["ugly"] * 3}, "The negative prompt is 'ugly', but"),
        ({"negative_prompt_2": "ugly"}, "The call has negative_prompt_2 = 'ugly', but the list was made without it."),
        ({"guidance_rescale": 0.7}, "The call has guidance_rescale = 0.7, but the list was made with 0.0."),
        ({"clip_skip": 1}, "The call has clip_skip = 1, but the list was made without it."),
        ({"original_size": (32, 32)}, "The call has original_size = [32, 32]"),
        ({"crops_coords_top_left": (8, 0)}, "The call has crops_coords_top_left = [8, 0]"),
        ({"target_size": (128, 128)}, "The call has target_size = [128, 128]"),
        ({"negative_original_size": (32, 32)}, "The call has negative_original_size = [32, 32]"),
        ({"denoising_end": 0.8}, "The call has denoising_end = 0.8"),
        ({"timesteps": [999, 1]}, "The call has timesteps = [999, 1]"),
        ({"sigmas": [1.0, 0.1]}, "The call has sigmas = [1.0, 0.1]"),
        ({"prompt_2": "a dog", "prompt": "a cat"}, "The call has prompt_2 = 'a dog'"),
        ({"cross_attention_kwargs": {"scale": 0.5}}, "The call has cross_attention_kwargs = {'scale': 0.5}"),
        ({"num_inference_steps": 3}, "The number of steps is 3"),
        ({"steps": 3}, "The number of steps is 3"),
        ({"guidence_scale": 3}, "A StableDiffusionXLPipeline takes no argument 'guidence_scale'"),
    ],
)
def test_a_call_that_draws_otherwise_is_refused(
    call: dict[str, Any], said: str, sdxl: GoldenSeeds, tiny: dict[str, Path]
) -> None:
    assert said in refused(sdxl, load(tiny["sdxl"]), tensors=False, **(CALL | call))


def test_a_call_that_says_what_is_so_anyway_passes(sd1: GoldenSeeds, sdxl: GoldenSeeds, tiny: dict[str, Path]) -> None:
    neutral: dict[str, Any] = {
        "negative_prompt": None,
        "guidance_rescale": 0.0,
        "eta": 1.0,  # Euler takes none
        "clip_skip": 0,
        "original_size": (64, 64),
        "target_size": (64, 64),
        "crops_coords_top_left": (0, 0),
        "output_type": "np",
        "prompt": ["a cat"] * 3,
        "prompt_2": ["a cat"] * 3,
        "cross_attention_kwargs": {},
    }
    sdxl.check(load(tiny["sdxl"]), tensors=False, **CALL, **neutral)
    pipe = load(tiny["sd1"])
    sd1.check(pipe, negative_prompt="", **CALL)  # of SD 1 None and "" are the same
    from diffusers import DDIMScheduler

    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    assert "eta = 1.0, but the list was made with 0.0" in refused(golden_for(pipe), pipe, eta=1.0)


def test_scales_of_one_and_less_are_no_guidance(tiny: dict[str, Path]) -> None:
    pipe = load(tiny["sdxl"])
    golden = golden_for(pipe)
    golden = golden.model_copy(update={"conditions": golden.conditions.model_copy(update={"guidance_scale": 0.0})})
    for scale in (0.0, 0.5, 1.0):
        golden.check(pipe, guidance_scale=scale, negative_prompt="", guidance_rescale=0.7, tensors=False)
    assert "The guidance scale is 1.1, but" in refused(golden, pipe, guidance_scale=1.1)


@pytest.mark.parametrize(
    "guidance",
    [{"negative_from": 1}, {"negative_scale": 1.0}],
)
def test_guidance_that_no_stock_call_has_is_refused_and_drawn(guidance: dict[str, Any], tiny: dict[str, Path]) -> None:
    pipe = load(tiny["sd1"])
    golden = golden_for(pipe, negative_prompt="blue", **guidance)
    [name] = guidance
    assert f"The list was made with {name} = " in refused(golden, pipe, negative_prompt="blue")
    plain_list = golden_for(pipe, negative_prompt="blue")
    drawn, stock = golden.draw(pipe, PROMPT), plain_list.draw(pipe, PROMPT)
    assert any(np.asarray(one).tolist() != np.asarray(other).tolist() for one, other in zip(drawn, stock, strict=True))


def test_a_task_is_refused(tiny: dict[str, Path]) -> None:
    pipe = load(tiny["sd1"])
    golden = golden_for(pipe, task="inpaint")
    assert "The list is of the task 'inpaint'" in refused(golden, pipe)
    with pytest.raises(GoldenError, match="of the task 'inpaint', which draws from more than a prompt"):
        golden.draw(pipe, PROMPT)


def test_similarity_guidance_is_refused(tiny: dict[str, Path]) -> None:
    pipe = load(tiny["sd1"])
    golden = golden_for(pipe, similarity={"to": {"text": "a cat"}, "strength": 0.2})
    assert "The list was made with similarity guidance; no call of a stock pipeline does that." in refused(golden, pipe)
    with pytest.raises(GoldenError, match="made with similarity guidance, towards what it does not hold"):
        golden.draw(pipe, PROMPT)


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_golden_pictures_are_drawn_as_by_a_stock_call(family: str, tiny: dict[str, Path]) -> None:
    pipe = load(tiny[family])
    golden = golden_for(pipe)
    stock = pipe([PROMPT] * 3, latents=golden.latents(pipe), **CALL).images
    for one, other in zip(golden.draw(pipe, PROMPT, batch_size=2), stock, strict=True):
        assert np.abs(np.asarray(one).astype(int) - np.asarray(other)).max() <= 1


def test_the_canary_passes_rounding_and_notices_other_weights(tiny: dict[str, Path], finetuned: Any) -> None:
    pipe = load(tiny["sd1"])
    golden = golden_for(pipe)
    with pytest.raises(GoldenError, match="keeps no pictures"):
        golden.canary(pipe)
    drawn = dict(zip(SEEDS, (np.asarray(picture) for picture in golden.draw(pipe, PROMPT)), strict=True))
    golden = golden.model_copy(update={"canary_pictures": Canary.of(PROMPT, drawn, "float32")})
    assert golden.canary(pipe, batch_size=1) < 0.1
    assert golden.canary(load(tiny["sd1"], dtype=torch.float16)) < 0.5
    pipe.unet = finetuned.unet
    with pytest.raises(GoldenMismatch, match=r"The picture of seed \d+ for 'a red cat' differs by \d+\.\d of 255"):
        golden.canary(pipe)
    assert len(golden.model_dump_json()) < 20_000


@pytest.mark.parametrize(
    "kind", [DPMSolverMultistepScheduler, DPMSolverSinglestepScheduler, SASolverScheduler, EulerDiscreteScheduler]
)
def test_settings_that_are_infinite_are_kept_as_words(
    kind: Any, sd1: GoldenSeeds, tiny: dict[str, Path], tmp_path: Path
) -> None:
    pipe = load(tiny["sd1"])
    pipe.scheduler = kind.from_config(pipe.scheduler.config)
    golden = golden_for(pipe)
    golden.save(tmp_path / "golden.json")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    json.loads((tmp_path / "golden.json").read_text(), parse_constant=refuse)
    GoldenSeeds.load(tmp_path / "golden.json").check(pipe)
    assert f"The scheduler is a {kind.__name__}, but" in refused(sd1, pipe)


def test_any_setting_becomes_json() -> None:
    settings = {
        "array": np.array([0.5, np.inf]),
        "nan": float("nan"),
        "tensor": torch.tensor([1, 2]),
        "dtype": torch.float16,
        "function": plain,
        "object": object(),
        "tuple": (1, (2.0, float("-inf"))),
        "set": {"b", "a"},
        "path": Path("a/b"),
        "scalar": np.float32(0.5),
    }
    made = plain(settings)
    assert made == {
        "array": [0.5, "inf"],
        "nan": "nan",
        "tensor": [1, 2],
        "dtype": "torch.float16",
        "function": "plain",
        "object": "object",
        "tuple": [1, [2.0, "-inf"]],
        "set": ["a", "b"],
        "path": "a/b",
        "scalar": 0.5,
    }
    json.dumps(made, allow_nan=False)


def test_an_edited_list_is_not_read(sd1: GoldenSeeds, tmp_path: Path) -> None:
    path = tmp_path / "golden.json"
    sd1.save(path)
    whole = json.loads(path.read_text())

    def edited(change: Callable[[Any], object]) -> Path:
        content = copy.deepcopy(whole)
        change(content)
        path.write_text(json.dumps(content))
        return path

    assert GoldenSeeds.load(edited(lambda _: None)) == sd1, "laid out otherwise"
    assert GoldenSeeds.load(edited(lambda it: it["conditions"].update(guidance_scale=5))) == sd1, "5 for 5.0"
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert GoldenSeeds.load(path) == sd1, "with the mark that editors on Windows write"
    with pytest.raises(GoldenError, match=r"golden\.json: has lost the digest of its content \('sha256'\)"):
        GoldenSeeds.load(edited(lambda it: it.pop("sha256")))
    with pytest.raises(GoldenError, match=r"golden\.json: has lost the digest of its content"):
        GoldenSeeds.load(edited(lambda it: [it.pop("sha256"), it.update(format="seedscope-golden/1")]))

    def of_the_first(it: Any, *kept: str) -> None:
        model = it["conditions"]["model"]
        first = {key: model[key] for key in ("id", "revision", "weights", "family", "pipeline", *kept)}
        it["conditions"]["model"] = first | {"unet": model["denoiser"]}
        del it["sha256"], it["canary_pictures"], it["conditions"]["task"]
        it["format"] = "seedscope-golden/1"

    before = GoldenSeeds.load(edited(of_the_first))
    assert before.seeds == sd1.seeds and before.conditions.model.digests is None, "they had none at first"
    with pytest.raises(GoldenError, match=r"golden\.json: has lost the digest of its content"):
        GoldenSeeds.load(edited(lambda it: of_the_first(it, "digests")))

    def another_seed(it: Any) -> None:
        it["seeds"][0] = it["why"]["standings"][0]["seed"] = 999

    for change in (
        another_seed,
        lambda it: it["why"]["standings"][0].update(value=1.0),
        lambda it: it["conditions"].update(steps=3),
        lambda it: it["conditions"]["model"]["digests"].update(unet="0" * 64),
    ):
        with pytest.raises(GoldenError, match=r"golden\.json: was edited or damaged after it was written"):
            GoldenSeeds.load(edited(change))


def test_lists_of_before_go_on(sd1: GoldenSeeds, tiny: dict[str, Path], finetuned: Any, tmp_path: Path) -> None:
    """They know no digests, parts or settings, and are compared by what they have."""
    content = sd1.model_dump(mode="json")
    for key in ("parts", "settings", "digests"):
        del content["conditions"]["model"][key]
    del content["conditions"]["task"], content["canary_pictures"]
    (tmp_path / "golden.json").write_text(json.dumps(content | {"sha256": seal(content)}))
    old = GoldenSeeds.load(tmp_path / "golden.json")
    old.check(load(tiny["sd1"]), steps=2, guidance_scale=5.0)
    old.check(finetuned)
