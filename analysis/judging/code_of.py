"""What source files compute, as a hash: results that are kept beside a run are made again where it differs."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path


@cache
def code_of(*packages: str) -> str:
    """sha256 (hex) over the source files of some packages, the same with every version of Python.

    Comments and docstrings, which change nothing, are left out.
    """
    digest = hashlib.sha256()
    for package in packages:
        for source in sorted(Path(str(files(package))).rglob("*.py")):
            tree = ast.parse(source.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if (
                    isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
                    and ast.get_docstring(node) is not None
                ):
                    node.body = node.body[1:]
            digest.update(f"{source.name}\n{written(tree)}\n".encode())
    return digest.hexdigest()


def written(part: object) -> str:
    """A syntax tree without its empty fields: `ast.dump` has some of them or not, and versions of Python have others."""
    if isinstance(part, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(part) if value is not None and value != [])
        return f"{type(part).__name__}({', '.join(f'{name}={written(value)}' for name, value in fields)})"
    return f"[{', '.join(map(written, part))}]" if isinstance(part, list) else repr(part)
