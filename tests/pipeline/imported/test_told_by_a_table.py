"""Pictures whose own text tells no cell, placed by a table: what they were made with is compared all the same."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import foreign_pictures as foreign
import pytest

from seedscope.pipeline.imported import importing
from seedscope.pipeline.imported.imported_run import ImportedRun
from seedscope.pipeline.imported.listed import find_table
from seedscope.pipeline.imported.placing import place
from seedscope.pipeline.tables.run_folder import RunFolder

Texts = Mapping[str, str]


def _graph(steps: int, changes: Mapping[str, tuple[str, dict[str, object]]], **inputs: object) -> Texts:
    """The default graph of that many steps, with further nodes and other inputs of its sampler."""
    made: dict[str, Any] = foreign.comfy_graph()
    made["3"]["inputs"] |= {"steps": steps, **inputs}
    made |= {name: {"class_type": kind, "inputs": given} for name, (kind, given) in changes.items()}
    return {"prompt": json.dumps(made)}


def _by_wildcards(steps: int, number: int) -> Texts:
    nodes: dict[str, tuple[str, dict[str, object]]] = {
        "6": ("CLIPTextEncode", {"text": ["10", 0], "clip": ["4", 1]}),
        "10": ("Wildcards", {"wildcard_text": f"__animal__ {number}", "populated": str(number), "mode": "populate"}),
    }
    return _graph(steps, nodes)


def _by_an_unknown_encoder(steps: int, number: int) -> Texts:
    return _graph(steps, {"6": ("Encoder", {"prompt": f"cat {number}", "text_encoder": "t5"})})


def _by_an_unknown_sampler(steps: int, number: int) -> Texts:
    return _graph(
        steps, {"3": ("easy kSampler", {"pipe": ["10", 0]}), "10": ("easy pre", {"steps": steps, "seed": number})}
    )


def _of_two_samplers(steps: int, number: int) -> Texts:
    sampler = dict(foreign.comfy_graph()["3"]["inputs"])
    nodes: dict[str, tuple[str, dict[str, object]]] = {
        "6": ("CLIPTextEncode", {"text": "a cat", "clip": ["4", 1], "image": ["12", 0]}),
        "12": ("VAEDecode", {"samples": ["13", 0]}),
        "13": ("KSampler", sampler | {"seed": number, "positive": ["7", 0]}),
    }
    return _graph(steps, nodes)


def _of_two_saved(steps: int, number: int) -> Texts:
    nodes: dict[str, tuple[str, dict[str, object]]] = {
        "70": ("Detailer", {"image": ["12", 0], "seed": number}),
        "71": ("SaveImage", {"images": ["70", 0], "filename_prefix": "x"}),
    }
    return _graph(steps, nodes)


def _of_mixed_noise(steps: int, _number: int) -> Texts:
    return _graph(steps, {}, variation_strength=0.5)


def _that_disagree(steps: int, number: int) -> Texts:
    return {"parameters": foreign.infotext("a cat", number + 1), **_graph(steps, {}, seed=number)}


def _of_no_known_words(steps: int, _number: int) -> Texts:
    return {"parameters": foreign.infotext("unknown", 0, "unknown", Steps=steps)}


def _beside_a_text_without_settings(steps: int, number: int) -> Texts:
    return {"parameters": "made by a saver", **_by_wildcards(steps, number)}


def _of_variations(steps: int, number: int) -> Texts:
    image = foreign.SD_METADATA["image"] | {"steps": steps, "variations": [{"seed": number, "weight": 0.1}]}
    return {"sd-metadata": json.dumps(foreign.SD_METADATA | {"image": image})}


def _of_a_blend(steps: int, number: int) -> Texts:
    prompts = [{"prompt": f"a cat {number}", "weight": 1}, {"prompt": "a dog", "weight": 1}]
    image = foreign.SD_METADATA["image"] | {"steps": steps, "prompt": prompts}
    return {"sd-metadata": json.dumps(foreign.SD_METADATA | {"image": image})}


@pytest.mark.parametrize(
    "texts",
    [
        _by_wildcards,
        _by_an_unknown_encoder,
        _by_an_unknown_sampler,
        _of_two_samplers,
        _of_two_saved,
        _of_mixed_noise,
        _that_disagree,
        _of_no_known_words,
        _beside_a_text_without_settings,
        _of_variations,
        _of_a_blend,
    ],
)
def test_what_an_unplaceable_text_tells_of_the_settings_is_compared(
    tmp_path: Path, texts: Callable[[int, int], Texts]
) -> None:
    for number, steps in enumerate((20, 20, 30)):
        foreign.png(tmp_path / f"{number}.png", texts(steps, number), foreign.noise(number))
    assert len(place(tmp_path, {}, outside=tmp_path / "run").cells) == 0, "its text tells a cell"
    rows = "".join(f"{number}.png,a fox,{number}\n" for number in range(3))
    (tmp_path / "t.csv").write_text(f"file,prompt,seed\n{rows}")
    placing = place(tmp_path, find_table(tmp_path).entries, outside=tmp_path / "run")
    assert sorted(item.seed for item in placing.cells.values()) == [0, 1]
    assert "teps is 30, not 20" in placing.unplaced[tmp_path / "2.png"]


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({"parameters": "a cat;Steps: 20, Seed: 5"}, "no line of settings"),
        ({"workflow": "{}"}, "not the `prompt` graph"),
        ({"prompt": "[]"}, "is no ComfyUI graph"),
        ({"Software": "Some Editor"}, None),
        ({"parameters": foreign.infotext("a cat", -1)}, None),
    ],
)
def test_it_is_said_where_settings_cannot_be_compared(tmp_path: Path, texts: Texts, reason: str | None) -> None:
    foreign.png(tmp_path / "pictures" / "0.png", texts)
    (tmp_path / "pictures" / "t.csv").write_text("file,prompt,seed\n0.png,a fox,0\n")
    _, report = importing.survey(tmp_path / "pictures", ImportedRun(RunFolder(tmp_path / "run")))
    assert report.new == 1
    if reason is None:
        assert report.notes == []
    else:
        (note,) = report.notes
        assert note.startswith(f"{tmp_path / 'pictures' / '0.png'}: ") and reason in note
        assert "settings of 1 picture that the table places are not compared" in note
