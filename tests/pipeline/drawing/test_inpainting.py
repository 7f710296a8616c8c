"""Inpainting draws, pixel for pixel, what the stock inpainting pipeline of diffusers draws into the same masks."""

import json
import pickle
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import tiny_models
import torch
from given_pictures import mask, picture, save
from PIL import Image
from repository import CONFIGS

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.reference import inpaint_table
from seedscope.pipeline.drawing import noise
from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.drawing.draw import Drawing
from seedscope.pipeline.drawing.generate import Generate, OpenGenerate
from seedscope.pipeline.drawing.tasks.canvas import Encoded, canvas
from seedscope.pipeline.drawing.tasks.inpainting import BUNDLED_PICTURES, INPAINT_SCHEMA, Inpainting
from seedscope.pipeline.errors import ModelError, RunChanged, StudyError
from seedscope.pipeline.images import decode, decode_mask
from seedscope.pipeline.models.load import load
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.models.unet_denoiser import UNetDenoiser
from seedscope.pipeline.running.stage import make
from seedscope.pipeline.study.file import load_study
from seedscope.pipeline.study.plan import Edition, Unit, plan
from seedscope.pipeline.study.schema import Inpaint, Model, Study, UnitShape, fingerprint
from seedscope.pipeline.tables.run_folder import RunFolder
from seedscope.pipeline.tables.table import Table

