"""The GPUs that torch sees, and whether they calculate."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from seedscope.jobs.doctor.finding import Finding, note, ok, problem
from seedscope.jobs.doctor.site import Site

GIB = 2**30
INSTALL = "Install the torch that fits the driver: https://pytorch.org/get-started."


def check(site: Site) -> Iterator[Finding]:
    import torch

    if site.gpu is None:
        yield _none()
    elif site.gpu == "mps":
        yield _calculates("GPU", "mps", "MPS, one device; `device: mps` in a study draws on it")
    else:
        for number in range(torch.cuda.device_count()):
            yield _calculates(f"GPU {number}", f"cuda:{number}", _described(number))


def _none() -> Finding:
    """Why there is none."""
    import torch

    built = _built_for()
    told = f"torch {torch.__version__} is built {f'for {built}' if built else 'for the CPU alone'}"
    driver = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
    if driver:
        return note(
            "GPU", f"an NVIDIA driver is here, but torch sees no GPU: {told}", INSTALL, facts={"built_for": built}
        )
    return ok("GPU", f"none: pictures are drawn on the CPU. (The installed {told}.)", facts={"built_for": built})


def _built_for() -> str | None:
    """CUDA or ROCm, with its version."""
    import torch

    if torch.version.cuda:
        return f"CUDA {torch.version.cuda}"
    return f"ROCm {torch.version.hip}" if torch.version.hip else None


def _described(number: int) -> str:
    import torch

    from seedscope.pipeline.running.machine import driver

    its = torch.cuda.get_device_properties(number)
    free, total = torch.cuda.mem_get_info(number)
    return (
        f"{its.name}, {free / GIB:,.1f} GiB of {total / GIB:,.1f} GiB free, compute capability {its.major}.{its.minor}, "
        f"driver {driver() or 'unknown'}, torch for {_built_for()}"
    )


def _calculates(what: str, device: str, told: str) -> Finding:
    """Whether a device multiplies as the CPU does: a torch that was not built for a GPU has no kernels for it."""
    import torch

    generator = torch.Generator("cpu").manual_seed(0)
    some = torch.randn((64, 64), generator=generator, dtype=torch.float32)
    try:
        apart = ((some.to(device) @ some.to(device)).cpu() - some @ some).abs().max().item()
    except RuntimeError as error:
        return problem(what, f"{told}; it cannot calculate: {' '.join(str(error).split())[:200]}", INSTALL)
    if not apart < 0.5:  # TF32 makes about 0.03 here
        return problem(what, f"{told}; it calculates wrongly, by {apart:.3g}", INSTALL, facts={"apart": apart})
    return ok(what, told, facts={"apart": apart})
