"""What pydantic finds wrong with a study, a sentence a mistake: `sampling.stepz: unknown key; did you mean 'steps'?`

Places and known keys are those of the schema, walked by its annotations: a new section of the study is known here as it is.
"""

import difflib
import reprlib
import types
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

_Names = tuple[int | str, ...]
_WRONG_KIND = 1_000_000
_OTHER_KIND = ("model_type", "dict_type", "list_type", "model_attributes_type")
_MOST, _SHOWN = 1000, 20


@dataclass(frozen=True)
class _Place:
    """Where a mistake is.

    Attributes:
        names: keys and indices, as in the file.
        known: the keys that may stand where the last of them stands.
        members: of each union on the way, its place and the member that pydantic tried there.
        inside: the keys of the section that belongs here, where it is one.
        text: whether the last union takes a text.
    """

    names: _Names
    known: tuple[str, ...]
    members: tuple[tuple[_Names, str], ...]
    inside: tuple[str, ...]
    text: bool

    def own(self, union: _Names) -> int:
        """How many names lie between a union and the mistake: 0 where a value is no such member at all, 1 at its keys."""
        return len(self.names) - len(union)


def sentences(error: ValidationError, kind: type[BaseModel]) -> list[str]:
    """One sentence a mistake in a model of some kind, the first of them where there are very many."""
    found = [(issue, _place(kind, issue["loc"])) for issue in error.errors()[:_MOST]]
    said = list(dict.fromkeys(_sentence(issue, place) for issue, place in _meant(found)))
    return said if len(said) <= _SHOWN else [*said[:_SHOWN], "and there are more mistakes of these kinds."]


def _sentence(issue: ErrorDetails, place: _Place) -> str:
    where = ".".join(map(str, place.names)) or "study"
    of_union = bool(place.members) and place.text
    apart = place.own(place.members[-1][0]) if of_union else -1
    if issue["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(place.names[-1]), place.known, n=1)
        quotes = " If it is a text with a colon in it, put it in quotes." if apart == 1 else ""
        return f"{where}: unknown key" + (
            f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(place.known)}.{quotes}"
        )
    if issue["type"] == "missing":
        return f"{where}: this key is missing."
    value = issue["input"]
    given = "" if isinstance(value, dict | list) else f" (it is {reprlib.repr(value)})"
    if not isinstance(value, str) and (issue["type"] == "string_type" or (apart == 0 and issue["type"] in _OTHER_KIND)):
        return f"{where}: Input should be a valid string{given}. If it is meant as a text, put it in quotes."
    if issue["type"] == "model_type" and place.inside:
        return f"{where}: Input should be a mapping of {', '.join(place.inside)}, such as {{{place.inside[0]}: ...}}{given}."
    if issue["type"] == "list_type" and isinstance(value, str):
        return f"{where}: Input should be a valid list, such as [{value[:60]!r}]{given}."
    return f"{where}: {issue['msg'].removeprefix('Value error, ')}{given}."


def _meant(found: Sequence[tuple[ErrorDetails, _Place]]) -> Iterator[tuple[ErrorDetails, _Place]]:
    """The mistakes that are not noise: what fits no member of a union is reported by each, and one of them was meant.

    That is the one whose keys fit best. Where it has keys that are unknown, a missing one has probably been misspelt.
    """
    faults: Counter[tuple[_Names, str]] = Counter()
    for issue, place in found:
        for each in place.members:
            faults[each] += _weight(issue, place, each[0])
    fewest = {union: min(n for (other, _), n in faults.items() if other == union) for union, _ in faults}
    misspelt = {
        each
        for issue, place in found
        for each in place.members
        if issue["type"] == "extra_forbidden" and place.own(each[0]) == 1
    }
    for issue, place in found:
        other = any(faults[each] > fewest[each[0]] for each in place.members)
        wanting = issue["type"] == "missing" and any(place.own(each[0]) == 1 for each in misspelt & {*place.members})
        if not other and not wanting:
            yield issue, place


def _weight(issue: ErrorDetails, place: _Place, union: _Names) -> int:
    """How much a mistake says that another member of a union was meant."""
    if place.own(union) == 0:
        return _WRONG_KIND
    return int(place.own(union) == 1 and issue["type"] in ("extra_forbidden", "missing"))


def _place(kind: type[BaseModel], loc: _Names) -> _Place:
    """Follow a place of pydantic's through the annotations. Beside keys and indices it names the members of unions."""
    at: object = kind
    names: list[int | str] = []
    known: tuple[str, ...] = ()
    members: list[tuple[_Names, str]] = []
    text = False
    for step in loc:
        tried = _members(at)
        if len(tried) > 1:
            text = "str" in tried
            known = tuple(key for member in tried.values() for key in _fields(member))
            members.append((tuple(names), str(step)))
            at = tried.get(str(step))
            continue
        if not (members and members[-1][0] == tuple(names)):
            known = tuple(_fields(at))
        at = _inside(at, step)
        names.append(step)
    return _Place(tuple(names), known, tuple(members), tuple(_fields(at)), text)


def _inside(annotation: object, step: int | str) -> object:
    """What stands at a key or an index of something."""
    (bare,) = _members(annotation).values()
    if get_origin(bare) in (list, dict):
        return get_args(bare)[-1]
    return _fields(bare).get(str(step))


def _fields(annotation: object) -> dict[str, object]:
    """Key -> annotation of a section, optional or not; nothing where it is none."""
    found = list(_members(annotation).values())
    if len(found) == 1 and isinstance(found[0], type) and issubclass(found[0], BaseModel):
        return {field.alias or key: field.annotation for key, field in found[0].model_fields.items()}
    return {}


def _members(annotation: object) -> dict[str, object]:
    """Name in pydantic's places -> member of a union, None not counted; what is no union is its own only member."""
    tags = [item.tag for item in getattr(annotation, "__metadata__", ()) if isinstance(item, Tag)]
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        some = [member for member in get_args(annotation) if member is not type(None)]
        return {name: member for each in some for name, member in _members(each).items()}
    name = tags[0] if tags else annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return {name: annotation}