SCHEDULERS = {
    "ddim": "DDIMScheduler",
    "ddpm": "DDPMScheduler",
    "euler": "EulerDiscreteScheduler",
    "dpm++": "DPMSolverMultistepScheduler",
}
needs_fonts = pytest.mark.skipif(
    not (world.EMOJI_FONT.exists() and world.WORD_FONT.exists()),
    reason="rendering needs Debian's fonts-noto-color-emoji and fonts-dejavu-core",
)
TASKS = {"removal": "clear background", "completion": "a {object}"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A tiny model of 9 channels and one of 4."""
    root = tmp_path_factory.mktemp("models")
    tiny = {"sd2_inpaint": tiny_models.sd2_inpaint, "sd1": tiny_models.sd1}
    return {name: str(write(root / name)) for name, write in tiny.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, one of another size than is drawn."""
    save(tmp_path / "given", "a", picture(1), mask(10, 12, 50, 40), "cat")
    save(tmp_path / "given", "b", picture(2, 90, 50), mask(30, 5, 61, 44, 90, 50), "red apple")
    save(tmp_path / "given", "c", picture(3), mask(0, 0, 64, 33), "dog")
    return tmp_path / "given"


def study(model: str, pictures: Path | str, tasks: dict[str, str] = TASKS, **sampling: Any) -> Study:
    return Study.model_validate(
        {
            "name": "t",
            "model": model,
            "sampling": {"steps": 3, "guidance": {"scale": 4.0}} | sampling,
            "compute": {"batch_size": 12, "device": "cpu"},
            "inpaint": {"pictures": str(pictures), "tasks": tasks},
            "seeds": [0, 7],
        }
    )


def inpainting(wanted: Study) -> Inpainting:
    assert wanted.inpaint
    return Inpainting.named(wanted.inpaint, locate(wanted.model, fills_masks=True).size(wanted.sampling))


def opened(wanted: Study, out: Path) -> OpenGenerate:
    located = locate(wanted.model, fills_masks=True)
    table = Table.of(out, "images", fingerprint(cause(wanted, located)), INPAINT_SCHEMA)
    return Generate(wanted, located, table, inpainting(wanted)).open()


def ours(wanted: Study, out: Path, unit: Unit) -> np.ndarray:
    stage = opened(wanted, out)
    make(stage, unit)
    rows = stage.table.read(unit.name).to_pylist()
    assert [(row["prompt_id"], row["seed"], row["status"]) for row in rows] == [
        (item.id, seed, "ok") for item, seed in unit.cells
    ]
    return np.stack([decode(row["image"]["bytes"]) for row in rows])


def stock(wanted: Study, unit: Unit, given: dict[str, tuple[Image.Image, Image.Image]]) -> np.ndarray:
    """The stock inpainting pipeline on the cells of a unit as one batch; `given`: prompt id -> picture and mask as stored."""
    located, cells = locate(wanted.model, fills_masks=True), list(unit.cells)
    kind: Any = diffusers.StableDiffusionInpaintPipeline
    pipe = kind.from_pretrained(located.folder, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    if wanted.sampling.scheduler != "model":
        pipe.scheduler = getattr(diffusers, SCHEDULERS[wanted.sampling.scheduler]).from_config(pipe.scheduler.config)
    guidance, shape = wanted.sampling.guidance, located.latent_shape(wanted.sampling)
    embedded = [
        pipe.encode_prompt(item.text, "cpu", 1, guidance.scale > 1, guidance.negative_prompt or None)
        for item, _ in cells
    ]
    call: dict[str, Any] = {"generator": [torch.Generator("cpu").manual_seed(seed) for _, seed in cells]}
    if pipe.unet.config.in_channels == shape[0]:
        # It would encode the pictures before it draws noise: the seed's noise comes first here, as everywhere.
        call["latents"] = torch.stack([noise.latent(seed, shape) for _, seed in cells])
        call["generator"] = [noise.generator(seed, shape) for _, seed in cells]
    height, width = located.size(wanted.sampling)
    drawn = pipe(
        image=[given[item.id][0] for item, _ in cells],
        mask_image=[given[item.id][1] for item, _ in cells],
        prompt_embeds=torch.cat([positive for positive, _ in embedded]),
        negative_prompt_embeds=torch.cat([n for _, n in embedded]) if guidance.scale > 1 else None,
        num_inference_steps=wanted.sampling.steps,
        guidance_scale=guidance.scale,
        height=height,
        width=width,
        **call,
    ).images
    return np.stack([np.asarray(image) for image in drawn])


def from_folder(folder: Path, source: Inpainting) -> dict[str, tuple[Image.Image, Image.Image]]:
    """Prompt id -> picture and mask as the files of a folder hold them."""
    return {
        item.id: (Image.open(folder / f"{item.group}.png"), Image.open(folder / f"{item.group}.mask.png"))
        for item in source.prompts()
    }


def whole(source: Inpainting) -> Unit:
    return Unit.crossed("u", tuple(source.prompts()), (0, 7))


def assert_equals_stock(wanted: Study, folder: Path, out: Path) -> None:
    source = inpainting(wanted)
    unit = whole(source)
    np.testing.assert_array_equal(ours(wanted, out, unit), stock(wanted, unit, from_folder(folder, source)))


# --- pixels


@pytest.mark.parametrize("model", ["sd2_inpaint", "sd1"])
@pytest.mark.parametrize("scheduler", ["model", "ddim", "ddpm", "euler", "dpm++"])
def test_pixels_equal_stock_diffusers(
    models: dict[str, str], folder: Path, tmp_path: Path, model: str, scheduler: str
) -> None:
    """Pictures, masks, tasks and seeds mixed in a batch; one picture of another size."""
    assert_equals_stock(study(models[model], folder, scheduler=scheduler), folder, tmp_path)


@pytest.mark.parametrize("scheduler", ["ddim", "ddpm", "dpm++"])
def test_the_bundled_model_equals_stock_diffusers(folder: Path, tmp_path: Path, scheduler: str) -> None:
    wanted = study("sprout-inpaint", folder, {"completion": "a {object}"}, scheduler=scheduler, steps=2)
    assert_equals_stock(wanted, folder, tmp_path)


@pytest.mark.parametrize("model", ["sd2_inpaint", "sd1"])
@pytest.mark.parametrize("scheduler", ["ddim", "ddpm", "euler", "dpm++"])
def test_pixels_equal_without_guidance(
    models: dict[str, str], folder: Path, tmp_path: Path, model: str, scheduler: str
) -> None:
    wanted = study(models[model], folder, {"removal": "sky"}, scheduler=scheduler, guidance={"scale": 1.0})
    assert_equals_stock(wanted, folder, tmp_path)


@pytest.mark.parametrize("model", ["sd2_inpaint", "sd1"])
def test_pixels_equal_with_a_negative_prompt_and_at_another_size(
    models: dict[str, str], folder: Path, tmp_path: Path, model: str
) -> None:
    guidance = {"scale": 3.0, "negative_prompt": "text"}
    wanted = study(models[model], folder, {"removal": "sky"}, guidance=guidance, height=48, width=72)
    assert_equals_stock(wanted, folder, tmp_path)


def test_a_mask_of_one_bit_is_stretched_as_the_stock_pipeline_stretches_it(
    models: dict[str, str], tmp_path: Path
) -> None:
    """Pillow knows no Lanczos for one bit a pixel, nor for a palette."""
    hole = mask(7, 9, 40, 31, 100, 70)
    save(tmp_path / "given", "a", picture(1, 100, 70), hole.convert("1"))
    save(tmp_path / "given", "b", picture(2, 100, 70), hole.convert("P"))
    save(tmp_path / "given", "c", picture(3, 100, 70), hole.convert("RGB"))
    wanted = study(models["sd2_inpaint"], tmp_path / "given", {"removal": "sky"}, steps=2)
    assert_equals_stock(wanted, tmp_path / "given", tmp_path)


def test_another_mask_or_seed_would_show(models: dict[str, str], folder: Path, tmp_path: Path) -> None:
    """The tests above can fail: other masks and seeds give other pixels."""
    wanted = study(models["sd2_inpaint"], folder, {"removal": "clear background"})
    unit = whole(inpainting(wanted))
    before = ours(wanted, tmp_path / "before", unit)
    assert (before[0] != before[3]).any()
    mask(10, 12, 50, 44).save(folder / "a.mask.png")
    after = ours(wanted, tmp_path / "after", whole(inpainting(wanted)))
    assert (before[0] != after[0]).any()


def test_blending_ends_with_the_given_latents_outside_the_mask(models: dict[str, str]) -> None:
    wanted = study(models["sd1"], "unused", {"removal": "sky"})
    located = locate(wanted.model, fills_masks=True)
    model = load(located, None, wanted.sampling, wanted.compute)
    hole = np.zeros((64, 64), np.bool_)
    hole[:32] = True
    given = Encoded.of(model, np.asarray(picture(1)), hole)
    shape = located.latent_shape(wanted.sampling)
    start = noise.latent(5, shape)[None]
    ground = canvas(model, [given], [noise.generator(5, shape)], start)
    scheduler = model.pipe.scheduler
    scheduler.set_timesteps(4)
    ground.begin(scheduler)
    own = torch.full_like(start, 7.0)
    last = ground.after_step(own, scheduler, len(scheduler.timesteps) - 1)
    drawn = given.draw(noise.generator(5, shape)) * model.pipe.vae.config.scaling_factor
    assert torch.equal(last[:, :, :4], own[:, :, :4]) and torch.equal(last[:, :, 4:], drawn[:, :, 4:])
    earlier = ground.after_step(own, scheduler, 0)
    share = scheduler.alphas_cumprod[scheduler.timesteps[1]]
    noised = share.sqrt() * drawn + (1 - share).sqrt() * start
    torch.testing.assert_close(earlier[:, :, 4:], noised[:, :, 4:], atol=1e-6, rtol=0)


# --- the stage


def test_a_shard_says_all_about_its_pictures(models: dict[str, str], folder: Path, tmp_path: Path) -> None:
    wanted = study(models["sd2_inpaint"], folder)
    stage = opened(wanted, tmp_path)
    source = inpainting(wanted)
    make(stage, whole(source))
    rows = stage.table.read("u")
    assert rows.schema == INPAINT_SCHEMA
    assert set(json.loads(rows.schema.metadata[b"huggingface"])["info"]["features"]) == set(INPAINT_SCHEMA.names)
    for row in rows.to_pylist():
        assert row["task"] == source.kind(row["prompt_id"])
        assert np.array_equal(decode_mask(row["mask"]["bytes"]), source.given(row["prompt_id"])[1])
        assert (row["prompt"] == "clear background") == (row["task"] == "removal")
    assert {row["prompt"] for row in rows.to_pylist()} == {"clear background", "a cat", "a red apple", "a dog"}


def test_a_picture_is_encoded_once_a_unit_and_drawn_from_once_a_cell(
    models: dict[str, str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: Counter[str] = Counter()
    encode, draw = UNetDenoiser.encode, Encoded.draw
    monkeypatch.setattr(UNetDenoiser, "encode", lambda *args: calls.update(["encode"]) or encode(*args))
    monkeypatch.setattr(Encoded, "draw", lambda *args: calls.update(["draw"]) or draw(*args))
    wanted = study(models["sd2_inpaint"], folder)
    ours(wanted, tmp_path, whole(inpainting(wanted)))
    assert calls == {"encode": 6, "draw": 12}


def test_a_unit_draws_the_same_whatever_was_drawn_before(models: dict[str, str], folder: Path, tmp_path: Path) -> None:
    wanted = study(models["sd1"], folder, scheduler="ddpm")
    unit, other = whole(inpainting(wanted)), Unit.crossed("v", tuple(inpainting(wanted).prompts()[3:]), (9,))
    stage = opened(wanted, tmp_path)
    state = torch.random.get_rng_state()
    make(stage, other)
    make(stage, unit)
    assert torch.equal(state, torch.random.get_rng_state())
    again = np.stack([decode(row["image"]["bytes"]) for row in stage.table.read("u").to_pylist()])
    np.testing.assert_array_equal(again, ours(wanted, tmp_path / "fresh", unit))


def test_a_picture_that_is_not_finite_keeps_its_row_with_mask_and_task(
    models: dict[str, str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = UNetDenoiser.decode

    def spoilt(self: UNetDenoiser, latents: torch.Tensor) -> torch.Tensor:
        pictures = sound(self, latents).clone()
        pictures[1, 0, 5, 5] = float("nan")
        return pictures

    monkeypatch.setattr(UNetDenoiser, "decode", spoilt)
    wanted = study(models["sd2_inpaint"], folder, {"removal": "sky"})
    stage = opened(wanted, tmp_path)
    (receipt,) = make(stage, whole(inpainting(wanted)))
    row = stage.table.read("u").to_pylist()[1]
    assert receipt.failed == 1
    assert (row["status"], row["image"], row["task"]) == ("failed", None, "removal") and "not finite" in row["error"]
    assert decode_mask(row["mask"]["bytes"]).any()


def test_out_of_memory_halves_the_batch(
    models: dict[str, str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ample = Drawing.draw

    def tight(self: Drawing, cells: Any) -> Any:
        if len(cells) > 3:
            raise torch.cuda.OutOfMemoryError("no memory")
        return ample(self, cells)

    monkeypatch.setattr(Drawing, "draw", tight)
    wanted = study(models["sd2_inpaint"], folder, {"removal": "sky"})
    stage = opened(wanted, tmp_path)
    (receipt,) = make(stage, whole(inpainting(wanted)))
    assert receipt.made["batches"] == [3, 3]


def test_the_rule_of_stretching_is_a_cause_of_inpainted_pixels_alone(models: dict[str, str], folder: Path) -> None:
    wanted = study(models["sd1"], folder)
    text = Study.model_validate(wanted.model_dump(exclude={"inpaint"}) | {"prompts": ["a cat"], "seeds": [0]})
    assert "inpaint" in cause(wanted, locate(wanted.model, fills_masks=True))
    assert "inpaint" not in cause(text, locate(text.model))


# --- prompts


def named(pictures: Path | str, **changes: Any) -> Inpainting:
    return Inpainting.named(Inpaint.model_validate({"pictures": str(pictures), "tasks": TASKS} | changes), (64, 64))


def test_prompts_are_pictures_times_tasks_grouped_by_picture(folder: Path) -> None:
    source = named(folder)
    assert [(item.group, item.text) for item in source.prompts()] == [
        ("a", "clear background"),
        ("a", "a cat"),
        ("b", "clear background"),
        ("b", "a red apple"),
        ("c", "clear background"),
        ("c", "a dog"),
    ]
    assert [source.kind(item.id) for item in source.prompts()] == ["removal", "completion"] * 3
    assert len({item.id for item in source.prompts()}) == 6
    assert len(named(folder, limit=2).prompts()) == 4


def removals(folder: Path, task: str = "removal") -> dict[str, str]:
    """Group of each picture -> id of its removal."""
    source = Inpainting.named(Inpaint(pictures=str(folder), tasks={task: "clear background"}), (64, 64))
    return {item.group: item.id for item in source.prompts()}


def test_prompt_ids_survive_growth_and_another_name(folder: Path) -> None:
    before = removals(folder)
    save(folder, "0", picture(9), mask(1, 1, 30, 30))
    assert before.items() < removals(folder).items()
    for ending in (".png", ".mask.png"):
        (folder / f"c{ending}").rename(folder / f"z{ending}")
    assert removals(folder)["z"] == before["c"]


@pytest.mark.parametrize(("file", "colour"), [("a.png", (1, 2, 3)), ("a.mask.png", 255)])
def test_prompt_ids_change_with_a_pixel_of_picture_or_mask(folder: Path, file: str, colour: Any) -> None:
    before = removals(folder)
    image = Image.open(folder / file)
    image.putpixel((60, 60), colour)
    image.save(folder / file)
    after = removals(folder)
    assert after["a"] != before["a"] and after["b"] == before["b"]


def test_prompt_ids_change_with_task_and_text(folder: Path) -> None:
    ids = {*removals(folder).values(), *removals(folder, "cleaning").values()}
    ids |= {item.id for item in named(folder, tasks={"removal": "sky"}).prompts()}
    assert len(ids) == 9


def test_more_pictures_keep_what_is_there(folder: Path, tmp_path: Path) -> None:
    run, shape = RunFolder(tmp_path / "run"), UnitShape(prompts=2, seeds=2)

    def edition(limit: int | None) -> Edition:
        return Edition(tuple(named(folder, limit=limit).prompts()), (0, 1, 2))

    first = plan(run.grow("cause", edition(2)), shape)
    grown = plan(run.grow("cause", edition(None)), shape)
    assert grown[: len(first)] == first
    assert {item.group for unit in grown[len(first) :] for item in unit.prompts} == {"c"}
    with pytest.raises(RunChanged, match="A run only grows"):
        run.grow("cause", edition(1))


def test_it_travels_to_workers_as_paths(folder: Path) -> None:
    source = named(folder)
    packed = pickle.dumps(source)
    assert len(packed) < 4000
    again = pickle.loads(packed)  # noqa: S301  (its own)
    for item in source.prompts():
        assert all(np.array_equal(*pair) for pair in zip(source.given(item.id), again.given(item.id), strict=True))


def test_a_picture_that_changes_under_way_is_refused(folder: Path) -> None:
    source = named(folder)
    picture(77).save(folder / "a.png")
    with pytest.raises(StudyError, match=r"a\.png: the picture or its mask has changed since the study was begun"):
        source.given(source.prompts()[0].id)


def test_the_control_is_the_pictures_before_inpainting(folder: Path) -> None:
    source = named(folder)
    (unit,) = source.units()
    rows = source.read(unit)
    assert rows.schema == INPAINT_SCHEMA and unit.seeds == (0,)
    for row, item in zip(rows.to_pylist(), source.prompts(), strict=True):
        pixels, hole = source.given(item.id)
        assert (row["prompt_id"], row["seed"], row["status"]) == (item.id, 0, "ok")
        assert np.array_equal(decode(row["image"]["bytes"]), pixels) and pixels.shape == (64, 64, 3)
        assert np.array_equal(decode_mask(row["mask"]["bytes"]), hole) and row["task"] == source.kind(item.id)
    wide = Inpainting.named(Inpaint(pictures=str(folder), tasks=TASKS), (32, 48))
    assert wide.given(wide.prompts()[0].id)[0].shape == (32, 48, 3)
    assert source.fingerprint() == named(folder).fingerprint()
    assert len({source.fingerprint(), wide.fingerprint(), named(folder, limit=2).fingerprint()}) == 3


# --- models


def test_models_that_cannot_do_a_task_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match="sprout-inpaint fills masks in given pictures and draws none from a prompt alone"
    ):
        locate(Model(id="sprout-inpaint"))
    xl = Model(id=str(tiny_models.sdxl(tmp_path / "xl")))
    index = tmp_path / "xl" / "model_index.json"
    index.write_text(index.read_text().replace("StableDiffusionXLPipeline", "KolorsPipeline"))
    with pytest.raises(ModelError, match="is a KolorsPipeline; inpainting runs on .*Inpaint.* and "):
        locate(xl, fills_masks=True)
    folder = tiny_models.sd2_inpaint(tmp_path / "renamed")
    index = folder / "model_index.json"
    index.write_text(index.read_text().replace("StableDiffusionInpaintPipeline", "StableDiffusionPipeline"))
    with pytest.raises(ModelError, match="fills masks in given pictures"):
        locate(Model(id=str(folder)))
    assert locate(Model(id=str(folder)), fills_masks=True).geometry.channels == 4
    config = folder / "unet" / "config.json"
    config.write_text(config.read_text().replace('"in_channels": 9', '"in_channels": 5'))
    with pytest.raises(ModelError, match="takes 5 channels, where latents of 4 need 4, or 9 to inpaint"):
        locate(Model(id=str(folder)), fills_masks=True)


def test_inpainting_is_located_with_the_pipeline_that_draws_it() -> None:
    for name, channels in (("sprout-inpaint", 4), ("sprout", 16)):
        located = locate(Model(id=name), fills_masks=True)
        assert (located.pipeline, located.family.name, located.geometry.channels) == (
            "StableDiffusionInpaintPipeline",
            "sd",
            channels,
        )
    assert locate(Model(id="sprout")).pipeline == "StableDiffusionPipeline"


# --- what ships


def test_the_bundled_pictures_are_small_whole_and_of_sprouts_objects() -> None:
    source = named("sprout")
    assert BUNDLED_PICTURES["sprout"].stat().st_size < 400_000
    assert len(source.prompts()) == 128 and {item.picture.object for item in source.items} == set(world.OBJECTS)
    shares = [source.given(item.id)[1].mean() for item in source.prompts()]
    assert min(shares) > 0.05 and max(shares) < 0.8


@needs_fonts
def test_the_bundled_pictures_are_what_the_command_writes() -> None:
    for item, row in islice(zip(named("sprout").items[::2], inpaint_table(8).to_pylist(), strict=False), 8):
        pixels, hole = item.picture.read((64, 64))
        assert (item.picture.name, item.picture.object) == (row["name"], row["object"])
        assert np.array_equal(pixels, decode(row["image"]["bytes"]))
        assert np.array_equal(hole, decode_mask(row["mask"]["bytes"]))


def test_the_demo_is_ready_to_run() -> None:
    wanted = load_study(CONFIGS / "inpaint_demo.yaml")
    assert isinstance(wanted, Study)
    assert len(inpainting(wanted).prompts()) == 48
