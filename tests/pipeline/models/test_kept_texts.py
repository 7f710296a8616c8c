"""Kept embeddings are what was kept, or are made again: safetensors has no checksum of its own."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save

from seedscope.pipeline.models.base import Text
from seedscope.pipeline.models.families import FAMILIES
from seedscope.pipeline.models.texts import KeptTexts


class Encoders:
    """Stands for a pipeline: what is asked is counted, and known."""

    def __init__(self) -> None:
        self.asked = 0

    def encode_prompt(self, *_: Any, **__: Any) -> tuple[torch.Tensor, torch.Tensor, None]:
        self.asked += 1
        return torch.ones(1, 3, 4), torch.ones(1, 4, dtype=torch.bfloat16), None


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Encoders, KeptTexts]:
    monkeypatch.setenv("SEEDSCOPE_CACHE", str(tmp_path))
    encoders = Encoders()
    return encoders, KeptTexts(FAMILIES["FluxPipeline"], "cpu", {}, "m", lambda: encoders)  # type: ignore[arg-type]  # it is one


def one(texts: KeptTexts) -> dict[str, torch.Tensor]:
    (found,) = texts([Text("a cat")])
    return dict(found)


def test_what_is_kept_is_read_and_what_is_damaged_is_made_again(
    made: tuple[Encoders, KeptTexts], tmp_path: Path
) -> None:
    encoders, texts = made
    first = one(texts)
    assert one(texts)["pooled_prompt_embeds"].dtype == torch.bfloat16 and encoders.asked == 1
    (file,) = tmp_path.rglob("*.safetensors")
    whole = file.read_bytes()
    for place in (*range(0, len(whole), 23), len(whole) - 1):
        content = bytearray(whole)
        content[place] ^= 0x40
        before = encoders.asked
        file.write_bytes(content)
        found = one(texts)
        assert found.keys() == first.keys() and all(torch.equal(found[name], first[name]) for name in first)
        same = False
        with contextlib.suppress(Exception):
            same = all(torch.equal(value, first[name]) for name, value in load(bytes(content)).items())
        assert encoders.asked == before + 1 or same
        assert file.read_bytes() == whole or same


def test_a_file_that_says_no_digest_is_made_again(made: tuple[Encoders, KeptTexts], tmp_path: Path) -> None:
    encoders, texts = made
    first = one(texts)
    (file,) = tmp_path.rglob("*.safetensors")
    file.write_bytes(save(first))
    one(texts)
    one(texts)
    assert encoders.asked == 2
