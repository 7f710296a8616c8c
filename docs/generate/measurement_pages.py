"""A page for each feature and each distance, by one template: what people know of it stands in docs/measurements/, and what the
code knows is put under its headings.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PARTS = ROOT / "docs" / "measurements"
HEADINGS = ("What", "Formula", "Source", "Direction", "Known problems", "Cost", "Reference values")
"""Of every page, in this order."""
OPTIONS: dict[str, dict[str, object]] = {
    "torchmetrics": {"metric": "total_variation, clip_iqa"},
    "fd_clip": {"model": "sprout-clip"},
    "elbo": {"model": "sprout"},
    "layout": {"model": "sprout-layout/segmentation", "depth": "sprout-layout/depth"},
}
"""Options with which a feature says its columns without a download."""
NEEDS_THE_HUB = {"fd_dinov2"}
"""Features that do so only with their weights' settings."""
EMBEDDING = "The picture as a vector of a network, by which seeds are compared."


def names() -> dict[str, str]:
    """Each feature and each distance -> its kind."""
    from seedscope.analysis.features import NAMES as FEATURES
    from seedscope.analysis.seeds.distances.base import FRECHET
    from seedscope.analysis.seeds.distances.base import NAMES as DISTANCES

    return dict.fromkeys(FEATURES, "feature") | dict.fromkeys((FRECHET, *DISTANCES), "distance")


def index() -> str:
    """The page that lists all of them."""
    lines = [
        "# Measurements",
        "",
        "What a study may name under `features`: it is measured of each picture, a table of its own.",
        "",
    ]
    lines += _listed("feature")
    lines += [
        "",
        "What it may name under `ranking.distances`: it is measured of all pictures of a seed together. The Frechet distance",
    ]
    lines += ["always is, of each feature that compares with reference pictures.", "", *_listed("distance")]
    return "\n".join(lines) + "\n"


def _listed(kind: str) -> Iterator[str]:
    yield "| name | what | better |\n| --- | --- | --- |"
    for name, its_kind in names().items():
        if its_kind == kind:
            parts = sections((PARTS / f"{name}.md").read_text(encoding="utf-8"))
            title, what = parts[""].strip().removeprefix("# "), parts["What"].strip().split("\n\n")[0]
            better = "lower, as a distance" if name.startswith(("fd_", "fid_")) and kind == "feature" else _better(name)
            yield f"| [`{name}`]({name}.md) | {title}: {_one_line(what)} | {better} |"


def filled(name: str, markdown: str) -> str:
    """A page with what the code knows of the measurement.

    Raises:
        KeyError: nothing is called so, or a heading is missing.
    """
    kind = names()[name]
    written = sections(markdown)
    known = _of_feature(name) if kind == "feature" else _of_distance(name)
    where = (
        f"`{name}` is a {kind}: a study names it under `{'features' if kind == 'feature' else 'ranking.distances'}`."
    )
    if name == "frechet":
        where = "`frechet` is a distance that is always taken; its columns have the name of the feature alone."
    page = [written[""].strip(), where]
    for heading in HEADINGS:
        page += [f"## {heading}", written.get(heading, "").strip(), known.get(heading, "")]
    return "\n\n".join(filter(None, page)) + "\n"


def sections(markdown: str) -> dict[str, str]:
    """Heading -> what stands under it; what stands before the first one is under the empty text."""
    first, *parts = re.split(r"^## ", markdown, flags=re.MULTILINE)
    return {"": first} | {part.partition("\n")[0].strip(): part.partition("\n")[2] for part in parts}


def _of_feature(name: str) -> dict[str, str]:
    cls = _feature_class(name)
    table, options = "\n".join(_columns(name)), "\n".join(_options(cls))
    return {
        "What": f"Its columns:\n\n{table}"
        + (f"\n\nIts options, as in `- {name}: {{OPTION: VALUE}}`:\n\n{options}" if options else ""),
        "Source": _sources(cls),
        "Direction": _better(name).capitalize() + ".",
        "Cost": _benchmarked(name),
        "Reference values": "\n".join(_reference(name)),
    }


def _of_distance(name: str) -> dict[str, str]:
    from seedscope.analysis.seeds.distances.base import distance_class

    cls = distance_class(name)
    ends = f"at least {cls.floor:g}" if cls.ceiling == float("inf") else f"from {cls.floor:g} to {cls.ceiling:g}"
    ends = "any number" if cls.floor == float("-inf") else ends
    return {
        "Source": _sources(cls),
        "Direction": f"{_better(name).capitalize()}. Its values: {ends}.",
        "Reference values": "\n".join(_reference(name)),
    }


