"""A study that names a branch of the hub: the commit that it is when the study is read is loaded, recorded and compared."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_loras import lora
from tiny_sd3 import sd3

from seedscope.pipeline.drawing.cause import cause, differences, naming
from seedscope.pipeline.drawing.pinned import pinned
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Text
from seedscope.pipeline.models.load import load
from seedscope.pipeline.models.locate import BUNDLED, Located, locate
from seedscope.pipeline.networks.likeness import likeness_of
from seedscope.pipeline.study.schema import Study, fingerprint
from seedscope.pipeline.study.similarity import Similarity

OLD, NEW = "1" + "0" * 39, "2" + "0" * 39
Publish = Callable[[str, Path, str], None]


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Put a folder into the hub's cache as a commit that is its main branch from now on, as a download would."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    def add(repository: str, folder: Path, commit: str) -> None:
        root = tmp_path / "hub" / f"models--{repository.replace('/', '--')}"
        shutil.copytree(folder, root / "snapshots" / commit)
        (root / "refs").mkdir(exist_ok=True)
        (root / "refs" / "main").write_text(commit)

    return add


def study(**model: Any) -> Study:
    return Study.model_validate(
        {
            "name": "t",
            "model": {"id": "org/tiny", "revision": "main"} | model,
            "sampling": {"steps": 1, "height": 32, "width": 32},
            "compute": {"device": "cpu"},
            "prompts": ["a"],
            "seeds": "0-1",
        }
    )


def located(wanted: Study) -> Located:
    return locate(wanted.model)


def first_weight(model: Any) -> torch.Tensor:
    return next(model.pipe.unet.parameters()).detach().clone()


def retrained(folder: Path, to: Path) -> Path:
    """The same model with other weights."""
    shutil.copytree(folder, to)
    (file,) = (to / "unet").glob("*.safetensors")
    save_file({name: each + 1 for name, each in load_file(file).items()}, file, metadata={"format": "pt"})
    return to


def test_a_branch_that_moved_is_another_model(tiny: dict[str, Path], publish: Publish, tmp_path: Path) -> None:
    wanted = study()
    publish("org/tiny", tiny["sd1"], OLD)
    before = located(wanted)
    old = cause(wanted, before)
    assert before.identity == {"hub": "org/tiny", "commit": OLD, "variant": None}
    assert cause(wanted, located(wanted)) == old, "read again, while main stands where it did"
    publish("org/tiny", retrained(tiny["sd1"], tmp_path / "retrained"), NEW)
    after = located(wanted)
    new = cause(wanted, after)
    (difference,) = differences(old, new)
    assert difference.startswith('model.commit was "1000') and 'is now "2000' in difference
    assert fingerprint(naming(old)) != fingerprint(naming(new)), "its tables have other names"
    assert cause(study(revision=OLD), located(study(revision=OLD))) == old, "pinned"
    load_of = [load(each, None, wanted.sampling, wanted.compute) for each in (before, after)]
    assert torch.equal(first_weight(load_of[0]) + 1, first_weight(load_of[1])), "what was found is loaded, not main"


def test_a_clip_of_a_branch_stays_the_one_that_the_cause_tells_of(publish: Publish, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(BUNDLED / "sprout-clip", moved)
    state = load_file(moved / "model.safetensors")
    save_file(
        {name: 1.5 * each for name, each in state.items()}, moved / "model.safetensors", metadata={"format": "pt"}
    )
    like = {"to": {"text": "a cat"}, "by": "org/clip"}
    guided = study(id="sprout", revision=None).model_dump(mode="json", exclude_defaults=True)
    guided |= {"sampling": {"steps": 4, "guidance": {"similarity": like}}}
    pushed = guided | {"sampling": {"steps": 4}, "seeds": "0-2"}
    pushed |= {"task": {"particles": {"set": 3, "kernel": "features", "by": "org/clip"}}}
    wanted = [Study.model_validate(each) for each in (guided, pushed)]
    publish("org/clip", BUNDLED / "sprout-clip", OLD)
    first, second = map(pinned, wanted)
    publish("org/clip", moved, NEW)

    similarity, said = first.sampling.guidance.similarity, cause(second, located(second))
    assert similarity is not None and similarity.revision == OLD and pinned(first) == first
    assert likeness_of(similarity).cause()["model"] == said["particles"] == {"hub": "org/clip", "commit": OLD}
    picture = 255 * torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    bundled = Similarity.model_validate(like | {"by": "sprout-clip"})
    assert torch.equal(*(likeness_of(each).load("cpu")("")(picture) for each in (similarity, bundled)))
    assert second.task is not None and second.task.options["revision"] == OLD
    assert said["task"] == cause(wanted[1], located(wanted[1]))["task"], "the branch's name changes nothing"
    again = pinned(wanted[0]).sampling.guidance.similarity
    assert again is not None and again.revision == NEW


def test_a_repository_without_t5_is_loaded_without(publish: Publish, tmp_path: Path) -> None:
    folder = sd3(tmp_path / "sd3")
    shutil.rmtree(folder / "text_encoder_3")
    publish("org/tiny", folder, OLD)
    wanted = study()
    found = located(wanted)
    parts = ["text_encoder_3", "tokenizer_3"]
    assert found.identity == {"hub": "org/tiny", "commit": OLD, "variant": None, "without": parts}
    model: Any = load(found, None, wanted.sampling, wanted.compute)
    (embedding,) = model.embed([Text("a red apple")])
    assert not embedding["prompt_embeds"][:, 77:].any(), "zeros stand for what T5 would have read"
    shutil.rmtree(tmp_path / "hub" / "models--org--tiny" / "snapshots" / OLD / "text_encoder_2")
    with pytest.raises(ModelError, match="org/tiny: its text_encoder_2 is missing, which model_index.json names"):
        located(wanted)


def test_a_lora_of_a_branch_is_known_by_what_is_in_it(tiny: dict[str, Path], publish: Publish, tmp_path: Path) -> None:
    publish("org/tiny", tiny["sd1"], OLD)
    for number, commit in enumerate((OLD, NEW)):
        folder = tmp_path / str(number)
        folder.mkdir()
        lora(tiny["sd1"], folder / "style.safetensors", seed=number)
        publish("org/style", folder, commit)
    wanted = study(lora=[{"id": "org/style", "file": "style.safetensors", "revision": "main"}])
    pinned = study(lora=[{"id": "org/style", "file": "style.safetensors", "revision": OLD}])
    here, there = cause(wanted, located(wanted)), cause(pinned, located(pinned))
    (difference,) = differences(there, here)
    assert difference.startswith("model.lora") and "sha256" in difference
    root = Path(located(wanted).pieces.adapters[0].file)
    shutil.copy(located(pinned).pieces.adapters[0].file, root)
    assert cause(wanted, located(wanted)) == there, "another commit with the same file is the same LoRA"
