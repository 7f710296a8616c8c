"""Which attention the models get, and how far its pictures are from those of the plain formula."""

import os
from collections.abc import Iterator

from seedscope.jobs.doctor.finding import Facts, Finding, note, ok
from seedscope.jobs.doctor.site import Site
from seedscope.jobs.doctor.trial import Difference, Dtype, Kind, Trial, both_ways, opened
from seedscope.pipeline.images import Pixels

KERNEL = "scaled_dot_product_"
WORDS = {
    "flash_attention_for_cpu": "fused for CPUs",
    "flash_attention": "flash",
    "efficient_attention": "memory-efficient",
    "cudnn_attention": "cuDNN's",
    "attention_math": "the plain formula",
    "attention_math_for_mps": "MPS's",
}
"""torch's kernels, by what their names end with."""


def check(site: Site) -> Iterator[Finding]:
    for device in site.devices:
        dtypes: tuple[Dtype, ...] = ("float32",) if device == "cpu" else ("float32", "float16")
        for dtype in dtypes:
            for kind in both_ways(site):
                yield _finding(kind, device, dtype)


def _finding(kind: Kind, device: str, dtype: Dtype) -> Finding:
    from torch.nn.attention import SDPBackend, sdpa_kernel

    trial = opened(kind, device, dtype)
    drawn, used = _watched(trial)
    with sdpa_kernel(SDPBackend.MATH):
        found = Difference.of(drawn, trial.draw())
    what = f"attention on {device}" if dtype == "float32" else f"attention on {device}, {dtype}"
    named = " and ".join(WORDS.get(name, name) for name in used) or "none of torch's kernels"
    told = f"{kind.way}: {named}; from the plain formula {found.said}"
    facts: Facts = {"device": device, "dtype": dtype, "kernels": [*used], "largest": found.largest}
    facts = {**facts, "diffusers_backend": os.environ.get("DIFFUSERS_ATTN_BACKEND")}
    if not found.passes(dtype):
        return note(what, told, "Draw all pictures of a run with one attention: on machines of one kind.", facts=facts)
    return ok(what, told, facts=facts)


def _watched(trial: Trial) -> tuple[Pixels, list[str]]:
    """The pictures, and the kernels of attention that drew them."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        drawn = trial.draw()
    names = {event.key for event in profiled.key_averages() if KERNEL in event.key}
    ends = {name.rpartition(KERNEL)[2] for name in names}
    return drawn, sorted(ends - {"attention"})  # which only chooses
