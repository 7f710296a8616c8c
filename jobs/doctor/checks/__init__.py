"""The checks, in the order of the table: `check(site)` of a module of its own each. A new one is a file and a line here."""

from seedscope.jobs.doctor.examine import Check

CHECKS = tuple(
    Check(f"{__name__}.{name}", seconds)
    for name, seconds in (
        ("versions", 20),
        ("optional_libraries", 20),
        ("disks", 20),
        ("processor", 90),
        ("memory", 20),
        ("gpu", 60),
        ("noise", 20),
        ("redraw", 90),
        ("batches", 60),
        ("dtypes", 90),
        ("tf32", 60),
        ("attention", 60),
        ("cpu_and_gpu", 60),
        ("out_of_memory", 60),
        ("throughput", 60),
        ("two_workers", 90),
        ("torch_compile", 120),
    )
)
