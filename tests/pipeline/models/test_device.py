"""Which errors say that memory ran out, in the words of each kind of device."""

import weakref

import pytest
import torch

from seedscope.pipeline.models.device import gpu_memory_ran_out, memory_ran_out


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8 GB, other allocations: 1 GB, max allowed: 9 GB)"),
        RuntimeError("HIP out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("XPU out of memory."),
    ],
)
def test_a_full_device(error: Exception) -> None:
    assert gpu_memory_ran_out(error) and memory_ran_out(error)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("mat1 and mat2 must have the same dtype"), ValueError("out of memory"), KeyError("unet")],
)
def test_other_errors(error: Exception) -> None:
    assert not gpu_memory_ran_out(error) and not memory_ran_out(error)


def _fills(kept: list[weakref.ref[torch.Tensor]]) -> None:
    tensor = torch.zeros(4)
    kept.append(weakref.ref(tensor))
    raise RuntimeError("CUDA out of memory.")


def _fills_twice(kept: list[weakref.ref[torch.Tensor]]) -> None:
    """As where a hook or a decoder fails while an error is handled."""
    other = torch.zeros(4)
    kept.append(weakref.ref(other))
    try:
        _fills(kept)
    except RuntimeError:
        _fills(kept)


def test_what_was_tried_is_given_back_before_it_is_tried_again() -> None:
    kept: list[weakref.ref[torch.Tensor]] = []
    try:
        _fills_twice(kept)
    except RuntimeError as error:
        assert len(kept) == 3 and kept[0]() is not None
        assert gpu_memory_ran_out(error)
        assert [each() for each in kept] == [None, None, None]


def test_a_full_host() -> None:
    error = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
    assert memory_ran_out(error) and not gpu_memory_ran_out(error)
    assert memory_ran_out(MemoryError())
