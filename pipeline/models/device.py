"""Where tensors are worked on, and what is done when that is full."""

from seedscope.pipeline.errors import ModelError


def gpu_memory_ran_out(error: Exception) -> bool:
    """Whether an error says that a GPU has no memory left; if so, gives back to it what nobody uses."""
    import torch

    if not isinstance(error, torch.cuda.OutOfMemoryError):
        return False
    torch.cuda.empty_cache()
    return True


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
