"""Nodes of ComfyUI that make a text of others, where what comes out follows from what stands in the graph.

Sources: comfyanonymous/ComfyUI, `comfy_extras/nodes_string.py`; WASasquatch/was-node-suite-comfyui (Text Concatenate, Text
Multiline); Suzie1/ComfyUI_Comfyroll_CustomNodes, `nodes/nodes_utils_text.py`; kijai/ComfyUI-KJNodes (JoinStrings,
StringConstantMultiline); ltdrdata/ComfyUI-Impact-Pack, `modules/impact/impact_server.py::onprompt_populate_wildcards`.
"""

import re
from collections.abc import Callable, Mapping

from seedscope.pipeline.study.schema import Json

_Inputs = Mapping[str, Json]
_LONGEST = 100_000
"""Characters of a text: nodes that double one, one after another, would fill the memory."""
_DRAWN = re.compile(r"[{}<>]|__")
"""What the Impact Pack draws words, or loads an adapter, for."""


def makes_text(kind: str) -> bool:
    """Whether a node puts a text together."""
    return kind in _MAKERS


def made_text(kind: str, inputs: _Inputs) -> str | None:
    """The text at a node's first output; None where one of its inputs is not known."""
    found = _MAKERS[kind](inputs)
    return found if found is not None and len(found) <= _LONGEST else None


def populated(inputs: _Inputs) -> str | None:
    """The text that the Impact Pack has made of wildcards; None where it may be the one of the picture before.

    With `populate` the server draws the words and writes `reproduce`, or before that a truth value, into the graph beside them.
    """
    drawn = inputs.get("populated_text")
    settled = inputs.get("mode") in ("fixed", "reproduce", False)
    return drawn if settled and isinstance(drawn, str) and not _DRAWN.search(drawn) else None


def _joined(inputs: _Inputs, texts: tuple[str, ...], mark: str) -> str | None:
    parts = [inputs.get(key) for key in texts]
    between = inputs.get(mark)
    known = [part for part in parts if isinstance(part, str)]
    return between.join(known) if isinstance(between, str) and len(known) == len(parts) else None


def _joined_by_was(inputs: _Inputs) -> str | None:
    """Those that are not empty, in order of their names."""
    between, trims = inputs.get("delimiter"), inputs.get("clean_whitespace")
    names = sorted(inputs.keys() - {"delimiter", "clean_whitespace"})
    parts = [part for name in names if isinstance(part := inputs[name], str)]
    if len(parts) < len(names) or not isinstance(between, str) or trims not in ("true", "false"):
        return None
    if trims == "true":
        parts = [part.strip() for part in parts]
    return ("\n" if between == "\\n" else between).join(part for part in parts if part)


def _without_tokens(inputs: _Inputs) -> str | None:
    """Where there is neither a line that is left out, for it begins with #, nor a token such as [time] that is replaced."""
    text = inputs.get("text")
    plain = isinstance(text, str) and "[" not in text
    plain = plain and not any(line.strip().startswith("#") for line in str(text).split("\n"))
    return text if isinstance(text, str) and plain and len(inputs) == 1 else None


def _of_one_line(inputs: _Inputs) -> str | None:
    """Where there are no line breaks, of which KJNodes and its copies make different things."""
    text = inputs.get("string")
    return text if isinstance(text, str) and "\n" not in text.strip() else None


def _trimmed(inputs: _Inputs) -> str | None:
    return _changed(inputs, {"Both": str.strip, "Left": str.lstrip, "Right": str.rstrip})


def _in_other_case(inputs: _Inputs) -> str | None:
    ways = {"UPPERCASE": str.upper, "lowercase": str.lower, "Capitalize": str.capitalize, "Title Case": str.title}
    return _changed(inputs, ways)


def _changed(inputs: _Inputs, ways: Mapping[str, Callable[[str], str]]) -> str | None:
    text, mode = inputs.get("string"), inputs.get("mode")
    return ways[mode](text) if isinstance(text, str) and isinstance(mode, str) and mode in ways else None


_MAKERS: dict[str, Callable[[_Inputs], str | None]] = {
    "StringConcatenate": lambda inputs: _joined(inputs, ("string_a", "string_b"), "delimiter"),
    "StringTrim": _trimmed,
    "CaseConverter": _in_other_case,
    "Text Multiline": _without_tokens,
    "Text Concatenate": _joined_by_was,
    "CR Text Concatenate": lambda inputs: _joined(inputs, ("text1", "text2"), "separator"),
    "StringConstantMultiline": _of_one_line,
    "JoinStrings": lambda inputs: _joined(inputs, ("string1", "string2"), "delimiter"),
    "ImpactWildcardProcessor": populated,
}
