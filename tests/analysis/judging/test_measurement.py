"""Which feature a measurement comes from: known of a feature, and never guessed between two."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_run import publish_run

from seedscope.analysis.comparing.finished_run import FinishedRun
from seedscope.analysis.features import feature
from seedscope.analysis.judging.golden_list import golden_seeds
from seedscope.analysis.judging.golden_rules import choose
from seedscope.analysis.judging.judge import judge
from seedscope.analysis.judging.measurement import UnclearFeature, feature_by_name, measurements, quality
from seedscope.analysis.run.opened import opened
from seedscope.analysis.run.run import DrawnRun


def test_measurements_keep_their_feature_and_column() -> None:
    text, share = measurements(feature("text"))
    assert [(item.name, item.feature, item.column) for item in (text, share)] == [
        ("text", "text", "text"),
        ("text_share", "text", "text_share"),
    ]
    assert text.is_rate and not share.is_rate and quality(feature("text")) == text
    assert ("looks_sky", "looks", "sky") in [(m.name, m.feature, m.column) for m in measurements(feature("looks"))]
    assert quality(feature("fd_efficientnet_lite0")).name == "fd_efficientnet_lite0_witness"


def test_a_name_that_fits_one_feature_is_its_own() -> None:
    features = ["looks", "clip_score", "text", "fd_clip"]
    assert feature_by_name("looks_sky", features) == "looks" and feature_by_name("text_share", features) == "text"
    assert feature_by_name("clip_score", features) == "clip_score" and feature_by_name("fd_clip", features) == "fd_clip"
    assert feature_by_name("fd_clip_witness", features) == "fd_clip"


def test_a_name_that_fits_two_features_or_none_is_refused() -> None:
    with pytest.raises(UnclearFeature, match="looks_more_sky: its name says that it is of looks or looks_more"):
        feature_by_name("looks_more_sky", ["looks_more", "looks", "text"][::-1])
    assert feature_by_name("looks_sky", ["looks_more", "looks"]) == "looks"
    with pytest.raises(UnclearFeature, match="no feature of the run.*seedscope seeds STUDY"):
        feature_by_name("lookss", ["looks"])


BY_BOTH = {"by": {"clip_score": 1, "text": 2}, "golden": 2, "shuffles": 20}
FEATURES = [{"clip_score": {"model": "sprout-clip"}}, {"text": {"detector": "sprout-layout/segmentation"}}, "looks"]


def judged(folder: Path, features: list[object]) -> tuple[Path, dict[str, np.ndarray]]:
    """A made-up run, judged by the combined score of two features: its folder, and each measurement's effects."""
    folder.mkdir()
    draw = np.random.default_rng(3)
    values = {name: draw.random((8, 6)) for name in ("clip_score", "text_share", "brightness")}
    values["text"] = draw.random((8, 6)) > 0.5
    study = publish_run(folder, values, features=features, ranking=BY_BOTH)
    with opened(study, folder / "run") as run:
        found = judge(run)
    return folder / "run", {name: scalar.effects.effect for name, scalar in found.scalars.items()}


def test_nothing_depends_on_the_order_of_features(tmp_path: Path) -> None:
    """The combined score takes its scale from the prompts to rank on, whichever feature was read last."""
    _, first = judged(tmp_path / "first", FEATURES)
    _, last = judged(tmp_path / "last", FEATURES[::-1])
    assert "combined" in first and first.keys() == last.keys()
    for name, effects in first.items():
        np.testing.assert_array_equal(effects, last[name], err_msg=name)


def test_a_finished_run_knows_the_features_by_its_study_and_one_of_0_1_0_by_names(tmp_path: Path) -> None:
    folder, _ = judged(tmp_path / "one", FEATURES)
    with opened(tmp_path / "one" / "study.yaml", folder) as run:
        assert isinstance(run, DrawnRun)
        found = judge(run)
        golden_seeds(run, found, choose(run, found)).save(folder / "golden.json")
    kept = FinishedRun.open(folder)
    assert kept.feature_of["text_share"] == "text" and set(kept.feature_of.values()) == {"clip_score", "text", "looks"}
    assert kept.made_of("looks_sky") == ["looks"] and kept.made_of("combined") == ["clip_score", "text"]
    (folder / "study.json").unlink()
    older = FinishedRun.open(folder)
    assert not older.feature_of and older.made_of("combined") == ["clip_score", "text"]
    two = {"looks": "a", "looks_more": "b"}
    assert replace(kept, features=two, feature_of={"looks_more_sky": "looks"}).made_of("looks_more_sky") == ["looks"]
    with pytest.raises(UnclearFeature, match="looks or looks_more"):
        replace(older, features=two).made_of("looks_more_sky")
