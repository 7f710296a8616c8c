"""Classes of diffusers that no family knows, on tiny random weights: called as a user calls them; what they drew is told."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
import torch
from diffusers import DDPMScheduler
from stock_families import PROMPTS, SEEDS, by_seedscope, by_stock, golden_list, refused, stock_pipe, study
from tiny_families.unknown_classes import amused, kandinsky, latent_diffusion

from seedscope.analysis import GoldenMismatch
from seedscope.analysis.select.mismatch import GoldenError
from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.drawing.draw import Drawing
from seedscope.pipeline.drawing.sampler import to_pixels
from seedscope.pipeline.drawing.tasks.text_to_image import TextToImage
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.as_it_is import CalledAsItIs
from seedscope.pipeline.models.families.generic import why_not
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.models.watched_noise import WatchedNoise
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import Compute

SIZE = {"height": 32, "width": 48}


MODELS = {"amused": amused, "latent_diffusion": latent_diffusion, "kandinsky": kandinsky}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(8)
        return {name: make(tmp_path_factory.mktemp(name) / name) for name, make in MODELS.items()}


CALLS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("amused", {"guidance": {"scale": 0}}, {"guidance_scale": 0}),
    (
        "amused",
        {"guidance": {"scale": 4.0, "negative_prompt": "grass"}},
        {"guidance_scale": 4.0, "negative_prompt": "grass"},
    ),
    ("latent_diffusion", {"call": {"eta": 0.0}}, {"guidance_scale": 4.0}),
    ("kandinsky", {"call": {"prior_num_inference_steps": 2}}, {"guidance_scale": 4.0, "prior_num_inference_steps": 2}),
]


@pytest.mark.parametrize(("name", "sampling", "call"), CALLS)
def test_pictures_are_the_stock_pipelines_in_any_batch(
    name: str, sampling: dict[str, Any], call: dict[str, Any], folders: dict[str, Path], tmp_path: Path
) -> None:
    here = by_seedscope(study(folders[name], batch_size=3, **SIZE, **sampling), tmp_path)
    assert np.array_equal(here, by_stock(stock_pipe(folders[name]), **SIZE, **call))
    assert np.abs(here[0].astype(int) - here[2]).max() > 10, "the seed changes the picture"
    assert np.abs(here[0].astype(int) - here[1]).max() > 0, "the prompt changes the picture"


def test_half_precision_is_rounded_as_the_stock_pipeline_rounds_it(folders: dict[str, Path]) -> None:
    pipe, asked = stock_pipe(folders["latent_diffusion"], torch.float16), study(folders["latent_diffusion"], **SIZE)
    drawn = CalledAsItIs(pipe, "cpu", asked.sampling, ()).draw([(PROMPTS[0], SEEDS[0])], (32, 48))
    assert np.array_equal(to_pixels(drawn)[0], by_stock(pipe, **SIZE, guidance_scale=4.0)[0])


def test_a_call_that_fails_in_half_precision_says_what_may_help(folders: dict[str, Path]) -> None:
    pipe, asked = stock_pipe(folders["latent_diffusion"], torch.bfloat16), study(folders["latent_diffusion"], **SIZE)
    with pytest.raises(ModelError, match="BFloat16. It was called in bfloat16; perhaps it draws with .*float32"):
        CalledAsItIs(pipe, "cpu", asked.sampling, ()).draw([("a cat", 0)], (32, 48))


ASKED = {
    "amused": [
        ("multinomial", [384, 1], "int64", 1),
        ("uniform_", [1, 384], "float32", 1),
        ("multinomial", [384, 1], "int64", 1),
    ],
    "latent_diffusion": [("randn", [1, 4, 4, 6], "float32", 1)],
    "kandinsky": [("randn", [1, 32], "float32", 2), ("randn", [1, 4, 16, 24], "float32", 2)],
}


@pytest.mark.parametrize("name", MODELS)
def test_receipts_tell_how_noise_was_asked_for(name: str, folders: dict[str, Path]) -> None:
    wanted = study(folders[name], **SIZE, call={"prior_num_inference_steps": 2} if name == "kandinsky" else {})
    drawing = Drawing(wanted, locate(wanted.model), TextToImage(wanted.prompts))
    unit = Unit.crossed("u", (prompt("a cat"), prompt("the grass")), SEEDS)
    drawing.begin(unit)
    drawing.draw(list(unit.cells))
    told: Any = drawing.told()
    assert "latents" not in told, "no latent of seedscope's was drawn"
    keys = ("by", "shape", "dtype", "times")
    assert [[tuple(one[key] for key in keys) for one in asked] for asked in told["noise"]["asked"]] == [ASKED[name]]
    digests = told["noise"]["sha256"]
    assert list(digests) == [str(seed) for seed in SEEDS] and digests["0"] != digests["7"]
    assert len(digests["0"]) == (2 if name == "amused" else 1), (
        "drawn tokens hang on the prompt, Gaussian noise does not"
    )
    assert "no initial latents" in told["noise"]["not_promised"][0]
    assert drawing.told()["noise"]["sha256"] == {}, "each unit tells of its own"


def test_its_golden_list_holds_in_stock_code(folders: dict[str, Path], tmp_path: Path) -> None:
    prior = {"prior_num_inference_steps": 2}
    golden = golden_list(folders["kandinsky"], tmp_path, **SIZE, call=prior)
    pipe, call = stock_pipe(folders["kandinsky"]), {**SIZE, **prior, "num_inference_steps": 2, "guidance_scale": 4.0}
    golden.check(pipe, **call)
    assert golden.canary(pipe) == 0
    drawn = golden.draw(pipe, "a cat")
    for picture, generator in zip(drawn, golden.generators(), strict=True):
        assert np.array_equal(picture, pipe("a cat", generator=generator, **call).images[0])
    with pytest.raises(GoldenError, match="draws its noise itself"):
        golden.latents(pipe)
    with pytest.raises(GoldenError, match="draws its noise itself"):
        golden.generators(after_latent=True)
    for changed, said in (
        ({"num_inference_steps": 3}, "number of steps is 3"),
        ({"height": 40}, "48 x 40 pixels"),
        ({"prior_guidance_scale": 1.0}, "prior_g"),
    ):
        with pytest.raises(GoldenMismatch, match=said):
            golden.check(pipe, **call | changed)
    assert "prior_scheduler" in (golden.conditions.model.parts or {})
    with torch.no_grad():
        next(pipe.components[golden.conditions.model.network].parameters()).add_(1)
    with pytest.raises(GoldenMismatch, match="are not those of"):
        golden.check(pipe, **call)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("StableDiffusionImg2ImgPipeline", "needs something else beside a prompt"),
        ("WanImageToVideoPipeline", "needs image beside a prompt"),
        ("FluxControlNetPipeline", "needs something else beside a prompt"),
        ("KandinskyV22PriorPipeline", "gives something else than pictures"),
        ("AudioLDM2Pipeline", "gives something else than pictures"),
        ("DiTPipeline", "needs class_labels beside a prompt"),
        ("DDPMPipeline", "its call takes no prompt"),
        ("FluxTransformer2DModel", "has no such pipeline"),
        ("NoSuchPipeline", "has no such pipeline"),
        ("AmusedPipeline", "^$"),
        ("PRXPipeline", "^$"),
    ],
)
def test_classes_that_need_more_than_a_prompt_are_told_apart(kind: str, said: str) -> None:
    assert re.search(said, why_not(kind))


def test_a_model_of_such_a_class_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text('{"_class_name": "WanImageToVideoPipeline"}')
    with pytest.raises(ModelError, match="is a WanImageToVideoPipeline.* but it needs image beside a prompt"):
        locate(study(tmp_path).model)


@pytest.mark.parametrize(
    ("name", "sampling", "said"),
    [
        ("amused", {"height": None}, "amused does not say of what size its .*the call of AmusedPipeline has"),
        ("latent_diffusion", {"width": None}, "sampling.width: .*the call of LDMTextToImagePipeline has no size"),
        ("amused", {"call": {"steps": 3}}, "takes no such argument"),
        (
            "amused",
            {"guidance": {"negative_prompt": "x", "negative_from": 1}},
            "negative_from: a AmusedPipeline has no such",
        ),
        ("amused", {"guidance": {"similarity": {"to": {"text": "x"}}}}, "similarity: a AmusedPipeline has no such"),
        (
            "latent_diffusion",
            {"guidance": {"negative_prompt": "x"}},
            "negative_prompt: a LDMTextToImagePipeline has no such",
        ),
        ("kandinsky", {"scheduler": "ddim"}, "is made of several pipelines"),
    ],
)
def test_what_it_cannot_do_is_refused_when_the_study_is_read(
    name: str, sampling: dict[str, Any], said: str, folders: dict[str, Path]
) -> None:
    assert re.search(said, refused(folders[name], **{**SIZE, **sampling}))


def test_it_is_not_compiled(folders: dict[str, Path]) -> None:
    located = locate(study(folders["amused"]).model)
    with pytest.raises(ModelError, match=r"compute.compile: a AmusedPipeline is called as it is. Remove the key"):
        located.refuse(study(folders["amused"], **SIZE).sampling, Compute(compile=True), by_prompt=True)


def test_how_half_precision_is_rounded_is_part_of_what_the_pictures_depend_on(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    def said(folder: Path, **changes: Any) -> Any:
        wanted = study(folder, **SIZE, **changes)
        return cause(wanted, locate(wanted.model)).get("rounding")

    assert said(folders["amused"], dtype="float16") == said(folders["amused"], vae={"dtype": "bfloat16"})
    assert said(folders["amused"], dtype="float16") == "in the dtype of the output"
    assert said(folders["amused"]) is None, "the tables of pictures in float32 keep their names"
    assert said(tiny_models.sd1(tmp_path / "sd1"), dtype="float16") is None, "a known family is rounded in float32"


def test_a_call_that_fails_or_gives_another_size_is_one_sentence(folders: dict[str, Path]) -> None:
    pipe = stock_pipe(folders["latent_diffusion"])
    asked = study(folders["latent_diffusion"], **SIZE).sampling
    drawer = CalledAsItIs(pipe, "cpu", asked, ())
    with pytest.raises(ModelError, match="the call of LDMTextToImagePipeline failed: .* divisible by 8"):
        drawer.draw([("a cat", 0)], (36, 48))
    amused = CalledAsItIs(stock_pipe(folders["amused"]), "cpu", asked, ())
    with pytest.raises(
        ModelError, match=r"gave 1 x 3 channels of 48 x 32 pixels \(width x height\).* picture of 48 x 33"
    ):
        amused.draw([("a cat", 0)], (33, 48))


def test_noise_that_is_not_the_seeds_is_refused(folders: dict[str, Path]) -> None:
    pipe = stock_pipe(folders["latent_diffusion"])
    pipe.scheduler = DDPMScheduler.from_config(pipe.scheduler.config)  # whose steps this pipeline gives no generator
    drawer = CalledAsItIs(pipe, "cpu", study(folders["latent_diffusion"], **SIZE).sampling, ())
    with pytest.raises(ModelError, match="drew noise that does not come from the seed"):
        drawer.draw([("a cat", 0)], (32, 48))


def test_every_draw_from_a_generator_is_seen_and_no_other() -> None:
    generator, other = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    with WatchedNoise(generator) as watch:
        drawn = torch.randn((2, 3), generator=generator)
        torch.rand(4, generator=other)
        torch.empty(5, dtype=torch.float64).exponential_(generator=generator)
        torch.randn(6)
    assert [(draw.by, draw.shape, draw.dtype) for draw in watch.draws] == [
        ("randn", (2, 3), "float32"),
        ("exponential_", (5,), "float64"),
    ]
    assert watch.draws[0].sha256 == hashlib.sha256(drawn.numpy().tobytes()).hexdigest()
