"""The features of a study, and whether they can do what it wants of them."""

from seedscope.analysis.features import feature
from seedscope.analysis.features.base import Feature
from seedscope.analysis.seeds.distances.base import refuse_unknown
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.schema import Measured


def features_of(study: Measured) -> list[Feature]:
    """The features of a study.

    Raises:
        UserError: one does not exist, or cannot do what the study wants of it.
    """
    measured = [feature(choice.name, **choice.options) for choice in study.features]
    for key, name in study.ranking.named:
        if not _ranks(next(item for item in measured if item.name == name)):
            able = ", ".join(item.name for item in measured if _ranks(item)) or "none is measured"
            raise UserError(f"ranking.{key}: {name!r} says nothing about which seeds are good; of these do: {able}.")
    refuse_unknown(study.ranking.distances)
    if study.ranking.distances and not any(item.needs_reference for item in measured):
        raise UserError(
            "ranking.distances: no feature of the study is compared with reference pictures; measure one that is, such as "
            "fd_efficientnet_lite0, or leave the distances out."
        )
    return measured


def _ranks(item: Feature) -> bool:
    """Whether seeds can be ranked by a feature: a distance to reference pictures, or a number with a good direction."""
    return item.needs_reference or any(item.scalars().values())
