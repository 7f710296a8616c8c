"""What is kept beside a run is made again where the code has changed, and not where a comment has."""

import ast
from pathlib import Path

import pytest

from seedscope.analysis.judging.code_of import code_of, written


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


def test_it_is_the_same_with_every_version_of_python() -> None:
    """3.12 gave functions and classes a list of type parameters, 3.13 no longer writes what is empty."""
    code = "@cache\ndef half(x: float, *, by=2) -> str:\n    return f'{x / by:.{by}f}' or None\n\nclass One: ...\n"
    tree = ast.parse(code)
    told = (
        "Module(body=[FunctionDef(name='half', args=arguments(args=[arg(arg='x', annotation=Name(id='float', ctx=Load()))], "
        "kwonlyargs=[arg(arg='by')], kw_defaults=[Constant(value=2)]), body=[Return(value=BoolOp(op=Or(), values=[JoinedStr("
        "values=[FormattedValue(value=BinOp(left=Name(id='x', ctx=Load()), op=Div(), right=Name(id='by', ctx=Load())), "
        "conversion=-1, format_spec=JoinedStr(values=[Constant(value='.'), FormattedValue(value=Name(id='by', ctx=Load()), "
        "conversion=-1), Constant(value='f')]))]), Constant()]))], decorator_list=[Name(id='cache', ctx=Load())], "
        "returns=Name(id='str', ctx=Load())), ClassDef(name='One', body=[Expr(value=Constant(value=Ellipsis))])])"
    )
    assert written(tree) == told
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            node._fields = (*type(node)._fields, "type_params")  # type: ignore[misc]
            node.type_params = []  # type: ignore[attr-defined, unused-ignore]
    assert "type_params" in ast.dump(tree) and written(tree) == told
