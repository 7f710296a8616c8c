"""From image shards to decisions: features of pictures, statistics of seeds, selections of them, and the report.

`GoldenSeeds` is for use in anybody's diffusers code:

    from seedscope.analysis import GoldenSeeds
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedscope.analysis.select.golden import GoldenMismatch, GoldenSeeds

__all__ = ["GoldenMismatch", "GoldenSeeds"]


def __getattr__(name: str) -> object:
    # Loaded when asked for: `import seedscope.analysis` by itself needs no torch.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from seedscope.analysis.select import golden

    return getattr(golden, name)
