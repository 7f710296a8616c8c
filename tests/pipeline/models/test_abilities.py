"""The table of families: what it says is what the installed diffusers has, and what `MODELS.md` prints."""

from __future__ import annotations

from commands import command
from repository import ROOT

from seedscope.pipeline.models.abilities import abilities, as_markdown
from seedscope.pipeline.models.families import FAMILIES


def test_the_docs_have_the_table_that_the_command_prints() -> None:
    printed = command("models", "--families", "--markdown").stdout
    assert printed == as_markdown(abilities())
    assert printed in (ROOT / "MODELS.md").read_text(encoding="utf-8")


def test_every_family_is_told() -> None:
    rows = {row.pipeline: row for row in abilities()}
    assert list(rows) == list(FAMILIES)
    assert rows["StableDiffusionPipeline"].drawn == "own loop" and rows["FluxPipeline"].drawn == "stock call"
    assert rows["FluxPipeline"].latents == "packed"
    assert [rows[name].later_noise for name in ("SanaSprintPipeline", "FluxPipeline")] == ["the seed's", "refused"]
    assert rows["Lumina2Pipeline"].later_noise == "refused", (
        "it defines how generators are passed on, and does not pass them on"
    )
    assert [rows[name].single_file for name in ("FluxPipeline", "QwenImagePipeline", "CogView4Pipeline")] == [
        "whole",
        "network",
        "",
    ]
