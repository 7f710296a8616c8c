"""One check made in this process: whatever it raises is a finding."""

import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

from seedscope.jobs.doctor.finding import Finding, problem
from seedscope.jobs.doctor.site import Site


@dataclass(frozen=True)
class Check:
    """A check by the module with its function `check(site) -> Iterator[Finding]`, and how long it may take at most.

    It is imported when its turn comes, so that a library that is broken ends no check but those that need it.
    """

    module: str
    seconds: float

    @property
    def name(self) -> str:
        return self.module.rpartition(".")[2].replace("_", " ")


@dataclass(frozen=True)
class Checked:
    """What a check found, and how long it took."""

    name: str
    seconds: float
    findings: list[Finding]


def examine(check: Check, site: Site) -> Checked:
    """Make a check here."""
    began = time.monotonic()
    findings = list(findings_of(check, site))
    return Checked(check.name, round(time.monotonic() - began, 3), findings)


def findings_of(check: Check, site: Site) -> Iterator[Finding]:
    """What a check finds, one after the other; the last one says what it raised, if anything."""
    try:
        yield from import_module(check.module).check(site)
    except Exception as error:  # noqa: BLE001  (the next check is made whatever this one meets)
        yield problem(
            check.name,
            f"this check failed with {_one_line(error)}",
            "Read the traceback in the file that --json writes.",
            facts={"traceback": "".join(traceback.format_exception(error))},
        )


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
