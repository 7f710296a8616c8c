"""Python and the libraries: which there are, and whether they are those that seedscope needs."""

import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import requires

from packaging.requirements import Requirement

from seedscope.jobs.doctor.finding import Finding, ok, problem
from seedscope.jobs.doctor.installed import installed
from seedscope.jobs.doctor.site import Site
from seedscope.pipeline.run_extra import INSTALL, LIBRARIES

NAMED = ("seedscope", "torch", "diffusers", "transformers", "ray", "pyarrow", "numpy")
"""Libraries that the table names; the file of --json has all that seedscope needs."""


def check(site: Site) -> Iterator[Finding]:  # noqa: ARG001
    python = platform.python_version()
    yield ok("Python", f"{python}, {platform.system()} {platform.machine()}", facts={"executable": sys.executable})
    needed = [Requirement(line) for line in requires("seedscope") or ()]
    needed = [each for each in needed if each.marker is None or each.marker.evaluate({"extra": "run"})]
    here = {name: installed(name) for name in ("seedscope", *(each.name for each in needed))}
    told = ", ".join(f"{name} {here.get(name)}" for name in NAMED)
    wrong = [
        each for each in needed if (v := here[each.name]) is None or not each.specifier.contains(v, prereleases=True)
    ]
    if not wrong:
        yield ok("libraries", told, facts=here)
        return
    misfits = ", ".join(f"{each.name} is {here[each.name] or 'missing'}" for each in wrong)
    yield problem("libraries", f"{misfits}; {told}", _remedy(wrong, here), facts=here)


def _remedy(wrong: Sequence[Requirement], here: Mapping[str, str | None]) -> str:
    """The extra, where nothing but libraries of it is wrong and they are missing, as after `pip install seedscope`."""
    if all(here[each.name] is None and each.name in LIBRARIES.values() for each in wrong):
        return INSTALL
    return "pip install " + " ".join(f"'{each.name}{each.specifier}'" for each in wrong)
