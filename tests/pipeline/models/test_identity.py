"""A model is what is loaded of its folder: those files of weights, and those settings, that shape pictures."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_models
from safetensors.torch import load_file, save_file
from tiny_families.pixart import pixart

from seedscope.pipeline.drawing.cause import cause, differences, naming
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.locate import Located, locate
from seedscope.pipeline.study.schema import Json, Model, Study, fingerprint

UNET = "unet/diffusion_pytorch_model.safetensors"
ENCODER = "text_encoder/model.safetensors"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("made")
    return {name: getattr(tiny_models, name)(root / name) for name in ("sd1", "sdxl")}


@pytest.fixture
def folder(made: dict[str, Path], tmp_path: Path) -> Path:
    """A Stable Diffusion XL, which a test may change."""
    return Path(shutil.copytree(made["sdxl"], tmp_path / "model"))


def located(folder: Path, variant: str | None = None) -> Located:
    return locate(Model(id=str(folder), variant=variant))


def whole_cause(folder: Path, variant: str | None = None, *, tiling: bool = False) -> Json:
    wanted = {"name": "t", "model": {"id": str(folder), "variant": variant}, "prompts": ["a cat"], "seeds": "0-1"}
    wanted |= {"sampling": {"height": 64, "width": 64}, "compute": {"vae": {"tiling": tiling}}}
    return cause(Study.model_validate(wanted), located(folder, variant))


def edited(file: str, **changes: object) -> Callable[[Path], object]:
    def edit(folder: Path) -> None:
        settings = json.loads((folder / file).read_text()) | changes
        (folder / file).write_text(json.dumps(settings))

    return edit


def copied(old: str, new: str) -> Callable[[Path], object]:
    return lambda folder: shutil.copy(folder / old, folder / new)


@pytest.mark.parametrize(
    ("edit", "place"),
    [
        (edited("scheduler/scheduler_config.json", prediction_type="v_prediction"), "prediction_type"),
        (edited("scheduler/scheduler_config.json", use_karras_sigmas=True), "use_karras_sigmas"),
        (edited("vae/config.json", scaling_factor=0.3), "vae/config.json.scaling_factor"),
        (edited("unet/config.json", act_fn="gelu"), "unet/config.json.act_fn"),
        (edited("text_encoder_2/config.json", hidden_act="quick_gelu"), "text_encoder_2/config.json.hidden_act"),
        (edited("tokenizer/tokenizer_config.json", model_max_length=40), "tokenizer_config.json.model_max_length"),
        (edited("tokenizer_2/vocab.json", cat=3), "tokenizer_2/vocab.json"),
        (edited("model_index.json", force_zeros_for_empty_prompt=False), "force_zeros_for_empty_prompt"),
        (edited("model_index.json", scheduler=["diffusers", "DDIMScheduler"]), "model_index.json.scheduler"),
        (lambda folder: other_values(folder / UNET), UNET),
    ],
)
def test_what_shapes_pixels_is_told_by_its_place(folder: Path, edit: Callable[[Path], object], place: str) -> None:
    before = whole_cause(folder)
    edit(folder)
    (found,) = differences(before, whole_cause(folder))
    assert place in found and " and is now " in found


def other_values(file: Path) -> None:
    save_file({name: values + 1 for name, values in load_file(file).items()}, file)


@pytest.mark.parametrize(
    "edit",
    [
        copied("vae/diffusion_pytorch_model.safetensors", "my_lora.safetensors"),
        copied(UNET, "unet/diffusion_pytorch_model.fp16.safetensors"),
        copied(UNET, "unet/ema.safetensors"),
        copied(UNET, "whole_checkpoint.safetensors"),
        edited("unet/config.json", _diffusers_version="0.30.0", _name_or_path="elsewhere", sample_size=16),
        edited("text_encoder/config.json", transformers_version="4.9", torch_dtype="float16"),
        edited("model_index.json", _diffusers_version="0.30.0", feature_extractor=[None, None], add_watermarker=True),
        edited("tokenizer/tokenizer_config.json", name_or_path="elsewhere"),
    ],
)
def test_what_shapes_no_pixel_does_not_count(folder: Path, edit: Callable[[Path], object]) -> None:
    before, size = located(folder), (located(folder).bytes)
    edit(folder)
    after = located(folder)
    assert (after.identity, after.bytes) == (before.identity, size)


def test_the_size_of_tiles_counts_where_there_are_tiles(folder: Path) -> None:
    before, tiled = whole_cause(folder), whole_cause(folder, tiling=True)
    edited("vae/config.json", sample_size=32)(folder)
    assert whole_cause(folder) == before
    (found,) = differences(tiled, whole_cause(folder, tiling=True))
    assert found == "model.configuration.vae/config.json.sample_size was 64 and is now 32"
    assert naming(tiled) == naming(whole_cause(folder, tiling=True)), "tables have the names that they had"
    assert isinstance(tiled, dict) and isinstance(before, dict)
    of_before = {**tiled, "model": before["model"]}
    assert differences(of_before, whole_cause(folder, tiling=True)) == []


def test_the_size_of_a_network_that_counts_positions_by_it_is_compared(tmp_path: Path) -> None:
    folder = pixart(tmp_path / "pixart", sigma=True)
    before = whole_cause(folder)
    edited("transformer/config.json", sample_size=64)(folder)
    (found,) = differences(before, whole_cause(folder))
    assert found.startswith("model.configuration.transformer/config.json.sample_size was ")
    assert isinstance(before, dict)
    older = json.loads(json.dumps(before))
    del older["model"]["configuration"]["transformer/config.json"]["sample_size"]
    assert differences(older, before) == []


@pytest.mark.parametrize(("size", "count"), [(64, 1), (128, 0)])
def test_a_size_that_goes_from_a_file_is_that_of_its_class(size: int, count: int, tmp_path: Path) -> None:
    folder = pixart(tmp_path / "pixart", sigma=True)
    edited("transformer/config.json", sample_size=size)(folder)
    before = whole_cause(folder)
    silent = json.loads(json.dumps(before))
    del silent["model"]["configuration"]["transformer/config.json"]["sample_size"]
    assert len(differences(before, silent)) == count, "the class takes 128 where its file does not say"


@pytest.mark.parametrize(
    ("file", "setting"),
    [
        ("scheduler/scheduler_config.json", {"final_sigmas_type": "zero"}),
        ("unet/config.json", {"dropout": 0.0}),
        ("text_encoder/config.json", {"attention_dropout": 0.0}),
    ],
)
def test_a_setting_that_is_named_at_its_default_is_the_same(
    folder: Path, file: str, setting: dict[str, object]
) -> None:
    ((name, _),) = setting.items()
    config = json.loads((folder / file).read_text())
    config.pop(name, None)
    (folder / file).write_text(json.dumps(config))
    without = whole_cause(folder)
    edited(file, **setting)(folder)
    assert whole_cause(folder) != without
    assert differences(without, whole_cause(folder)) == differences(whole_cause(folder), without) == []
    edited(file, **{name: 7})(folder)
    assert len(differences(without, whole_cause(folder))) == 1


def test_a_variant_is_of_the_components_that_have_it(folder: Path) -> None:
    plain = whole_cause(folder)
    weights = load_file(folder / UNET)
    save_file({name: values.half() for name, values in weights.items()}, folder / UNET.replace(".safe", ".fp16.safe"))
    assert differences(plain, whole_cause(folder)) == []
    (gone, come) = differences(plain, whole_cause(folder, "fp16"))
    assert "model.fp16.safetensors was null" in gone + come
    assert located(folder, "fp16").bytes != located(folder).bytes
    with pytest.raises(ModelError, match=r"model.variant: .* has no files of the variant 'bf16'"):
        located(folder, "bf16")


def test_only_a_variant_is_there(folder: Path) -> None:
    (folder / UNET).rename(folder / UNET.replace(".safe", ".fp16.safe"))
    with pytest.raises(ModelError, match=r"unet: has no weights.*There are some of the variant 'fp16'"):
        located(folder)
    assert UNET.replace(".safe", ".fp16.safe") in str(located(folder, "fp16").identity)


@pytest.mark.parametrize(("file", "single"), [(UNET, False), (ENCODER, True)])
def test_shards_are_the_files_that_their_index_names(folder: Path, file: str, single: bool) -> None:
    """Where there are both, diffusers loads the shards, and transformers the single file."""
    part = folder / file
    weights = load_file(part)
    names = [part.name.replace(".safe", f"-0000{i}-of-00002.safe") for i in (1, 2)]
    where = {name: names[place % 2] for place, name in enumerate(weights)}
    for shard in names:
        save_file({name: weights[name] for name in weights if where[name] == shard}, part.parent / shard)
    (part.parent / f"{part.name}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    loaded = {part.name} if single else set(names)
    hashed = {name.rpartition("/")[2] for name in _weights(folder) if name.startswith(f"{part.parent.name}/")}
    assert hashed == loaded
    part.unlink()
    assert {part.parent.name + "/" + name for name in names} <= set(_weights(folder))
    (part.parent / names[1]).unlink()
    with pytest.raises(ModelError, match=f"{names[1]}: is missing, and .*index.json says"):
        located(folder)


def _weights(folder: Path) -> dict[str, str]:
    identity = located(folder).identity
    assert isinstance(identity, dict)
    weights = identity["weights"]
    assert isinstance(weights, dict)
    return {name: str(sha256) for name, sha256 in weights.items()}


# --- runs of older versions, which hashed every file of weights, and no settings


def old_cause(folder: Path) -> dict[str, Json]:
    found = whole_cause(folder)
    assert isinstance(found, dict)
    return {**found, "model": {"weights": {**_weights(folder), "lora.safetensors": "ab"}}}


def test_an_older_record_agrees_where_what_is_loaded_is_the_same(folder: Path) -> None:
    old = old_cause(folder)
    assert differences(old, whole_cause(folder)) == []
    other_values(folder / UNET)
    assert any(UNET in found for found in differences(old, whole_cause(folder)))
    steps = {**old, "sampling": {"steps": 3}}
    assert any(found.startswith("sampling.steps was 3") for found in differences(steps, whole_cause(folder)))


def test_settings_do_not_name_tables(folder: Path) -> None:
    """So a run of an older version keeps its tables, and numbers that are drawn from their names stay."""
    found = whole_cause(folder)
    assert isinstance(found, dict)
    old = {**found, "model": {"weights": _weights(folder)}}
    assert fingerprint(naming(found)) == fingerprint(old)
