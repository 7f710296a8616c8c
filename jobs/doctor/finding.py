"""What a check says: what was looked at, what was found, whether that is good, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

Facts = Mapping[str, JsonValue]
NOTHING: Facts = {}
Verdict = Literal["ok", "note", "problem", "not tried"]
"""`problem`: pictures would be wrong, or none would be drawn."""


@dataclass(frozen=True)
class Finding:
    """A line of the table.

    Attributes:
        what: what was looked at, in a few words.
        found: what was found, in a clause or a sentence.
        remedy: what to do; empty where there is nothing to do.
        facts: the numbers behind it, for programs.
    """

    what: str
    verdict: Verdict
    found: str
    remedy: str = ""
    facts: Facts = field(default_factory=dict)


def ok(what: str, found: str, remedy: str = "", facts: Facts = NOTHING) -> Finding:
    """It is as it should be."""
    return Finding(what, "ok", found, remedy, facts)


def note(what: str, found: str, remedy: str = "", facts: Facts = NOTHING) -> Finding:
    """Worth to be known; pictures are right all the same."""
    return Finding(what, "note", found, remedy, facts)


def problem(what: str, found: str, remedy: str, facts: Facts = NOTHING) -> Finding:
    """Pictures would be wrong, or none would be drawn."""
    return Finding(what, "problem", found, remedy, facts)


def not_tried(what: str, found: str, remedy: str = "", facts: Facts = NOTHING) -> Finding:
    """It cannot be tried here; `found` says why."""
    return Finding(what, "not tried", found, remedy, facts)
