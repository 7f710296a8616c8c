"""What is kept beside a run is made again where the code has changed, and not where a comment has."""

from pathlib import Path

import pytest

from seedscope.analysis.judging.code_of import code_of


def test_what_is_computed_counts_and_what_is_said_of_it_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "kept_code"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)

    def code(text: str) -> str:
        (package / "one.py").write_text(text)
        code_of.cache_clear()
        return code_of("kept_code")

    first = code("def half(x):\n    return x / 2\n")
    assert code('def half(x):\n    """Of x."""\n    return x / 2  # exact\n') == first
    assert code("def half(x):\n    return x / 3\n") != first
    assert len({code_of("kept_code"), code_of("kept_code", "kept_code"), code_of("seedscope.analysis.maps")}) == 3
