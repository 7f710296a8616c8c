"""How far pictures of the GPU are from those of the CPU, in each dtype."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from seedscope.jobs.doctor.finding import Facts, Finding, not_tried, note, ok, problem
from seedscope.jobs.doctor.site import Site

if TYPE_CHECKING:
    from seedscope.jobs.doctor.trial import Dtype, Kind

WHAT = "GPU against CPU"
DRIVER = "Install another driver or torch: this GPU does not calculate what the CPU does."
APART = "Draw all pictures of a run on devices of one kind."


def check(site: Site) -> Iterator[Finding]:
    if site.gpu is None:
        yield not_tried(WHAT, "there is no GPU")
        return
    from seedscope.jobs.doctor.trial import DTYPES, both_ways

    for kind in both_ways(site):
        for dtype in DTYPES:
            yield compared(kind, dtype, "cpu", site.gpu)


def compared(kind: Kind, dtype: Dtype, one: str, other: str) -> Finding:
    """The same cells on two devices."""
    from seedscope.jobs.doctor.trial import Difference, NotFinite, opened

    facts: Facts = {"way": kind.way, "dtype": dtype, "devices": [one, other]}
    what = f"{WHAT}, {dtype}"
    try:
        cells = opened(kind, one, dtype).cells[:2]
        found = Difference.of(opened(kind, one, dtype).draw(cells), opened(kind, other, dtype).draw(cells))
    except NotFinite as error:
        return problem(what, f"{kind.way}: {error}", "Draw in another `dtype`.", facts=facts)
    facts = {**facts, "largest": found.largest, "small": found.small}
    told = f"{kind.way}: {found.said}"
    if found.passes(dtype):
        return ok(what, told, facts=facts)
    # Half precision loses so many digits that another order of sums may be another picture.
    return problem(what, told, DRIVER, facts=facts) if dtype == "float32" else note(what, told, APART, facts=facts)
