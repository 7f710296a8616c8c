"""The reference of the public names, which mkdocstrings writes out of their docstrings."""

from __future__ import annotations

HEAD = """# Python

The names that `import seedscope` gives. They are loaded when they are asked for: the import itself needs no torch.
"""


def page() -> str:
    """The page as Markdown with the directives of mkdocstrings."""
    import seedscope
    from seedscope import _PLACES

    names = [name for name in sorted(seedscope.__all__) if not name.startswith("_")]
    return "\n".join([HEAD, *(f"::: {_PLACES[name]}.{name}\n" for name in names)])
