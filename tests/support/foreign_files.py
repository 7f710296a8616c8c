"""Files that other people write: valid examples of each kind, how they are read here, and how chance changes them.

Those of Parquet are in foreign_parquet.py.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import foreign_pictures as foreign
import yaml

from seedscope.analysis import GoldenSeeds
from seedscope.analysis.select.conditions import Conditions
from seedscope.analysis.select.why import SeedStanding, Why
from seedscope.pipeline.drawing.noise import NoiseContract
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.imported.formats import xmp
from seedscope.pipeline.imported.formats.embedded import recipe_of
from seedscope.pipeline.imported.formats.recipe import Unplaceable
from seedscope.pipeline.imported.listed import read_table
from seedscope.pipeline.study.file import load_study
from seedscope.pipeline.study.prompts import read_prompts
from seedscope.pipeline.study.schema import FileSource, Json
from seedscope.pipeline.tables.receipts import parsed
from seedscope.pipeline.tables.run_folder import RunFolder

Read = Callable[[bytes, Path], None]

_STUDY = """name: mine
model: {id: sprout, revision: null}
sampling: {steps: 20, scheduler: ddim, guidance: {scale: 7.5, negative_prompt: "blurry", negative_from: 2}}
compute: &c {batch_size: 4}
prompts:
  - a cat, sitting
  - grid: {objects: [cat, dog], modifiers: ["a {object}", big]}
  - {file: p.csv, column: prompt, group: kind, limit: 3, repeats: drop}
  - |
    two
    lines
