"""Whether each dtype gives finite pictures, how far they are from float32's, and what time they take."""

import time
from collections.abc import Iterator

from seedscope.jobs.doctor.finding import Facts, Finding, note, ok, problem
from seedscope.jobs.doctor.site import Site
from seedscope.jobs.doctor.trial import DTYPES, OWN_LOOP, Difference, Dtype, NotFinite, opened
from seedscope.pipeline.images import Pixels

CELLS = 2
SLOW = 1.5
"""Times float32's time, from which a dtype is not worth its while."""


def check(site: Site) -> Iterator[Finding]:
    for device in site.devices:
        opened(OWN_LOOP, device).draw()
        exact, seconds = _timed(device, "float32")
        for dtype in DTYPES:
            yield _finding(device, dtype, exact, seconds)


def _timed(device: str, dtype: Dtype) -> tuple[Pixels, float]:
    """The pictures of a few cells, and the seconds that they took."""
    trial = opened(OWN_LOOP, device, dtype)
    trial.draw(trial.cells[:1])
    began = time.monotonic()
    return trial.draw(trial.cells[:CELLS]), time.monotonic() - began


def _finding(device: str, dtype: Dtype, exact: Pixels, usual: float) -> Finding:
    what = f"{dtype} on {device}"
    facts: Facts = {"device": device, "dtype": dtype}
    try:
        pictures, seconds = _timed(device, dtype)
    except NotFinite as error:
        return problem(what, str(error), "Draw in another `dtype`: float32 always works.", facts=facts)
    if dtype == "float32":
        return ok(what, "finite", facts=facts)
    found, ratio = Difference.of(exact, pictures), seconds / usual
    facts = {**facts, "largest": found.largest, "small": found.small, "times_float32": round(ratio, 2)}
    told = f"finite; {ratio:.2g} times float32's time; from float32 {found.said}"
    if ratio > SLOW:
        return note(what, told, "Draw in float32 on this device.", facts=facts)
    if not found.passes(dtype):
        return note(what, told, "Draw all pictures of a study in one dtype: another is another picture.", facts=facts)
    return ok(what, told, facts=facts)
