"""The features of a study, and whether they can do what it wants of them."""

from collections.abc import Sequence

from seedscope.analysis.features import feature
from seedscope.analysis.features.base import Feature
from seedscope.analysis.seeds.distances.base import refuse_unknown
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.models.locate import bundled
from seedscope.pipeline.study.schema import Measured, Ranking, Study


def features_of(study: Measured) -> list[Feature]:
    """The features of a study.

    Raises:
        UserError: one does not exist, or cannot do what the study wants of it.
    """
    measured = [feature(choice.name, **choice.options) for choice in study.features]
    if study.ranking is not None:
        _refuse_ranking(study.ranking, measured)
    needing = [item.name for item in measured if item.needs_reference]
    if needing and named_reference(study) is None:
        raise UserError(
            f"reference: {needing[0]} compares with reference pictures, and none are named. Give real pictures of what the "
            "prompts ask for, as a folder or a Parquet file; or measure and rank by what needs none, such as clip_score. "
            "(`reference: sprout` compares with the bundled pictures, as an older seedscope did without saying so.)"
        )
    return measured


def named_reference(study: Measured) -> str | None:
    """The reference pictures of a study: those that it names, or `sprout`; None of imported pictures without any."""
    return "sprout" if study.reference is None and isinstance(study, Study) else study.reference


def unnamed_reference(study: Study, measured: Sequence[Feature]) -> str | None:
    """A sentence where pictures of a model of one's own are compared with the bundled ones, and nobody has said so."""
    if study.reference is not None or study.model.id in bundled() or not any(item.needs_reference for item in measured):
        return None
    return (
        "Pictures are compared with the bundled reference pictures, rendered scenes of 64 x 64, as the study names no "
        "`reference`. Name real pictures of what its prompts ask for, or `reference: sprout` if you mean these."
    )


def _refuse_ranking(ranking: Ranking, measured: Sequence[Feature]) -> None:
    """Refuse what ranks by something that says nothing of seeds, or takes distances that there are not."""
    for key, name in ranking.named:
        if not _ranks(next(item for item in measured if item.name == name)):
            able = ", ".join(item.name for item in measured if _ranks(item)) or "none is measured"
            raise UserError(f"ranking.{key}: {name!r} says nothing about which seeds are good; of these do: {able}.")
    refuse_unknown(ranking.distances)
    if ranking.distances and not any(item.needs_reference for item in measured):
        raise UserError(
            "ranking.distances: no feature of the study is compared with reference pictures; measure one that is, such as "
            "fd_efficientnet_lite0, or leave the distances out."
        )


def _ranks(item: Feature) -> bool:
    """Whether seeds can be ranked by a feature: a distance to reference pictures, or a number with a good direction."""
    return item.needs_reference or any(item.scalars().values())
