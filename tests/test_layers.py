"""Who imports whom: jobs -> analysis -> pipeline; within a layer along an ordered list of folders; never in a circle."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from repository import ROOT

LAYERS = ("pipeline", "analysis", "jobs")
FLOORS = {
    "pipeline": "errors | run_extra garbage images large_pictures spreadsheets | study storage | models tables "
    "| networks running | drawing imported",
    "analysis": "direction counted_p | features seeds | select | run maps | sheets | judging | dataset experiments "
    "| comparing | report | exports",
    "jobs": "console | submit work planning doctor | commands | cli in_python | sprout",
}
"""A file or folder of a layer imports only what stands on a floor further to the left, and from its own folder."""
KNOW_RAY = {f"pipeline/running/{name}.py" for name in ("cluster", "workers", "on_ray")}


def modules(root: Path) -> dict[str, Path]:
    """Dotted name -> file, of all layers."""
    files = (file for layer in LAYERS for file in (root / layer).rglob("*.py"))
    return {"seedscope." + ".".join(_parts(file.relative_to(root))): file for file in files}


def _parts(file: Path) -> tuple[str, ...]:
    parts = file.with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def imported(file: Path) -> Iterator[str]:
    """The dotted names that a file imports, at its top or within a function."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module}.{alias.name}" for alias in node.names)


def graph(found: Mapping[str, Path]) -> dict[str, set[str]]:
    """Module -> the modules of the project that it imports."""
    edges: dict[str, set[str]] = {}
    for name, file in found.items():
        targets = {target if target in found else target.rpartition(".")[0] for target in imported(file)}
        edges[name] = {target for target in targets if target in found} - {name}
    return edges


def against_the_grain(found: Mapping[str, Path]) -> list[str]:
    """A sentence for each import that climbs."""
    floors = {
        (layer, room): number
        for layer, text in FLOORS.items()
        for number, rooms in enumerate(text.split("|"))
        for room in rooms.split()
    }
    wrong = []
    for name, targets in graph(found).items():
        layer, *rooms = name.split(".")[1:]
        for target in targets:
            to_layer, *to_rooms = target.split(".")[1:]
            if LAYERS.index(to_layer) > LAYERS.index(layer):
                wrong.append(f"{name} imports {target}: {layer} knows nothing of {to_layer}")
            if to_layer != layer or not (rooms and to_rooms) or to_rooms[0] == rooms[0]:
                continue
            if floors[layer, to_rooms[0]] >= floors[layer, rooms[0]]:
                wrong.append(f"{name} imports {target}: {to_rooms[0]} does not stand left of {rooms[0]}")
    return wrong


def circle(edges: Mapping[str, set[str]]) -> list[str]:
    """Modules that import each other in turn; none where there is no circle."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for target in sorted(edges[name]):
            if found := walk(target, [*path, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(edges) if (found := walk(name, []))), [])


FOUND = modules(ROOT)


def test_imports_go_along_the_list() -> None:
    assert len(FOUND) > 250
    assert not against_the_grain(FOUND)


def test_there_is_no_circle() -> None:
    assert not circle(graph(FOUND))


@pytest.mark.parametrize("name", sorted(FOUND))
def test_imports_are_absolute_and_ray_is_known_to_few(name: str) -> None:
    layer = name.split(".")[1]
    for target in imported(FOUND[name]):
        assert not target.startswith("."), f"{name}: relative import {target}"
        top = target.partition(".")[0]
        assert top not in LAYERS, f"{name}: import {target} as seedscope.{target}"
        if top == "ray":
            assert layer == "jobs" or FOUND[name].relative_to(ROOT).as_posix() in KNOW_RAY, f"{name} imports ray"


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        (
            "pipeline/study/plan.py",
            "from seedscope.analysis.direction import Better",
            "pipeline knows nothing of analysis",
        ),
        ("analysis/seeds/ranking.py", "from seedscope.analysis.run.run import Run", "run does not stand left of seeds"),
        (
            "pipeline/models/base.py",
            "from seedscope.pipeline.tables.table import Table",
            "tables does not stand left of",
        ),
    ],
)
def test_an_import_against_the_grain_is_seen(file: str, line: str, complaint: str, tmp_path: Path) -> None:
    assert any(complaint in sentence for sentence in against_the_grain(changed(file, line, tmp_path)))


def test_a_circle_is_seen(tmp_path: Path) -> None:
    line = "from seedscope.pipeline.storage.objects import ObjectStorage"
    found = circle(graph(changed("pipeline/storage/lease.py", f"def late():\n    {line}", tmp_path)))
    assert {"seedscope.pipeline.storage.lease", "seedscope.pipeline.storage.objects"} <= set(found)


def changed(file: str, line: str, folder: Path) -> dict[str, Path]:
    """The modules of the project, one of them with a line more."""
    place = folder / "changed.py"
    place.write_text(f"{(ROOT / file).read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    name = "seedscope." + ".".join(_parts(Path(file)))
    assert name in FOUND
    return FOUND | {name: place}
