"""The commands that the model card and the modules name can be started."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from repository import SPROUT

from seedscope.jobs import sprout
from seedscope.jobs.sprout import export

PAGES = [SPROUT / "README.md", *sorted(Path(sprout.__path__[0]).rglob("*.py"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_names_a_module(page: Path) -> None:
    named = re.findall(r"python -m ([\w.]+)", page.read_text(encoding="utf-8"))
    assert [module for module in named if find_spec(module) is None] == []


@pytest.mark.parametrize(
    ("arguments", "loader", "folders"),
    [
        ([], "load_pipeline", ("training/diffusion", "training/autoencoder/vae")),
        (["--vae", "decoder/vae"], "load_pipeline", ("training/diffusion", "decoder/vae")),
        (["--inpaint"], "load_inpaint_pipeline", ("training/inpaint", "training/inpaint_autoencoder/vae")),
        (["--inpaint", "mine", "--vae", "vae"], "load_inpaint_pipeline", ("mine", "vae")),
    ],
)
def test_export_takes_the_folders_of_its_model(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], loader: str, folders: tuple[str, str]
) -> None:
    taken: list[tuple[Path, ...]] = []
    monkeypatch.setattr(export, loader, lambda *paths: (taken.append(paths), 7))
    monkeypatch.setattr(export, "export", lambda pipeline, out: taken.append((out,)))
    monkeypatch.setattr("sys.argv", ["export", *arguments, "--out", "new"])
    export.main()
    assert taken == [tuple(map(Path, folders)), (Path("new"),)]
