"""The scalar measurements of a feature: which column each comes from, and what it is called among those of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from seedscope.analysis.direction import Better
from seedscope.analysis.features.base import Feature
from seedscope.analysis.features.preference import Preference
from seedscope.analysis.seeds.distances.base import FRECHET
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.tables.columns import About, about

WITNESS = "witness"


class UnclearFeature(UserError, LookupError):
    """The name of a measurement alone does not say which feature it comes from."""


@dataclass(frozen=True)
class Measurement:
    """One number, or yes or no, of every picture.

    feature: its name. column: that of the feature's table, or `witness`, which is computed of the feature's vectors. better:
    which values are good; None where neither is. is_rate: whether it is yes or no. about: what it means.
    """

    feature: str
    column: str
    better: Better | None
    is_rate: bool = False
    about: About = field(default=About(""), compare=False)

    @property
    def name(self) -> str:
        """What it is called among the measurements of a run: `looks_brightness`, `clip_score`, `fd_clip_witness`."""
        return self.column if self.column.startswith(self.feature) else f"{self.feature}_{self.column}"


def witness(feature: str) -> Measurement:
    """What each picture adds to the distance of a feature from the reference pictures."""
    said = "What the picture adds to the distance of its seed from the reference pictures, less the mean."
    return Measurement(feature, WITNESS, "lower", about=About(said, "squares of feature values", "lower"))


def measurements(feature: Feature) -> list[Measurement]:
    """All of a feature, in the order of its columns."""
    columns = {item.name: item for item in feature.columns()}
    scalars = [
        Measurement(
            feature.name, name, better, pa.types.is_boolean(columns[name].type), about(columns[name]) or About(name)
        )
        for name, better in feature.scalars().items()
    ]
    return [witness(feature.name), *scalars] if feature.needs_reference else scalars


def quality(feature: Feature) -> Measurement:
    """That by which a feature says which seeds are good."""
    return next(item for item in measurements(feature) if item.better is not None)


def good_measurement(measured: Sequence[Feature], named: str | None, option: str) -> Measurement:
    """That of single pictures by which they are judged: the named one, the first preference score, or the first with a good
    direction.

    Args:
        option: by which a person names one.

    Raises:
        UserError: there is none, or not that one.
    """
    able = [
        item
        for feature in measured
        for item in measurements(feature)
        if item.better is not None and item.column != WITNESS
    ]
    if named is not None:
        if found := [item for item in able if item.name == named]:
            return found[0]
        known = ", ".join(item.name for item in able) or "none is measured"
        raise UserError(f"{option} {named}: is no measurement of this study with a good direction; such are: {known}.")
    if not able:
        raise UserError(
            "The study measures nothing by which a single picture is good. Add clip_score to its features, then run "
            "`seedscope features`."
        )
    liked = {feature.name for feature in measured if isinstance(feature, Preference)}
    return next((item for item in able if item.feature in liked), able[0])


def distance_name(feature: str, distance: str) -> str:
    """What a distance of a feature is called; the Frechet distance like the feature itself."""
    return feature if distance == FRECHET else f"{feature}_{distance}"


def feature_by_name(measure: str, features: Iterable[str]) -> str:
    """The feature of a measurement of which nothing but the name is known.

    For run folders of 0.1.0, which keep neither their study nor the columns of measurements. The name is the feature's, or
    begins with it and `_`. Where that is true of two, such as `looks` and `looks_more`, the name does not tell.

    Raises:
        UnclearFeature: no feature, or more than one, fits.
    """
    fitting: Sequence[str] = [name for name in features if measure == name or measure.startswith(f"{name}_")]
    if len(fitting) == 1:
        return fitting[0]
    which = f"{' or '.join(fitting)}" if fitting else "no feature of the run"
    raise UnclearFeature(
        f"{measure}: its name says that it is of {which}, which does not tell how it was measured. `seedscope seeds STUDY "
        "--out RUN` keeps the study in the run folder, which tells."
    )
