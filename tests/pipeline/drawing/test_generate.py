"""What `generate` draws is, pixel for pixel, what the stock pipeline of diffusers draws."""

import json
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stock_families import refused
from stock_pictures import PROMPTS, UNIT, drawn, ours, stock, stock_pipe, study

from seedscope.pipeline.drawing import draw, noise
from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.drawing.draw import Drawing
from seedscope.pipeline.drawing.generate import Generate
from seedscope.pipeline.drawing.sampler import sample
from seedscope.pipeline.drawing.tasks.text_to_image import TextToImage
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.images import decode
from seedscope.pipeline.models.base import Text
from seedscope.pipeline.models.load import load
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.models.unet_denoiser import UNetDenoiser
from seedscope.pipeline.running.stage import make
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import Model, fingerprint
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA
from seedscope.pipeline.tables.table import Table


def family(tiny: dict[str, Path], name: str) -> str:
    return "sprout" if name == "sprout" else str(tiny[name])


SCHEDULERS = ("model", "ddim", "ddpm", "euler", "dpm++")


@pytest.mark.parametrize(
    ("model", "scheduler"),
    # With each scheduler what predicts noise and what predicts v; of the others one with noise between steps and one without.
    [*product(("sd1", "sd2"), SCHEDULERS), *product(("sprout", "sdxl"), ("model", "ddpm"))],
)
def test_pixels_equal_stock_diffusers(tiny: dict[str, Path], tmp_path: Path, model: str, scheduler: str) -> None:
    wanted = study(family(tiny, model), scheduler=scheduler)
    np.testing.assert_array_equal(ours(wanted, tmp_path, UNIT), stock(wanted, UNIT))


@pytest.mark.parametrize("model", ["sd1", "sd2", "sdxl", "sdxl_turbo"])
def test_pixels_equal_a_stock_call_with_one_prompt_and_many_seeds(
    tiny: dict[str, Path], tmp_path: Path, model: str
) -> None:
    wanted, unit = study(family(tiny, model)), Unit.crossed("u", (prompt(PROMPTS[0]),), (0, 7, 8))
    plain = drawn(stock_pipe(wanted), wanted, unit, prompt=PROMPTS[0], num_images_per_prompt=3)
    np.testing.assert_array_equal(ours(wanted, tmp_path, unit), plain)


@pytest.fixture(scope="module")
def distilled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Models whose UNet is told the guidance scale, with LCM's scheduler."""
    import tiny_models

    root, whole = tmp_path_factory.mktemp("distilled"), tiny_models._unet
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_models, "_unet", lambda **config: whole(**config, time_cond_proj_dim=32))
        folders = {name: getattr(tiny_models, name)(root / name) for name in ("sd1", "sdxl")}
    for folder in folders.values():
        edit(folder, "model_index.json", scheduler=["diffusers", "LCMScheduler"])
        edit(folder, "scheduler/scheduler_config.json", _class_name="LCMScheduler")
    return folders


def edit(folder: Path, file: str, **changes: object) -> None:
    settings = json.loads((folder / file).read_text()) | changes
    (folder / file).write_text(json.dumps({key: value for key, value in settings.items() if value != "none"}))


@pytest.mark.parametrize(("model", "scale"), [("sd1", 8.0), ("sdxl", 8.0), ("sdxl", 1.0)])
def test_a_network_that_is_told_the_guidance_scale_draws_as_stock(
    distilled: dict[str, Path], tmp_path: Path, model: str, scale: float
) -> None:
    wanted = study(str(distilled[model]), guidance={"scale": scale})
    np.testing.assert_array_equal(ours(wanted, tmp_path, UNIT), stock(wanted, UNIT))


def test_such_a_network_takes_no_negative_prompt(distilled: dict[str, Path]) -> None:
    said = refused(distilled["sd1"], guidance={"scale": 8.0, "negative_prompt": "text"})
    assert re.fullmatch("sampling.guidance.negative_prompt: .* is told the guidance scale .* Remove it.", said)


