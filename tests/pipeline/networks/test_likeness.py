"""Likenesses are those of the features of the same name, and what is missing or wrong is said in a sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_classifier
import torch
import transformers
from given_pictures import picture

from seedscope.analysis.features.clip_score import ClipScore
from seedscope.analysis.features.style import StyleLite0
from seedscope.pipeline.errors import FeatureError
from seedscope.pipeline.networks.likeness import cause_of, likeness_of
from seedscope.pipeline.study.similarity import Similarity

PIXELS = np.stack([np.asarray(picture(seed)) for seed in range(3)])


def measured(prompt: str = "", **fields: Any) -> np.ndarray:
    measure = likeness_of(Similarity.model_validate(fields)).load("cpu")(prompt)
    with torch.no_grad():
        return measure(torch.from_numpy(PIXELS).permute(0, 3, 1, 2).float()).numpy()


def test_of_a_text_it_is_the_clip_score() -> None:
    scores = ClipScore("sprout-clip").load("cpu").compute(PIXELS, ["a cat at night"] * 3)["clip_score"].to_numpy()
    np.testing.assert_allclose(measured(to={"text": "a cat at night"}, by="sprout-clip"), scores, atol=1e-5)
    found = measured("a cat", to={"text": "{prompt} at night"}, by="sprout-clip")
    np.testing.assert_allclose(found, scores, atol=1e-5)


def test_a_picture_is_most_like_itself_and_its_own_style(tmp_path: Path) -> None:
    picture(1).save(tmp_path / "one.png")
    cosines = measured(to={"picture": str(tmp_path / "one.png")}, by="sprout-clip")
    assert cosines[1] == pytest.approx(1, abs=1e-5) and (np.delete(cosines, 1) < 0.999).all()
    losses = measured(to={"style": str(tmp_path / "one.png")})
    sketches = np.stack(StyleLite0().load("cpu").compute(PIXELS, [""] * 3)[StyleLite0.name].to_numpy(False))
    distances = ((sketches - sketches[1]) ** 2).sum(axis=1)
    assert losses[1] == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(-losses, distances, rtol=0.25, atol=1e-6)  # the feature's are sketches: 4.4 % a layer


def test_a_class_is_named_by_its_label_one_of_its_names_or_its_number(tmp_path: Path) -> None:
    folder = str(tiny_classifier.classifier(tmp_path / "classifier"))
    found = [measured(to={"class": name}, by=folder) for name in ("Goldfish", "goldfish, carassius auratus", "1")]
    assert (found[0] < 0).all() and (found[0] == found[1]).all() and (found[0] == found[2]).all()
    others = [measured(to={"class": name}, by=folder) for name in ("tabby", "red apple")]
    np.testing.assert_allclose(np.exp([found[0], *others]).sum(axis=0), 1, rtol=1e-5)


def test_a_classifier_that_looks_at_the_middle_has_the_gradient_of_finite_differences_there(tmp_path: Path) -> None:
    folder = tiny_classifier.classifier(tmp_path / "classifier", crops=True)
    like = Similarity.model_validate({"to": {"class": "tabby"}, "by": str(folder)})
    measure, given = likeness_of(like).load("cpu")(""), torch.from_numpy(PIXELS).permute(0, 3, 1, 2).float()
    found = measure(given.requires_grad_())
    (gradient,) = torch.autograd.grad(found.sum(), given)
    stock = transformers.AutoModelForImageClassification.from_pretrained(folder)
    inputs = transformers.AutoImageProcessor.from_pretrained(folder)(given.detach(), return_tensors="pt")
    with torch.no_grad():
        expected = stock(**inputs).logits.log_softmax(dim=1)[:, 0]
        step = 0.05 * gradient.sign()
        apart = (measure(given + step) - measure(given - step)) / 0.1
    torch.testing.assert_close(found.detach(), expected)
    torch.testing.assert_close(apart, gradient.abs().sum(dim=(1, 2, 3)), rtol=0.02, atol=0.0)
    side = PIXELS.shape[1]
    assert not gradient[..., 0].any() and gradient[..., side // 2].any()


@pytest.mark.parametrize("says_so", [True, False])
def test_what_a_classifier_that_looks_at_the_middle_makes_is_of_another_cause_than_that_of_whole_pictures(
    says_so: bool, tmp_path: Path
) -> None:
    """Earlier versions gave it whole pictures, under `{class, model}` alone; of other classifiers nothing changed."""
    for crops in (False, True):
        folder = tiny_classifier.classifier(tmp_path / str(crops), crops=crops)
        file = folder / "preprocessor_config.json"
        if crops and not says_so:  # the class crops by default
            settings = json.loads(file.read_text()) | {"image_processor_type": "MobileViTImageProcessor"}
            del settings["do_center_crop"]
            file.write_text(json.dumps(settings))
        cause = cause_of(Similarity.model_validate({"to": {"class": "tabby"}, "by": str(folder)}))
        assert cause["version"] == 1 and isinstance(cause["to"], dict)
        assert cause["to"].keys() == {"class", "model"} | ({"version"} if crops else set())


def test_mistakes_are_said_in_a_sentence(tmp_path: Path) -> None:
    folder = str(tiny_classifier.classifier(tmp_path / "classifier"))
    (tmp_path / "text.png").write_text("no picture")
    for fields, said in (
        ({"to": {"class": "goldfsh"}, "by": folder}, "knows no class 'goldfsh'; did you mean 'goldfish'?"),
        ({"to": {"class": "zzz"}, "by": folder}, "knows no class 'zzz'; it knows 3, such as 'tabby, tabby cat'"),
        ({"to": {"text": "a cat"}, "by": folder}, "is of a model of type 'vit'; one of type 'clip' is needed"),
        ({"to": {"text": "a cat"}, "by": "sprout-clop"}, "there is no model 'sprout-clop'; bundled are"),
        (
            {"to": {"picture": "no.png"}, "by": "sprout-clip"},
            "to.picture: no.png cannot be read as a picture: there is no",
        ),
        ({"to": {"style": str(tmp_path / "text.png")}}, "cannot be read as a picture: not a readable picture"),
        ({"to": {"style": str(tmp_path)}}, "it is a folder, not a file"),
    ):
        with pytest.raises(FeatureError, match=r"^sampling\.guidance\.similarity\.") as error:
            cause_of(Similarity.model_validate(fields))
        assert said in str(error.value) and str(error.value).endswith(("?", "."))


def test_a_text_that_clip_cannot_read_whole_is_refused() -> None:
    with pytest.raises(FeatureError, match="to.text: the text is longer than CLIP reads"):
        measured(to={"text": "cat " * 100}, by="sprout-clip")
