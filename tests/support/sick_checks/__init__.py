"""Checks for the doctor's own tests: one that is well, and one of each kind of mishap."""

from seedscope.jobs.doctor.examine import Check

WELL, RAISES, DIES, HANGS = (Check(f"{__name__}.{name}", 2.0) for name in ("well", "raises", "dies", "hangs"))
MISSING = Check(f"{__name__}.missing", 2.0)