@pytest.mark.parametrize(
    ("settings", "asked", "size"),
    [
        ({"sample_size": [8, 12]}, {}, (64, 96)),
        ({"sample_size": "none"}, {"height": 64, "width": 72}, (64, 72)),
        ({"sample_size": None}, {"height": 64, "width": 72}, (64, 72)),
    ],
)
def test_pictures_are_of_the_size_that_stock_takes(
    tmp_path: Path, settings: dict[str, Any], asked: dict[str, int], size: tuple[int, int]
) -> None:
    import tiny_models

    folder = tiny_models.sd1(tmp_path / "model")
    edit(folder, "unet/config.json", **settings)
    wanted = study(str(folder), **asked)
    drawn = ours(wanted, tmp_path, UNIT)
    assert drawn.shape[1:3] == size
    np.testing.assert_array_equal(drawn, stock(wanted, UNIT, **asked))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"sample_size": None}, "sampling.height: model does not say of what size.*Give height and width"),
        ({"sample_size": "big"}, "sample_size is 'big', neither a number nor"),
        ({"sample_size": [8]}, "sample_size is .8., neither a number nor"),
    ],
)
def test_models_without_a_size(tmp_path: Path, settings: dict[str, Any], sentence: str) -> None:
    import tiny_models

    folder = tiny_models.sd1(tmp_path / "model")
    edit(folder, "unet/config.json", **settings)
    with pytest.raises(ModelError, match=sentence):
        locate(Model(id=str(folder))).size(study("sprout").sampling)


def test_sdxl_without_its_first_text_encoder_draws_as_stock(tmp_path: Path) -> None:
    import tiny_models

    with pytest.MonkeyPatch.context() as patch:
        whole = tiny_models._unet
        patch.setattr(tiny_models, "_unet", lambda **config: whole(**config | {"cross_attention_dim": 40}))
        folder = tiny_models.sdxl(tmp_path / "model")
    edit(folder, "model_index.json", text_encoder=[None, None], tokenizer=[None, None])
    wanted = study(str(folder))
    np.testing.assert_array_equal(ours(wanted, tmp_path, UNIT), stock(wanted, UNIT))


@pytest.mark.parametrize("model", ["sd1", "sdxl"])
def test_a_stock_call_with_a_list_of_prompts_differs_by_rounding_at_most(
    tiny: dict[str, Path], tmp_path: Path, model: str
) -> None:
    wanted = study(family(tiny, model))
    plain = drawn(stock_pipe(wanted), wanted, UNIT, prompt=[item.text for item, _ in UNIT.cells])
    apart = np.abs(ours(wanted, tmp_path, UNIT).astype(int) - plain)
    assert apart.max() <= 1 and (apart > 0).mean() < 1e-3


@pytest.mark.parametrize("model", ["sd1", "sdxl"])
def test_pixels_equal_with_a_negative_prompt(tiny: dict[str, Path], tmp_path: Path, model: str) -> None:
    wanted = study(family(tiny, model), guidance={"scale": 5.0, "negative_prompt": "text"})
    np.testing.assert_array_equal(ours(wanted, tmp_path, UNIT), stock(wanted, UNIT, negative_prompt="text"))


@pytest.mark.parametrize("steps", [1, 4])
def test_sdxl_turbo_without_guidance_equals_stock(tiny: dict[str, Path], tmp_path: Path, steps: int) -> None:
    """Four ancestral steps draw noise between the steps, from the generators as the initial latent left them."""
    wanted = study(str(tiny["sdxl_turbo"]), steps=steps, guidance={"scale": 0.0})
    np.testing.assert_array_equal(ours(wanted, tmp_path, UNIT), stock(wanted, UNIT))


def test_pixels_equal_at_another_size(tiny: dict[str, Path], tmp_path: Path) -> None:
    wanted = study(str(tiny["sdxl"]), height=96, width=48)
    drawn = ours(wanted, tmp_path, UNIT)
    assert drawn.shape == (4, 96, 48, 3)
    np.testing.assert_array_equal(drawn, stock(wanted, UNIT, height=96, width=48))


def test_a_wrong_seed_or_prompt_would_show(tmp_path: Path) -> None:
    """The tests above can fail: other cells give other pixels."""
    wanted = study("sprout")
    drawn = ours(wanted, tmp_path, UNIT)
    assert (drawn[0] != drawn[1]).any() and (drawn[0] != drawn[2]).any()


