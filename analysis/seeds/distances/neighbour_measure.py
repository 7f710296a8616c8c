"""What the measures that compare a seed's pictures with their real neighbours share: the real pictures, and that higher is
better."""

from __future__ import annotations

from seedscope.analysis.seeds.distances.base import Distance, RealFeatures


class NeighbourMeasure(Distance):
    """A measure of a seed's pictures among the real ones."""

    better = "higher"

    def __init__(self, real: RealFeatures) -> None:
        self.real = real.neighbours
        self.real_images, self.dimensions = self.real.features.shape

    def caution(self, images: int) -> str | None:  # noqa: ARG002  (for those that depend on it)
        kept, there = len(self.real.features), self.real.there
        return None if kept == there else f"against {kept:,} of {there:,} reference pictures"
