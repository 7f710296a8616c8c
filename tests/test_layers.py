"""Imports point one way: jobs -> analysis -> pipeline; Ray is known to three files that run stages, and to jobs alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {"pipeline": {"pipeline"}, "analysis": {"pipeline", "analysis"}, "jobs": {"pipeline", "analysis", "jobs"}}
KNOW_RAY = {ROOT / "pipeline" / "running" / name for name in ("cluster.py", "crew.py", "on_ray.py")}
FILES = sorted(file for layer in MAY_IMPORT for file in (ROOT / layer).rglob("*.py"))


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_point_one_way(file: Path) -> None:
    layer = file.relative_to(ROOT).parts[0]
    for name in imported(file):
        top, _, rest = name.partition(".")
        if top == "seedscope":
            assert rest.split(".")[0] in MAY_IMPORT[layer], f"{layer} imports {name}"
        assert top not in MAY_IMPORT, f"{name}: import it as seedscope.{name}"
        if top == "ray":
            assert layer == "jobs" or file in KNOW_RAY, f"{file} imports ray"


def test_there_is_something_to_hold() -> None:
    assert len(FILES) > 30 and "seedscope.pipeline.tables.table.Table" in set(imported(ROOT / "pipeline" / "stage.py"))
