"""Whether a batch that does not fit is halved until it does: the GPU is filled for it, and emptied again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from seedscope.jobs.doctor.finding import Facts, Finding, not_tried, ok, problem
from seedscope.jobs.doctor.site import Site

if TYPE_CHECKING:
    from seedscope.jobs.doctor.trial import Trial

WHAT = "GPU memory full"
GIB = 2**30
OTHERS = 2 * GIB
"""What others, and the contexts of this process, may hold of a GPU that is filled."""
SEEDS = 128
"""Of two prompts each: a batch of 256 pictures."""


def check(site: Site) -> Iterator[Finding]:
    if site.gpu != "cuda":
        yield not_tried(WHAT, "there is no CUDA GPU to fill")
        return
    import torch

    free, total = torch.cuda.mem_get_info()
    others = total - free - torch.cuda.memory_reserved()
    if others > OTHERS:
        yield not_tried(WHAT, f"others use {others / GIB:.1f} GiB of it", "Ask again when this GPU is free.")
        return
    from seedscope.jobs.doctor.trial import TURBO, Trial

    trial = Trial(TURBO, "cuda", seeds=SEEDS)
    one, many = (_peak(trial, cells) for cells in (1, 2 * SEEDS))
    yield halved(trial, _filled(one + (many - one) // 3), {"peak_of_one": one, "peak_of_many": many})
    torch.cuda.empty_cache()


def halved(trial: Trial, full: AbstractContextManager[None], peaks: Facts) -> Finding:
    """Whether a unit that is one batch is drawn in smaller ones while memory is full, and all pictures are there."""
    batches, failed = _batches(trial, full)
    facts: Facts = {**peaks, "cells": len(trial.cells), "batches": [*batches], "failed": failed}
    if failed or sum(batches) != len(trial.cells):
        return problem(
            WHAT, f"{failed} of {len(trial.cells)} pictures failed", "Choose a smaller batch_size.", facts=facts
        )
    if len(batches) == 1:
        return not_tried(WHAT, "the batch fitted all the same", facts=facts)
    return ok(
        WHAT, f"a batch of {len(trial.cells)} that did not fit was drawn in batches of {max(batches)}", facts=facts
    )


def _batches(trial: Trial, full: AbstractContextManager[None]) -> tuple[list[int], int]:
    """How many pictures were drawn together each time, and how many failed."""
    from seedscope.pipeline.drawing.generate import OpenGenerate

    stage = OpenGenerate(trial.table, trial.drawing, len(trial.cells))
    with full:
        ((_, rows, made),) = stage.run(trial.unit, [trial.table])
    drawn = made["batches"]
    sizes = [int(str(size)) for size in drawn] if isinstance(drawn, list) else []
    return sizes, sum(status != "ok" for status in rows.column("status").to_pylist())


def _peak(trial: Trial, cells: int) -> int:
    """Bytes that torch takes of the GPU for a batch of so many cells."""
    import torch

    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    trial.draw(trial.cells[:cells])
    return torch.cuda.max_memory_reserved() - torch.cuda.memory_allocated()


@contextmanager
def _filled(left: int) -> Iterator[None]:
    """A GPU of whose memory only so many bytes are left."""
    import torch

    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    whole, rest = divmod(max(0, free - left), GIB)
    ballast = [torch.empty(size, dtype=torch.uint8, device="cuda") for size in [GIB] * whole + [rest]]
    try:
        yield
    finally:
        del ballast
        torch.cuda.empty_cache()
