"""A run goes on with the same model and the same libraries, whatever version of the project began it, and with no others."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_models
import yaml
from commands import Done, command

STUDY = {
    "name": "small",
    "sampling": {"steps": 1, "guidance": {"scale": 1.0}},
    "compute": {"batch_size": 2, "device": "cpu"},
    "prompts": ["a red apple", "a cat on grass"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a study of it, and the run of its first seed."""
    root = tmp_path_factory.mktemp("made")
    tiny_models.sd1(root / "model")
    assert grown(root, 1).returncode == 0
    return root


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy of it, which a test may change."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


def grown(root: Path, seeds: int, *options: str, **model: str) -> Done:
    """Draw more seeds of the run."""
    study = root / "study.yaml"
    named = {"id": str(root / "model"), **model}
    study.write_text(yaml.safe_dump({**STUDY, "model": named, "seeds": f"0-{seeds - 1}"}))
    return command("generate", study, "--out", root / "run", "--executor", "inline", "--threads", "1", *options)


def change(file: Path, edit: Callable[[dict], object]) -> None:  # type: ignore[type-arg]
    content = json.loads(file.read_text())
    for sealed in (content, content.get("made", {})):  # as a record of before, which has no checksum
        sealed.pop("checksum", None)
    edit(content)
    file.write_text(json.dumps(content))


def as_of_an_older_version(root: Path) -> None:
    """Without settings of the model, and with the hash of a file that is not loaded."""

    def forget(record: dict) -> None:  # type: ignore[type-arg]
        del record["cause"]["model"]["configuration"]
        record["cause"]["model"]["weights"]["lora.safetensors"] = "ab"

    change(root / "run" / "editions" / "0001.json", forget)


def test_an_edited_setting_is_refused_by_its_name(run: Path) -> None:
    change(run / "model" / "vae" / "config.json", lambda config: config.update(scaling_factor=0.5, _name_or_path="x"))
    done = grown(run, 2)
    assert done.returncode == 2 and "another study" in done.stderr
    assert "vae/config.json.scaling_factor was 0.18215 and is now 0.5" in " ".join(done.stderr.split())


def test_a_run_of_an_older_version_goes_on_and_then_knows_its_model(made: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(made, tmp_path / "copy"))
    as_of_an_older_version(run)
    (table,) = (run / "run").glob("images-*")
    # The hash of a file more gives the table another name.
    from seedscope.pipeline.study.schema import fingerprint

    cause = json.loads((run / "run" / "editions" / "0001.json").read_text())["cause"]
    old = table.rename(table.with_name(f"images-{fingerprint(cause)[:8]}"))
    done = grown(run, 2)
    assert done.returncode == 0, done.stderr
    assert list((run / "run").glob("images-*")) == [old] and len(list(old.glob("*.parquet"))) == 2
    assert grown(run, 2).returncode == 0
    assert len(list((run / "run" / "editions").iterdir())) == 2
    change(run / "model" / "scheduler" / "scheduler_config.json", lambda config: config.update(steps_offset=0))
    done = grown(run, 3)
    assert done.returncode == 2 and "steps_offset was 1 and is now 0" in " ".join(done.stderr.split())


def test_another_variant_of_an_older_run_is_refused(run: Path) -> None:
    as_of_an_older_version(run)
    for part in ("unet", "vae"):
        file = run / "model" / part / "diffusion_pytorch_model.safetensors"
        shutil.copy(file, file.with_name("diffusion_pytorch_model.fp16.safetensors"))
    change(
        run / "run" / "editions" / "0001.json",
        lambda record: record["cause"]["model"]["weights"].update(
            {
                name.replace(".safe", ".fp16.safe"): sha256
                for name, sha256 in record["cause"]["model"]["weights"].items()
            }
        ),
    )
    done = grown(run, 2, variant="fp16")
    assert done.returncode == 2 and "model.variant was None and is now fp16" in " ".join(done.stderr.split())


def other_version(root: Path, **versions: str) -> None:
    (receipt,) = (root / "run").glob("receipts/images-*/*.json")
    change(receipt, lambda content: content["made"].update(versions))
    for index in (root / "run").glob("receipts/images-*/.index*"):
        index.unlink()


def test_another_version_of_a_library_is_refused_unless_told(run: Path) -> None:
    other_version(run, diffusers="0.1.2")
    assert grown(run, 1).returncode == 0, "nothing is to be drawn"
    done = grown(run, 2)
    said = " ".join(done.stderr.split())
    assert done.returncode == 2 and "drawn with diffusers 0.1.2, and here is diffusers" in said
    assert "--other-versions" in said
    assert grown(run, 2, "--other-versions").returncode == 0
    assert grown(run, 3).returncode == 0, "the last pictures are of the versions here"


@pytest.mark.parametrize("torch", ["", "+cu999"])
def test_builds_and_runs_that_do_not_tell_go_on(run: Path, torch: str) -> None:
    import torch as library

    def forget(content: dict) -> None:  # type: ignore[type-arg]
        for name in ("torch", "diffusers", "transformers"):
            del content["made"][name]
        content["made"] |= {"torch": library.__version__.partition("+")[0] + torch} if torch else {}

    (receipt,) = (run / "run").glob("receipts/images-*/*.json")
    change(receipt, forget)
    for index in (run / "run").glob("receipts/images-*/.index*"):
        index.unlink()
    assert grown(run, 2).returncode == 0
