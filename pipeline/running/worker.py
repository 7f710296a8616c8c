"""What a worker does, be it a Ray actor or this process: it opens stages, and makes units with them."""

import ctypes
import platform
from collections.abc import Iterable, Mapping

from seedscope.pipeline.garbage import search_seldom
from seedscope.pipeline.large_pictures import accept_large_pictures
from seedscope.pipeline.run_extra import told_if_missing
from seedscope.pipeline.running.attempt import Assignment, Result, attempt
from seedscope.pipeline.running.stage import OpenStage, Stage

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # from malloc.h


class Worker:
    """Becomes a Ray actor. It keeps every stage that it has opened."""

    def __init__(self, stages: Mapping[str, Stage], threads: int) -> None:
        self._stages, self._threads = stages, threads
        self._opened: dict[str, OpenStage] = {}

    def ready(self) -> None:
        """Returns when the worker can be given units."""
        search_seldom()
        prepare(self._stages.values(), self._threads)

    def open(self, work: str) -> None:
        """Open a stage, in a call of its own: of what goes wrong in it no unit is to blame."""
        with told_if_missing():
            self._opened[work] = self._stages[work].open()

    def make(self, assignment: Assignment) -> Result:
        return attempt(self._opened[assignment.work], assignment)


def prepare(stages: Iterable[Stage], threads: int) -> None:
    """Prepare a process for stages: where none of them computes with torch, memory of pictures goes back to the system."""
    if any(stage.uses_torch() for stage in stages):
        settle(threads)
    else:
        accept_large_pictures()
        _malloc({_M_TRIM_THRESHOLD: 2**25, _M_MMAP_THRESHOLD: 2**23})  # both rise otherwise with what is freed


def settle(threads: int) -> None:
    """Prepare a process for work on pictures and tensors.

    glibc gives freed memory back to the system at once, and torch asks for it again in the next layer: on a CPU, page
    faults then take more time than the network (a third of the pictures a second, EfficientNet-Lite0 on batches of 32).
    """
    import torch

    accept_large_pictures()
    torch.set_num_threads(threads)
    _malloc({_M_TRIM_THRESHOLD: 2**30, _M_MMAP_THRESHOLD: 2**30})


def _malloc(options: Mapping[int, int]) -> None:
    """Tell glibc's malloc, where that is what there is."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        for option, value in options.items():
            libc.mallopt(option, value)