def _better(name: str) -> str:
    from seedscope.analysis.seeds.distances.base import distance_class

    if names()[name] == "distance":
        return f"{distance_class(name).better} is better"
    if name in NEEDS_THE_HUB or _made(name).needs_reference:
        return "none of its own: seeds are compared by a distance of these vectors, of which lower is better"
    directed = {column: better for column, better in _made(name).scalars().items() if better}
    if not directed:
        return "none: no value is better than another, and it ranks no seeds"
    return "; ".join(f"of `{column}` {better} is better" for column, better in directed.items())


def _made(name: str) -> Any:
    from seedscope.analysis.features import feature

    return feature(name, **OPTIONS.get(name, {}))


def _feature_class(name: str) -> Any:
    from importlib import import_module

    from seedscope.analysis.features import _CLASSES

    module, cls = _CLASSES[name].split(":")
    return getattr(import_module(f"seedscope.analysis.features.{module}"), cls)


def _columns(name: str) -> Iterator[str]:
    import pyarrow as pa
    from column_page import rows

    from seedscope.pipeline.tables.columns import column

    if name in NEEDS_THE_HUB:
        yield from rows(pa.schema([column(name, pa.list_(pa.float32()), EMBEDDING)]))
    else:
        yield from rows(pa.schema(_made(name).columns()))


def _options(cls: Any) -> Iterator[str]:
    taken = signature(cls).parameters.values()
    if taken:
        yield "| option | type | default |\n| --- | --- | --- |"
    for item in taken:
        kind = str(item.annotation).replace(" | None", "").replace("str | Path", "file").replace("str", "text")
        yield f"| `{item.name}` | {kind} | `{json.dumps(item.default)}` |"


def _sources(cls: Any) -> str:
    """What its docstring, or that of its file, says after `Source:` and `Deviation:`; and that of a file that they name, as
    `in X`."""
    family = [each for each in cls.__mro__ if each.__module__.startswith("seedscope.analysis.")]
    found = "\n\n".join(dict.fromkeys(filter(None, (_said(each.__doc__ or "") for each in family))))
    found = found or _said(sys.modules[cls.__module__].__doc__ or "")
    package = cls.__module__.rpartition(".")[0]
    for module in (
        cls.__module__.removesuffix("_distance"),
        *(f"{package}.{name}" for name in re.findall(r"in `(\w+)`", found)),
    ):
        if find_spec(module) is not None and (more := _said(_docstring(module))) and more not in found:
            found = f"{found}\n\n{more}".strip()
    return re.sub(r"arXiv:? (\d{4}\.\d{5})", r"[arXiv \1](https://arxiv.org/abs/\1)", found)


def _docstring(module: str) -> str:
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None
    return ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""


def _said(docstring: str) -> str:
    """Its paragraphs from `Source:` or `Deviation:` on."""
    lines = [line.strip() for line in docstring.splitlines()]
    text, said = "\n".join(lines), []
    for match in re.finditer(r"^(Source:|Deviation)(?:.|\n)*?(?=\n\n|\Z)", text, re.MULTILINE):
        said.append(re.sub(r"\s(?=Deviation)", "\n\n", _one_line(match[0]), count=1))
    return "\n\n".join(said)


def _benchmarked(name: str) -> str:
    """What `benchmarks/features.py` measured, from the page of the benchmarks."""
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    match = re.search(rf"^ +{name} +[\d.]+ +[\d.]+ +([\d.]+ ms)$", text, re.MULTILINE)
    return f"{match[1]} a picture of 64 x 64 on one thread ([benchmarks](../project/benchmarks.md))." if match else ""


def _reference(name: str) -> Iterator[str]:
    """Percentiles of its columns, or of a distance of the seeds, in the run of reference.yaml."""
    kept = json.loads((PARTS / "reference_values.json").read_text(encoding="utf-8"))
    if not (found := kept["values"].get(name)):
        return
    yield f"{kept['of'][names()[name]]}:\n"
    yield "| | 5 % | median | 95 % |\n| --- | --- | --- | --- |"
    for column, values in found.items():
        yield f"| `{column}` | " + " | ".join(f"{value:.3g}" for value in values) + " |"


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
