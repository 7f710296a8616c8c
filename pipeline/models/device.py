"""Where tensors are worked on, and what is done when that is full."""

import gc
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from seedscope.pipeline.errors import ModelError

_OUT_OF_MEMORY = re.compile(
    r"out of memory"  # CUDA, HIP, MPS, XPU, as torch and as the drivers say it
    r"|(CUBLAS|CUDNN|CUSPARSE|CUSOLVER|HIPBLAS|ROCBLAS|MIOPEN)_STATUS_(ALLOC_FAILED|MEMORY_ERROR)"
    r"|unable to find an engine to execute this computation",  # cuDNN, where none fits into what is left
    re.IGNORECASE,
)
_ON_THE_HOST = "can't allocate memory"
"""torch's words where the system gives a CPU tensor no memory; the error is a bare RuntimeError."""


def memory_ran_out(error: Exception) -> bool:
    """Whether an error says that there is no memory left, on a device or on the host."""
    return isinstance(error, MemoryError) or _ON_THE_HOST in str(error) or _on_a_device(error)


def gpu_memory_ran_out(error: Exception) -> bool:
    """Whether an error says that a GPU has no memory left; if so, gives back to it what nobody uses."""
    import torch

    if not _on_a_device(error):
        return False
    # The frames of the traceback, and of what was raised before it, hold the tensors of what was tried.
    raised: BaseException | None = error
    while raised is not None:
        traceback.clear_frames(raised.__traceback__)
        raised = raised.__context__
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
    return True


class _Exact:
    """How many threads draw in exact float32, and what torch was set to before the first of them."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.threads = 0
        self.before = (True, False)


_EXACT = _Exact()


@contextmanager
def exact_float32() -> Iterator[None]:
    """While it lasts, float32 convolutions and products on a GPU are in float32, not in TF32, which has 10 bits of fraction.

    The setting is the process's: it is taken back when the last thread that is in here has left.

    Source: torch, `torch.backends.cudnn.allow_tf32`, which is on by default.
    """
    import torch

    convolutions, products = torch.backends.cudnn, torch.backends.cuda.matmul
    with _EXACT.lock:
        if not _EXACT.threads:
            _EXACT.before = convolutions.allow_tf32, products.allow_tf32
        _EXACT.threads += 1
        convolutions.allow_tf32 = products.allow_tf32 = False
    try:
        yield
    finally:
        with _EXACT.lock:
            _EXACT.threads -= 1
            if not _EXACT.threads:
                convolutions.allow_tf32, products.allow_tf32 = _EXACT.before


def _on_a_device(error: Exception) -> bool:
    import torch

    if isinstance(error, torch.cuda.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error)) is not None


def workers_a_node(device: str) -> int | None:
    """How many workers a machine is to have at most; None: as many as fit. An MPS device has one memory, and is one."""
    return 1 if device == "mps" else None


def pick_device(device: str) -> str:
    """The device that `auto` stands for: CUDA where there is one, else the CPU (MPS only when asked for).

    Raises:
        ModelError: it is not there.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("compute.device: is cuda, but torch sees no CUDA device here. Use auto or cpu.")
    if device == "mps" and not torch.backends.mps.is_available():
        raise ModelError("compute.device: is mps, but torch sees no MPS device here. Use auto or cpu.")
    return device
