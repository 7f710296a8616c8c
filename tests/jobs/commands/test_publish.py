"""`seedscope publish` against a stand-in hub on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import datasets
import huggingface_hub.constants as constants
import pytest
import yaml
from commands import Done, command
from exported_run import exported_run
from stand_in_hub import TOKEN, Hub, stand_in_hub

from seedscope.pipeline.storage import hub_dataset

REPO = "me/seeds"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported_run(tmp_path_factory.mktemp("published"))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with stand_in_hub() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # which needs a store of its own
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield hub


def refused(done: Done) -> str:
    assert done.returncode == 2
    return " ".join(done.stderr.split())


def test_tables_and_card_are_uploaded_once(run: Path, hub: Hub, tmp_path: Path) -> None:
    asked = ("publish", run, "--repo", REPO)
    planned = json.loads(command(*asked, "--dry-run", "--json").stdout)
    assert not hub.files
    done = json.loads(command(*asked, "--json").stdout)
    assert done["url"].endswith(f"/datasets/{REPO}") and hub.private == {REPO: True}
    files = hub.files[REPO]
    assert {each["path"]: each["size"] for each in planned["files"]} == {
        name: len(data) for name, data in files.items()
    }
    assert {"README.md", "scores.parquet", "prompts.parquet", "golden.json", "study.json"} <= {*files}
    assert any(name.startswith("clip_score-") for name in files) and not any(
        name.startswith("images-") for name in files
    )
    head = yaml.safe_load(files["README.md"].decode().split("---")[1])
    assert "images" not in {each["config_name"] for each in head["configs"]}
    assert f'load_dataset("{REPO}", "scores"' in files["README.md"].decode()

    hub.received.clear()
    again = json.loads(command(*asked, "--json").stdout)
    assert again["sent"] == [] == hub.received and again["there"] == len(files)

    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert datasets.load_dataset(str(tmp_path), "scores", split="train", cache_dir=str(tmp_path / "c")).num_rows == 48


def test_pictures_go_along_when_asked_for_and_all_may_see_them(run: Path, hub: Hub) -> None:
    assert command("publish", run, "--repo", REPO, "--pictures", "--public").returncode == 0
    assert hub.private == {REPO: False}
    shards = {f"{path.parent.name}/{path.name}": path.read_bytes() for path in run.glob("images-*/*.parquet")}
    assert shards and shards.items() <= hub.files[REPO].items()
    assert "is there already, and public" in refused(command("publish", run, "--repo", REPO))


def test_what_was_interrupted_goes_on(run: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_dataset, "MOST_FILES", 2)
    hub.fails_after = 2
    assert "the hub answered 503" in refused(command("publish", run, "--repo", REPO))
    first = list(hub.received)
    assert len(first) == 4
    hub.fails_after = None
    assert command("publish", run, "--repo", REPO).returncode == 0
    assert len(hub.received) == len(set(hub.received)) == len(hub.files[REPO]) > len(first)


def test_a_file_that_changed_is_sent_again(run: Path, hub: Hub) -> None:
    command("publish", run, "--repo", REPO)
    hub.files[REPO]["golden.json"] = b"another"
    hub.received.clear()
    assert command("publish", run, "--repo", REPO).returncode == 0
    assert hub.received == ["golden.json"]


def test_mistakes_are_a_sentence(run: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = ("publish", run, "--repo", REPO)
    assert "it is OWNER/NAME" in refused(command("publish", run, "--repo", "seeds"))
    assert "or may not write to you" in refused(command("publish", run, "--repo", "you/seeds"))
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert "refuses the token (401)" in refused(command(*asked))
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    assert "No token of the Hugging Face hub is here" in refused(command(*asked))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "http://127.0.0.1:9 cannot be reached" in refused(command(*asked))
