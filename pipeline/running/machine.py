"""The machine and the libraries that pictures are drawn with: what their last bits depend on, beside the study."""

import platform
import re
import socket
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

from seedscope.pipeline.errors import RunChanged
from seedscope.pipeline.study.schema import Json

DRAWING = ("torch", "diffusers", "transformers")
"""The libraries that shape pixels."""
LIBRARIES = ("seedscope", "torch", "diffusers", "transformers", "pyarrow")


@cache
def machine() -> Mapping[str, Json]:
    """This machine, as receipts and benches record it; None of what it does not have, or does not report.

    host, machine (architecture), cpu (its name), cpu_capability (the vector instructions that torch uses), gpu (its name),
    driver (version of NVIDIA's), cuda (version that torch was built for), and the version of each library.
    """
    import torch

    gpu = torch.cuda.is_available()
    return {
        **host(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name() if gpu else None,
        "driver": driver() if gpu else None,
        "cuda": torch.version.cuda if gpu else None,
    }


@cache
def host() -> Mapping[str, Json]:
    """Of what `machine` tells that which torch need not be asked for: host, architecture, processor and libraries."""
    return {
        "host": socket.gethostname(),
        "machine": platform.machine(),
        "cpu": _found(r"^model name\s*: (.+)$", Path("/proc/cpuinfo")) or platform.processor() or None,
        **{name: version(name) for name in LIBRARIES},
    }


def refuse_other_versions(drawn_with: Mapping[str, str]) -> None:
    """Refuse to go on with another version of a library that shapes pixels than `drawn_with` has, library -> version.

    Patch releases count, as those of diffusers have changed pictures; what a build adds to a version (+cu130) does not, for it
    says on which device the same code runs.

    Raises:
        RunChanged: one is another here.
    """
    here = {name: version(name) for name in drawn_with}
    if other := [name for name, then in drawn_with.items() if _release(then) != _release(here[name])]:
        raise RunChanged(
            f"The pictures of this run were drawn with {_listed(drawn_with, other)}, and here is {_listed(here, other)}: the "
            "same seed may be another picture. Install the former, or say --other-versions to go on all the same."
        )


def _release(of: str) -> str:
    return of.partition("+")[0]


def _listed(versions: Mapping[str, str], names: Sequence[str]) -> str:
    return " and ".join(f"{name} {versions[name]}" for name in names)


def driver(version_file: Path = Path("/proc/driver/nvidia/version")) -> str | None:
    """The version of NVIDIA's driver, as the kernel reports it (Linux)."""
    return _found(r"^NVRM version:.*?\s(\d+\.[\d.]+)\s", version_file)


def _found(pattern: str, file: Path) -> str | None:
    try:
        match = re.search(pattern, file.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    except OSError:
        return None
    return match[1].strip() if match else None