seeds: [0-31, 64, 0x50]
features: [looks, {clip_score: {model: sprout-clip}}]
ranking: {by: {clip_score: 1, looks: 2}, rule: top, shuffles: 20}
unit: {prompts: 4, seeds: 4}
"""
_INPAINT = """name: mine
model: sprout
inpaint: {pictures: sprout, limit: 3, tasks: {removal: "clear sky", completion: "a {object}"}}
seeds: 5
"""
_ODD = (
    *(
        b'"',
        b"'",
        b",",
        b";",
        b"\t",
        b"\n",
        b"\r",
        b"\0",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b"- ",
        b"? ",
        b"&a ",
        b"*a",
        b"<<: ",
    ),
    *(
        b"\xff",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\\ud800",
        b"\\u0000",
        b"!!binary ",
        b"!!set ",
        b"null",
        b"NaN",
    ),
    *(
        b"-1",
        b"1e999",
        b"0010",
        b"10:31",
        b"9" * 30,
        b"9" * 5000,
        b"true",
        b"[" * 2000,
        b"{" * 200,
        b"2024-01-31",
        b"~x/",
    ),
    *(
        b"9007199254740993",
        b"1e18",
        b"-0.0",
        b".inf",
        b"%",
        b"#",
        b"\xe2\x80\xa8",
        b"\x1b[31m",
        b" " * 50,
        b"\\",
        b"../",
    ),
)
_VALUES: tuple[Json, ...] = (
    *(
        None,
        True,
        0,
        -1,
        1,
        2**31,
        2**53 + 1,
        2**63,
        10**40,
        1.5,
        -0.0,
        1e300,
        float("nan"),
        float("inf"),
        "",
        " ",
        "x",
        "7",
    ),
    *(
        "\ud800",
        "\0",
        "1e9",
        "-1",
        "0-9",
        "9" * 4000,
        "x" * 70_000,
        "../x",
        "~x/y",
        "{object}",
        "{a}",
        "no",
        "None",
        "[1]",
    ),
    *(
        [],
        {},
        [[]],
        [None],
        ["3", 0],
        ["3", 0, 1],
        ["6", 1],
        [1, 2],
        ["a", "a"],
        {"a": 1},
        {"a": {"b": []}},
        {"inputs": []},
    ),
    *({"class_type": "KSampler"}, {"name": "x", "weight": "y"}, {"content": ["9", 0]}, {"model": None}, {"": ""}),
)


def mutated(drawn: random.Random, examples: Sequence[bytes]) -> bytes:
    """An example with a few changes: of its values, where it is JSON, or of its bytes."""
    content = drawn.choice(examples)
    if drawn.random() < 0.5 and content[:1] in b"{[":
        value = json.loads(content.splitlines()[0] if content.count(b"\n{") else content)
        return json.dumps(_restructured(drawn, value)).encode()
    for _ in range(drawn.choice((1, 1, 2, 3, 8))):
        content = changed(drawn, content, drawn.choice(examples))
    return content


def changed(drawn: random.Random, content: bytes, other: bytes) -> bytes:
    """A piece cut out, replaced, doubled or put in; or a bit turned."""
    start = drawn.randrange(len(content) + 1)
    end = min(len(content), start + drawn.choice((0, 1, 4, 30, 200)))
    cut = drawn.randrange(len(other) + 1)
    pieces = (
        b"",
        drawn.choice(_ODD),
        content[start:end] * drawn.choice((2, 3, 50)),
        other[cut : cut + drawn.choice((1, 10, 100))],
        content[start:end] + drawn.choice(_ODD),
        bytes(byte ^ (1 << drawn.randrange(8)) for byte in content[start:end]),
    )
    return content[:start] + drawn.choice(pieces) + content[end:]


def _restructured(drawn: random.Random, value: Json) -> Json:
    """A value with another one somewhere in it, or with one more or less."""
    if not isinstance(value, dict | list) or not value or drawn.random() < 0.2:
        return drawn.choice(_VALUES)
    if isinstance(value, list):
        place = drawn.randrange(len(value))
        inside = [_restructured(drawn, value[place])] * drawn.choice((0, 1, 1, 1, 2))
        return [*value[:place], *inside, *value[place + 1 :]]
    key = drawn.choice([*value])
    rest = {name: each for name, each in value.items() if name != key}
    return rest if drawn.random() < 0.1 else rest | {key: _restructured(drawn, value[key])}


@dataclass(frozen=True)
class Parser:
    """Valid files of a kind, and how one is read: it returns, whatever the file, unless there is a fault."""

    examples: Sequence[bytes]
    read: Read
    change: Callable[[random.Random, Sequence[bytes]], bytes] = mutated


def from_file(name: str, read: Callable[[Path], object]) -> Read:
    def read_file(content: bytes, folder: Path) -> None:
        (folder / name).write_bytes(content)
        with suppress(UserError):
            read(folder / name)

    return read_file


def _embedded(key: str) -> Read:
    """How the text of a picture is read."""

    def read(content: bytes, _folder: Path) -> None:
        with suppress(Unplaceable):
            recipe_of({key: content.decode(errors="surrogateescape")})

    return read


def _prompts(path: Path) -> object:
    return read_prompts([FileSource.model_validate({"file": path})])


def table_of(ending: str) -> Read:
    """How a table is read as prompts and as a table of pictures."""
    as_prompts, as_table = (from_file(f"t.{ending}", read) for read in (_prompts, read_table))

    def read(content: bytes, folder: Path) -> None:
        as_prompts(content, folder)
        as_table(content, folder)

    return read


def _receipt(content: bytes, _folder: Path) -> None:
    with suppress(ValueError):  # an unreadable receipt is none
        parsed("000000-1a2b3c4d", content)


def _edition(content: bytes, folder: Path) -> None:
    (folder / "editions").mkdir(exist_ok=True)
    (folder / "editions" / "0001.json").write_bytes(content)
    with suppress(UserError):
        RunFolder(folder).editions()


def _joined_graph() -> object:
    """A graph whose prompt is put together of two texts."""
    graph = foreign.comfy_graph()
    graph["6"]["inputs"]["text"] = ["10", 0]
    joined = {"string_a": "a cat", "string_b": ["11", 0], "delimiter": ", "}
    shown = {"text": ["12", 0], "text_0": "old"}
    trimmed = {"string": " in snow ", "mode": "Both"}
    kinds = {"10": ("StringConcatenate", joined), "11": ("ShowText|pysssss", shown), "12": ("StringTrim", trimmed)}
    return graph | {name: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in kinds.items()}


def _named(content: bytes, _folder: Path) -> None:
    """How texts of a picture are read, given as JSON."""
    with suppress(ValueError, RecursionError):
        found = json.loads(content)
        if isinstance(found, dict):
            with suppress(Unplaceable):
                recipe_of(
                    {name: value if isinstance(value, str) else json.dumps(value) for name, value in found.items()}
                )


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _golden() -> bytes:
    why = Why(
        rule="top",
        measure="looks",
        better="lower",
        k=2,
        ranked=8,
        sentence="The 2 lowest.",
        standings=[SeedStanding(seed=seed, rank=1, value=1.0, interval=(0.5, 1.5), n=4) for seed in (7, 3)],
    )
    part = {"class_name": "X", "config": {"a": 1}}
    conditions = Conditions.model_validate(
        {
            "model": {"id": "tiny", "family": "sd", "pipeline": "StableDiffusionPipeline", "unet": part},
            "scheduler": part,
            "steps": 2,
            "guidance_scale": 5.0,
            "height": 64,
            "width": 64,
            "dtype": "float32",
            "prompts": {"count": 3, "sha256": "b" * 64},
        }
    )
    golden = GoldenSeeds(seeds=[7, 3], why=why, conditions=conditions, noise=NoiseContract.of([7], (4, 8, 8)))
    return golden.model_dump_json(indent=1).encode()


_RECEIPT = {
    "unit": "000000-1a2b3c4d",
    "rows": 4,
    "failed": 0,
    "bytes": 100,
    "sha256": "a" * 64,
    "made": {"source": "b" * 64},
}
_EDITION = {"cause": {"a": [1, None]}, "prompts": [{"id": "ab", "text": "a cat", "group": "x"}], "seeds": [1, 2]}
PARSERS = {
    "study": Parser(
        [_STUDY.encode(), _INPAINT.encode(), *(_json(yaml.safe_load(each)) for each in (_STUDY, _INPAINT))],
        from_file("study.yaml", load_study),
    ),
    "csv": Parser(
        [
            b'file,prompt,seed,kind\n"a.png","a cat, ""red""",1,x\nb.png,a dog,2,y\n',
            b"file;prompt;seed\na.png;a cat, red;1\n",
            b'id,caption\r\n1,"two\r\nlines"\r\n2,a dog\r\n',
        ],
        table_of("csv"),
    ),
    "tsv": Parser(
        [b'Prompt\tCategory\n"G I" painted\tA\na dog\tB\n', b"file\tprompt\tseed\na.png\tx\t1\n"], table_of("tsv")
    ),
    "jsonl": Parser(
        [b'{"file": "a.png", "prompt": "a cat", "seed": 1, "cfg": 7.5}\n\n{"file": "b", "prompt": "b", "seed": "2"}\n'],
        table_of("jsonl"),
    ),
    "txt": Parser([b"a cat\na dog\n\n", "ein Bär\n".encode("utf-16")], from_file("p.txt", _prompts)),
    "a1111": Parser(
        [
            foreign.infotext("a cat, <lora:x:0.8>\nstorm", 5, "blurry").encode(),
            foreign.infotext("a", 7, Hires_upscale=2).encode(),
            b"a cat.Negative prompt: bad.Steps: 20, Sampler: Euler, Seed: 5, Size: 24x16",
            b"prompt: a cat\nVersion: aa62, Pipeline: Original,\nSteps: 20 | Seed: 5 | Size: 24x16",
        ],
        _embedded("parameters"),
    ),
    "comfyui": Parser([_json(foreign.comfy_graph()), _json(_joined_graph())], _embedded("prompt")),
    "named": Parser([_json(foreign.EASY_DIFFUSION), _json(foreign.NOVELAI)], _named),
    "named_json": Parser([_json(foreign.EASY_DIFFUSION)], _embedded("parameters")),
    "fooocus": Parser([_json(foreign.FOOOCUS)], _embedded("parameters")),
    "swarmui": Parser([_json(foreign.SWARM)], _embedded("parameters")),
    "invokeai": Parser([_json(foreign.INVOKE)], _embedded("invokeai_metadata")),
    "invokeai2": Parser([_json(foreign.SD_METADATA)], _embedded("sd-metadata")),
    "drawthings": Parser(
        [foreign.draw_things_xmp(comment=told).encode() for told in (foreign.DRAW_THINGS, None)], _embedded(xmp.NAME)
    ),
    "golden": Parser([_golden()], from_file("golden.json", GoldenSeeds.load)),
    "receipt": Parser([_json(_RECEIPT)], _receipt),
    "edition": Parser([_json(_EDITION)], _edition),
}
