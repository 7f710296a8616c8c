"""Whether pictures were made in the same way: settings of two of them, compared one by one."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from seedscope.pipeline.imported.formats.recipe import LINK
from seedscope.pipeline.study.schema import Json

Made = dict[str, Json]
"""How a picture was made: the fields of `Settings`, `pixels`, unless a table tells of it `settings`: all further ones, and
`misread`, where there are any."""

SHOWN = 6
_CAME_LATER = re.compile(r"civitai |canvas_v2_metadata\.")
"""Settings that were not compared at first: runs of before do not have them, though their pictures do."""
MISREAD = "misread"
"""Names of settings that runs of before may have recorded, and that are none; they are not recorded."""


def interned(made: Made, ways: dict[str, Made]) -> Made:
    """The one of equal dicts that came first: thousands of pictures are made in few ways."""
    return ways.setdefault(json.dumps(made, sort_keys=True), made)


@dataclass
class Rest:
    """How the rest of a run's pictures were made.

    Args:
        made: None for a setting that none of them records.
        kept: whether it stood before the further settings were written down: pictures that are in the run then stay.
        recorded: what was recorded of them, which is what pictures that are in the run are compared with.
    """

    made: Made
    kept: bool = False
    recorded: Made | None = None
    _told: dict[tuple[int, bool], str] = field(default_factory=dict)

    @classmethod
    def of(cls, made: Made | None, ways: Sequence[Made], *, kept: bool) -> "Rest":
        """What was recorded, or what most say; a setting that it lacks is what most say of that one.

        Args:
            ways: how the pictures were made, one each, and equal ones the same object.
        """
        by_id = {id(way): way for way in ways}
        common = [(by_id[at], count) for at, count in Counter(map(id, ways)).most_common()]
        found: Made = dict(made if made is not None else common[0][0] if common else {})
        found.pop(MISREAD, None)
        for name in {name for way in by_id.values() for name in way} - {MISREAD}:
            if found.get(name) is None:
                values: Counter[str] = Counter()
                for way, count in common:
                    if way.get(name) is not None:
                        values[json.dumps(way[name])] += count
                if values:
                    found[name] = json.loads(values.most_common(1)[0][0])
        if made is not None and "settings" in made and common:
            ours = {name: value for name, value in _further(common[0][0]).items() if _CAME_LATER.match(name)}
            wrong = _misread(made, common[0][0])
            found["settings"] = ours | {name: value for name, value in _further(made).items() if name not in wrong}
        return cls(found, kept and "settings" not in (made or {}), made)

    def differences(self, this: Made, *, known: bool) -> str:
        """`steps is 30, not 20; ...`, for settings that both record; empty if there are none.

        Args:
            known: whether the picture is in the run already.
        """
        key = id(this), known
        if key not in self._told:
            rest = self.made if self.recorded is None or not known else self.recorded
            told = list(_differences(rest, this))
            if not (known and self.kept):
                told += _further_differences(rest, this, told, unknown=known and self.recorded is not None)
            more = [f"and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
            self._told[key] = "; ".join([*told[:SHOWN], *more])
        return self._told[key]


def _differences(rest: Made, this: Made) -> Iterator[str]:
    for name, value in this.items():
        if name == "model":
            yield from _other_model(rest, this)
        elif (
            name not in ("settings", MISREAD)
            and value is not None
            and rest.get(name) is not None
            and rest[name] != value
        ):
            yield f"{name.replace('_', ' ')} is {_short(value)}, not {_short(rest[name])}"


def _other_model(rest: Made, this: Made) -> Iterator[str]:
    """By name where both have one, and by the hash of the weights; what has a hash alone bears it as its name."""
    name, other = this.get("model"), rest.get("model")
    one, two = (_further(made).get("model hash") for made in (this, rest))
    if name is None or other is None:
        return
    named = name != one and other != two
    hashed = one is not None and two is not None
    if (named and name != other) or (not hashed and name != other and not {name, one} & {other, two} - {None}):
        yield f"model is {_short(name)}, not {_short(other)}"
    elif hashed and not _same_hash(str(one), str(two)):
        yield f"model is {_short(name)} [{one}], not {_short(other)} [{two}]"


def _same_hash(one: str, two: str) -> bool:
    """Some programs write the first ten digits only."""
    length = min(len(one), len(two))
    return one[:length].lower() == two[:length].lower()


def _further_differences(rest: Made, this: Made, told: Sequence[str], *, unknown: bool) -> list[str]:
    """Of the further settings one that is absent is at its default, so that it differs from one that is there.

    Graphs tell some settings once more, and where nodes come and go, so do their links: these are told where nothing else is.

    Args:
        unknown: settings that came later, and are not recorded, may be any.
    """
    if this.get("settings") is None or rest.get("settings") is None:
        return []
    ours, theirs = _further(this), _further(rest)
    later = {name for name in ours.keys() - theirs.keys() if unknown and _CAME_LATER.match(name)}
    wrong = _misread(rest, this) if unknown else set()
    names = sorted((ours.keys() | theirs.keys()) - {"model hash"} - later - wrong)
    pairs = [(name, ours.get(name), theirs.get(name)) for name in names if ours.get(name) != theirs.get(name)]
    values = [pair for pair in pairs if not any(str(value).startswith(LINK) for value in pair[1:])]
    words = [(name, f" is {_short(value)}, not {_short(other)}") for name, value, other in values or pairs]
    return [name + shown for name, shown in words if not any(item.endswith(shown) for item in told)]


def _misread(recorded: Made, this: Made) -> set[str]:
    """Names in a record that a picture makes see were no settings; a record of later versions has none."""
    found, own = this.get(MISREAD), _further(this)
    late = any(_CAME_LATER.match(name) for name in _further(recorded))
    return set() if late or not isinstance(found, list) else {str(name) for name in found} - own.keys()


def _further(made: Made) -> dict[str, Json]:
    found = made.get("settings")
    return found if isinstance(found, dict) else {}


def _short(value: Json) -> str:
    shown = (
        " x ".join(map(str, value)) if isinstance(value, list) else "unset" if value is None else str(value) or "empty"
    )
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