def test_a_unit_draws_the_same_whatever_was_drawn_before(tmp_path: Path) -> None:
    wanted = study("sprout", scheduler="ddpm")
    other = Unit.crossed("v", (prompt("a blue car"),), (3,))
    located = locate(wanted.model)
    table = Table.of(tmp_path, "images", fingerprint(cause(wanted, located)), IMAGE_SCHEMA)
    stage = Generate(wanted, located, table, TextToImage(wanted.prompts)).open()
    state = torch.random.get_rng_state()
    make(stage, other)
    make(stage, UNIT)
    assert torch.equal(state, torch.random.get_rng_state())
    fresh = ours(wanted, tmp_path / "fresh", UNIT)
    again = np.stack([decode(row["image"]["bytes"]) for row in table.read("u").to_pylist()])
    np.testing.assert_array_equal(again, fresh)


def test_a_picture_that_is_not_finite_is_a_failed_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = UNetDenoiser.decode

    def spoilt(self: UNetDenoiser, latents: torch.Tensor) -> torch.Tensor:
        pictures = whole(self, latents).clone()
        pictures[1, 0, 5, 5] = float("nan")
        return pictures

    monkeypatch.setattr(UNetDenoiser, "decode", spoilt)
    wanted = study("sprout")
    located = locate(wanted.model)
    table = Table.of(tmp_path, "images", "0" * 64, IMAGE_SCHEMA)
    stage = Generate(wanted, located, table, TextToImage(wanted.prompts)).open()
    (receipt,) = make(stage, UNIT)
    row = table.read("u").to_pylist()[1]
    assert receipt.failed == 1
    assert (row["status"], row["image"]) == ("failed", None) and "not finite" in row["error"]


def test_out_of_memory_halves_the_batch_and_records_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Drawing.draw

    def tight(self: Drawing, cells: Any) -> Any:
        if len(cells) > 1:
            raise torch.cuda.OutOfMemoryError("no memory")
        return whole(self, cells)

    monkeypatch.setattr(Drawing, "draw", tight)
    wanted = study("sprout")
    table = Table.of(tmp_path, "images", "0" * 64, IMAGE_SCHEMA)
    stage = Generate(wanted, locate(wanted.model), table, TextToImage(wanted.prompts)).open()
    (receipt,) = make(stage, UNIT)
    assert receipt.made["batches"] == [1, 1, 1, 1]


