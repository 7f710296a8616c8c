"""Whether a sweep goes on by the rules, prompts and seeds with which it was begun."""

from __future__ import annotations

from collections.abc import Mapping

from seedscope.pipeline.errors import RunChanged
from seedscope.pipeline.storage.base import Storage
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables.agreement import changes


def refuse_other_rules(
    storage: Storage, then: Mapping[str, Json], now: Mapping[str, Json], *, same_blocks: bool
) -> None:
    """Refuse a sweep that was begun by other rules, prompts or seeds. What a record of an older version does not say is not
    asked.

    Raises:
        RunChanged: it was.
    """
    before, after = ({key: value for key, value in rules.items() if key != "prompts"} for rules in (then, now))
    if found := "; ".join(changes(_said_by_both(before, after), _said_by_both(after, before))):
        raise RunChanged(
            f"{storage.url}: was begun as another sweep ({found}). Its rounds are laid out once: choose another folder "
            "with --out, or another name in the study."
        )
    if not same_blocks or then.get("prompts", now["prompts"]) != now["prompts"]:
        raise RunChanged(f"{storage.url}: {other_prompts('the rounds of its sweep')}")


def _said_by_both(one: Json, other: Json) -> Json:
    """The first of two records, without the keys that the second does not have."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: _said_by_both(value, other[key]) for key, value in one.items() if key in other}
    return one


def other_prompts(whose: str) -> str:
    """That a sweep is laid out for other prompts or seeds, and what to do. whose: what of it is, which begins the sentence."""
    return (
        f"{whose} are laid out for other prompts, groups of prompts, or seeds than the study names now. A sweep does not grow: "
        "put them back, or choose another folder with --out."
    )
