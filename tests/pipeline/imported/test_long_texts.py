"""Long texts, and large graphs, take as long as they are: none holds an import up."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import foreign_pictures as foreign
import pytest
from growth import is_steady

from seedscope.pipeline.imported.formats import comfyui, xmp
from seedscope.pipeline.imported.formats.embedded import recipe_of
from seedscope.pipeline.imported.formats.recipe import Unplaceable
from seedscope.pipeline.imported.listed import find_table
from seedscope.pipeline.study.given import read_json
from seedscope.pipeline.study.wording import wording

SETTINGS = "Steps: 20, Sampler: Euler, Seed: 5"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("parameters", lambda n: " " * n + "x"),
        ("parameters", lambda n: f"a cat.{SETTINGS}{' ' * n}Negative prompt: {SETTINGS}"),
        ("parameters", lambda n: f"a cat{' ' * n}Negative{' ' * n}{SETTINGS}"),
        ("parameters", lambda n: f"a cat\n{'A b: c, ' * n}Steps"),
        ("parameters", lambda n: f"a cat\n{SETTINGS}, " + 'Ab: "x, ' * n),
        ("parameters", lambda n: f"a cat\n{SETTINGS}, " + 'Ab: "\\", ' * n),
        ("parameters", lambda n: f"a cat\n{SETTINGS}, Civitai resources: " + '[{"a":' * n),
        ("parameters", lambda n: f"a cat {'<lora:' * n}\n{SETTINGS}"),
        ("sd-metadata", lambda n: json.dumps({"image": {"prompt": "[" * n, "seed": 1}})),
        ("sd-metadata", lambda n: json.dumps({"image": {"prompt": "[" * n + "]" + "[" * n, "seed": 1}})),
    ],
)
def test_a_long_text_is_read_in_one_go(key: str, text: Callable[[int], str]) -> None:
    def read(n: int) -> None:
        recipe_of({key: text(n), "prompt": json.dumps(foreign.comfy_graph(f"a cat {'<lora:' * n}"))})

    assert is_steady(read, 3000, Unplaceable)


def of_graph(nodes: dict[str, tuple[str, dict[str, object]]], **sampler: object) -> dict[str, Any]:
    made: dict[str, Any] = foreign.comfy_graph()
    made["3"]["inputs"] |= sampler
    return made | {name: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in nodes.items()}


def reroutes(n: int) -> dict[str, Any]:
    chain: dict[str, tuple[str, dict[str, object]]] = {f"r{i}": ("Reroute", {"": [f"r{i + 1}", 0]}) for i in range(n)}
    return of_graph(chain | {f"r{n}": ("Reroute", {"": ["6", 0]})}, positive=["r0", 0])


def contexts(n: int) -> dict[str, Any]:
    kind = "Context (rgthree)"
    chain: dict[str, tuple[str, dict[str, object]]] = {
        f"c{i}": (kind, {"base_ctx": [f"c{i + 1}", 0]}) for i in range(n)
    }
    asks: dict[str, tuple[str, dict[str, object]]] = {f"a{i}": ("Ask", {"x": [f"c{i}", 4]}) for i in range(n)}
    return of_graph(chain | asks | {f"c{n}": (kind, {"positive": ["6", 0]})}, positive=["c0", 4])


def wide(n: int) -> dict[str, Any]:
    asks: dict[str, tuple[str, dict[str, object]]] = {f"a{i}": ("Ask", {"x": ["w", 0]}) for i in range(n)}
    return of_graph(asks | {"w": ("Reroute", {f"i{i}": i for i in range(10 * n)})})


def samplers(n: int) -> dict[str, Any]:
    given = foreign.comfy_graph()["3"]["inputs"]
    chain: dict[str, tuple[str, dict[str, object]]] = {
        f"s{i}": ("KSampler", given | {"latent_image": [f"s{i + 1}", 0]}) for i in range(n)
    }
    made = of_graph(chain | {f"s{n}": ("KSampler", given)})
    made["8"]["inputs"]["samples"] = ["s0", 0]
    return made


def saves(n: int) -> dict[str, Any]:
    chain: dict[str, tuple[str, dict[str, object]]] = {f"u{i}": ("Up", {"image": [f"u{i + 1}", 0]}) for i in range(n)}
    ends: dict[str, tuple[str, dict[str, object]]] = {
        f"e{i}": ("SaveImage", {"images": [f"u{i}", 0]}) for i in range(n)
    }
    return of_graph(chain | ends | {f"u{n}": ("Up", {"image": ["8", 0]})})


def texts_in_circles(n: int) -> dict[str, Any]:
    parts: dict[str, object] = {f"text_{i}": "x" for i in range(n)}
    nodes: dict[str, tuple[str, dict[str, object]]] = {
        "t": ("Text Concatenate", parts | {"text": ["t", 0]}),
        **{f"f{i}": ("Other", {}) for i in range(n)},
    }
    made = of_graph(nodes)
    made["6"]["inputs"]["text"] = ["t", 0]
    return made


@pytest.mark.parametrize("made", [reroutes, contexts, wide, samplers, saves, texts_in_circles])
def test_a_large_graph_is_followed_in_one_go(made: Callable[[int], dict[str, Any]]) -> None:
    graphs = {n: made(n) for n in (200, 800)}
    assert is_steady(lambda n: comfyui.parse(graphs[n]), 200, Unplaceable)


def test_long_ways_end_where_short_ones_do() -> None:
    assert comfyui.parse(reroutes(300)).prompt == comfyui.parse(contexts(300)).prompt == "a lighthouse"
    assert comfyui.parse(samplers(300)).seed == 5


def test_what_goes_in_circles_is_passed_once() -> None:
    loras: dict[str, tuple[str, dict[str, object]]] = {
        "a": ("LoraLoader", {"model": ["b", 0], "lora_name": "x", "strength_model": 1}),
        "b": ("LoraLoader", {"model": ["a", 0], "lora_name": "y", "strength_model": 1}),
    }
    assert comfyui.parse(of_graph(loras, model=["a", 0])).settings.model == "? + x:1 + y:1"
    around: dict[str, tuple[str, dict[str, object]]] = {
        "a": ("Reroute", {"": ["b", 0]}),
        "b": ("Context (rgthree)", {"base_ctx": ["c", 0]}),
        "c": ("Context (rgthree)", {"base_ctx": ["b", 0]}),
    }
    with pytest.raises(Unplaceable, match="its positive prompt comes from a Reroute"):
        comfyui.parse(of_graph(around | {"b": ("Reroute", {"": ["a", 0]})}, positive=["a", 0]))
    with pytest.raises(Unplaceable, match="its positive prompt comes from a Context"):
        comfyui.parse(of_graph(around, positive=["b", 4]))


@pytest.mark.parametrize(
    "nodes",
    [{"x": ("k" * 100_000, {f"i{i}": i for i in range(10)})}, {"x": ("k", {f"i{i}": i for i in range(100_001)})}],
)
def test_a_graph_that_would_fill_the_memory_is_refused(nodes: dict[str, tuple[str, dict[str, object]]]) -> None:
    with pytest.raises(Unplaceable, match="larger than any that a person makes"):
        comfyui.parse(of_graph(nodes))


def test_descriptions_within_descriptions_are_looked_at_once() -> None:
    def read(n: int) -> None:
        rdf = 'xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
        xmp.properties(f"<r:RDF {rdf}>{'<r:Description>' * n}{'</r:Description>' * n}</r:RDF>")

    assert is_steady(read, 2500)


@pytest.mark.parametrize(
    "call",
    [
        lambda n: read_json("{" + "".join(f'"{i}": 0, ' for i in range(n)) + '"x": 0, "x": 0}'),
        lambda n: wording("a" + "\u0315\u0300" * n + " cat"),
    ],
)
def test_prompt_files_too(call: Callable[[int], object]) -> None:
    assert is_steady(call, 4000, ValueError)


def test_a_table_of_many_columns_too(tmp_path: Path) -> None:
    def read(n: int) -> None:
        rows = [{"file": f"{i}.png", "prompt": "a", "seed": i, f"more {i}": 1} for i in range(n)]
        rows[0]["file"] = "\u0315\u0300" * n + " .png"
        (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
        find_table(tmp_path)

    assert is_steady(read, 1500)
