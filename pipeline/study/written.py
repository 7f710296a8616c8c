"""YAML as people mean it: what its first version reads otherwise, silently, is refused with its place, and so is a bomb.

Source: YAML 1.1, https://yaml.org/type/: `0010` is 8 (octal), `10:31` is 631 (base 60), `no` is false.
"""

import re
from collections.abc import Hashable
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from seedscope.pipeline.study.given import is_text

_DEEPEST = 50
_MOST_VALUES = 2_000_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, where it was built in: 20 times as fast
_RESOLVER = yaml.resolver.Resolver()
_OCTAL = re.compile(r"[-+]?0[0-7_]+")


def read_yaml(text: str) -> object:
    """One document.

    Raises:
        yaml.YAMLError: it is none, or could mean two things; mostly with the place.
    """
    if wrong := yaml.reader.Reader.NON_PRINTABLE.search(text):
        line, column = text.count("\n", 0, wrong.start()), wrong.start() - text.rfind("\n", 0, wrong.start()) - 1
        raise yaml.MarkedYAMLError(
            problem=f"the character {wrong[0]!r} cannot stand in a text", problem_mark=_mark(line, column)
        )
    try:
        node = yaml.compose(text, _LOADER)
        if node is None:
            return None
        _values(node, {}, 0)
        return _Meant().construct_document(node)
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply") from None


def _values(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """How many values a node stands for, with those that its aliases repeat; `known`: of nodes seen, 0 while looked into.

    Raises:
        yaml.MarkedYAMLError: too many or too deep, one that contains itself, or a text that cannot be one.
    """
    if depth > _DEEPEST:
        raise _wrong(node, f"is nested more than {_DEEPEST} deep")
    if id(node) in known:
        if known[id(node)] == 0:
            raise _wrong(node, "contains itself")
        return known[id(node)]
    if node.tag not in _tags(node):
        raise _wrong(node, f"has the tag {node.tag}; write the value without a tag")
    if isinstance(node, yaml.ScalarNode):
        if not is_text(node.value):
            raise _wrong(node, "holds a character that is none (a zero, or half of a surrogate pair)")
        return 1
    known[id(node)] = 0
    pairs = node.value if isinstance(node, yaml.SequenceNode) else [each for pair in node.value for each in pair]
    count = 1 + sum(_values(each, known, depth + 1) for each in pairs)
    if count > _MOST_VALUES:
        raise _wrong(node, f"stands for {count:,} values, and at most {_MOST_VALUES:,} are read")
    known[id(node)] = count
    return count


def _tags(node: yaml.Node) -> tuple[str, ...]:
    """What a node may be called: what it is read as without a tag, or a text."""
    if not isinstance(node, yaml.ScalarNode):
        return ("tag:yaml.org,2002:map" if isinstance(node, yaml.MappingNode) else "tag:yaml.org,2002:seq",)
    plain = not node.style  # None, or of libyaml an empty text
    read = _RESOLVER.resolve(yaml.ScalarNode, node.value, (plain, not plain))  # type: ignore[no-untyped-call]  # no types
    return str(read), "tag:yaml.org,2002:str"


def _mark(line: int, column: int) -> yaml.Mark:
    return yaml.Mark("", 0, line, column, None, 0)


def _wrong(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=f"what begins here {problem}", problem_mark=node.start_mark)


class _Meant(SafeConstructor):
    """Refuses a key that stands twice, where PyYAML keeps the last; keys that are no text; numbers that are read otherwise."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            self._refuse_key(key)
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key.value!r} stands here twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def _refuse_key(self, key: yaml.Node) -> None:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(
                problem="a key is a word here, not a list or a mapping (braces of a template have to be filled in)",
                problem_mark=key.start_mark,
            )
        if key.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"):
            raise yaml.MarkedYAMLError(
                problem=f"the key {key.value or '(nothing)'} is not read as a word; put it in quotes",
                problem_mark=key.start_mark,
            )

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        written = str(node.value)
        if len(written) > 1000:
            raise _wrong(node, "is a number of thousands of digits")
        if _OCTAL.fullmatch(written) or ":" in written:
            kind = "to the base 60" if ":" in written else "as octal"
            number = super().construct_yaml_int(node)
            raise yaml.MarkedYAMLError(
                problem=f"YAML reads {written} {kind}, as {number}. Write the number that is meant, or quotes around a text",
                problem_mark=node.start_mark,
            )
        return int(super().construct_yaml_int(node))

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        if ":" in node.value or len(node.value) > 1000:
            raise _wrong(node, f"is a number that YAML reads otherwise ({node.value[:20]}); write it as a decimal one")
        return float(super().construct_yaml_float(node))

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> str:  # type: ignore[override]
        """A date is a text here: no key of a study takes one."""
        return str(node.value)

    yaml_constructors = SafeConstructor.yaml_constructors | {
        "tag:yaml.org,2002:int": construct_yaml_int,
        "tag:yaml.org,2002:float": construct_yaml_float,
        "tag:yaml.org,2002:timestamp": construct_yaml_timestamp,
    }