def test_what_has_been_seen_to_fit_is_tried_first_for_later_units(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def tight(_self: Drawing, cells: Any) -> Any:
        sizes.append(len(cells))
        if len(cells) > 2:
            raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
        return torch.zeros(len(cells), 8, 8, 3, dtype=torch.uint8), [True] * len(cells)

    monkeypatch.setattr(Drawing, "draw", tight)
    wanted = study("sprout")
    table = Table.of(tmp_path, "images", "0" * 64, IMAGE_SCHEMA)
    stage = Generate(wanted, locate(wanted.model), table, TextToImage(wanted.prompts)).open()
    for number in range(2):
        make(stage, Unit.crossed(f"u{number}", UNIT.prompts, UNIT.seeds))
    assert sizes == [4, 2, 2, 2, 2]


def test_where_decoding_alone_runs_out_of_memory_no_step_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, decoded, denoised = UNetDenoiser.decode, list[int](), list[int]()

    def tight(self: UNetDenoiser, latents: torch.Tensor) -> torch.Tensor:
        decoded.append(len(latents))
        if len(latents) > 1:
            raise torch.cuda.OutOfMemoryError("no memory")
        return whole(self, latents)

    def counted(*given: Any) -> torch.Tensor:
        denoised.append(len(given[1]))
        return sample(*given)

    monkeypatch.setattr(UNetDenoiser, "decode", tight)
    monkeypatch.setattr(draw, "sample", counted)
    wanted = study("sprout")
    drawn = ours(wanted, tmp_path, UNIT)
    assert (denoised, decoded) == ([4], [4, 2, 1, 1, 1, 1])
    monkeypatch.undo()
    assert np.abs(drawn.astype(int) - stock(wanted, UNIT)).max() <= 1


def test_a_mac_has_one_worker() -> None:
    wanted = study("sprout")
    found = {
        device: Generate(
            wanted.model_copy(update={"compute": wanted.compute.model_copy(update={"device": device})}),
            locate(wanted.model),
            Table.of(Path("runs"), "images", "0" * 64, IMAGE_SCHEMA),
            TextToImage(wanted.prompts),
        ).workers_a_node()
        for device in ("cpu", "mps", "cuda")
    }
    assert found == {"cpu": None, "mps": 1, "cuda": None}


def test_each_branch_runs_only_where_it_has_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = study(
        "sprout", steps=4, guidance={"scale": 3.0, "negative_prompt": "text", "negative_scale": 1.0, "negative_from": 2}
    )
    located = locate(wanted.model)
    model = load(located, None, wanted.sampling, wanted.compute)
    sizes: list[int] = []
    forward = model.pipe.unet.forward

    def counted(latents: torch.Tensor, *args: Any, **options: Any) -> Any:
        sizes.append(len(latents))
        return forward(latents, *args, **options)

    monkeypatch.setattr(model.pipe.unet, "forward", counted)
    positive, empty, negative = model.embed([Text("a cat"), Text("", negative=True), Text("text", negative=True)])
    texts: Any = {"positive": [positive], "empty": [empty], "negative": [negative]}
    shape = located.latent_shape(wanted.sampling)
    sample(model, noise.latent(0, shape)[None], [noise.generator(0, shape)], texts, wanted.sampling, (64, 64))
    assert sizes == [2, 2, 3, 3]


def test_half_precision_draws_nearly_the_same(tmp_path: Path) -> None:
    wanted = study("sprout")
    half = wanted.model_copy(update={"compute": wanted.compute.model_copy(update={"dtype": "bfloat16"})})
    apart = np.abs(ours(wanted, tmp_path / "a", UNIT).astype(int) - ours(half, tmp_path / "b", UNIT))
    assert apart.mean() < 6


# --- finding models


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda folder: (folder / "model_index.json").unlink(), "model_index.json: is missing"),
        (lambda folder: (folder / "model_index.json").write_text("{"), "cannot be read"),
        (
            lambda folder: (folder / "model_index.json").write_text('{"_class_name": "AudioLDM2Pipeline"}'),
            "is a AudioLDM2Pipeline",
        ),
        (
            lambda folder: (folder / "unet" / "diffusion_pytorch_model.safetensors").rename(
                folder / "unet" / "diffusion_pytorch_model.bin"
            ),
            "only as a pickle .diffusion_pytorch_model.bin.*save_pretrained",
        ),
        (lambda folder: (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink(), "has no weights"),
    ],
)
def test_broken_folders(tmp_path: Path, break_it: Callable[[Path], object], sentence: str) -> None:
    import tiny_models

    folder = tiny_models.sd1(tmp_path / "model")
    break_it(folder)
    with pytest.raises(ModelError, match=sentence):
        locate(Model(id=str(folder)))


def test_truncated_weights(tmp_path: Path) -> None:
    import tiny_models

    folder = tiny_models.sd1(tmp_path / "model")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    wanted = study(str(folder))
    with pytest.raises(ModelError, match="cannot be loaded"):
        load(locate(wanted.model), None, wanted.sampling, wanted.compute)


def test_unknown_models_and_sizes() -> None:
    with pytest.raises(ModelError, match="there is no model 'sprowt'. Bundled are sprout"):
        locate(Model(id="sprowt"))
    with pytest.raises(ModelError, match="not a folder here, and the hub cannot be reached"):
        locate(Model(id="nobody/nothing"))
    with pytest.raises(ModelError, match="only a hub id has revisions"):
        locate(Model(id="sprout", revision="main"))
    with pytest.raises(ModelError, match="sampling.width: .* multiples of 8, not 60; the nearest is 64"):
        locate(Model(id="sprout")).size(study("sprout", width=60).sampling)


def test_weights_are_part_of_the_cause(tmp_path: Path) -> None:
    import tiny_models

    one, other = tiny_models.sd1(tmp_path / "one", seed=1), tiny_models.sd1(tmp_path / "other", seed=2)
    causes = [fingerprint(cause(study(str(folder)), locate(Model(id=str(folder))))) for folder in (one, one, other)]
    assert causes[0] == causes[1] != causes[2]
