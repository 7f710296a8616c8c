"""sprout-clip: stock classes load it, it prefers what fits and is whole, and its training can be gone on with."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import resuming
import torch
from repository import SPROUT
from transformers import AutoModel, AutoProcessor, CLIPModel, CLIPProcessor

from seedscope.jobs.sprout import clip, world
from seedscope.jobs.sprout.clip_claims import caption_of, claims, truths
from seedscope.jobs.sprout.clip_pairs import DAMAGES, KINDS, SEEDS_A_PAIR, make_pair
from seedscope.jobs.sprout.judge import judge_clip
from seedscope.jobs.sprout.networks import TOKENS

FOLDER = SPROUT / "sprout-clip"
needs_fonts = pytest.mark.skipif(
    not (world.EMOJI_FONT.exists() and world.WORD_FONT.exists()),
    reason="rendering needs Debian's fonts-noto-color-emoji and fonts-dejavu-core",
)


@pytest.fixture(scope="module")
def scorer() -> judge_clip.Scorer:
    return judge_clip.Scorer(FOLDER)


@pytest.fixture(scope="module")
def scenes() -> list[world.Scene]:
    return [world.render(judge_clip.FIRST_HELD_OUT + i) for i in range(64)]


def test_stock_classes_load_the_small_folder_told_nothing() -> None:
    files = list(FOLDER.iterdir())
    assert sum(path.stat().st_size for path in files) < 2.6e6
    assert {path.suffix for path in files} == {".json", ".safetensors"}
    for model in (CLIPModel.from_pretrained(FOLDER), AutoModel.from_pretrained(FOLDER)):
        assert type(model) is CLIPModel
        assert model.dtype == torch.float32
    for processor in (CLIPProcessor.from_pretrained(FOLDER), AutoProcessor.from_pretrained(FOLDER)):
        assert type(processor) is CLIPProcessor
        assert processor.tokenizer.model_max_length == TOKENS


def test_pictures_of_any_size_are_prepared_and_those_of_the_worlds_only_rescaled(scorer: judge_clip.Scorer) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    prepared = scorer.processor(images=picture, return_tensors="pt").pixel_values
    assert torch.allclose(prepared, torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1, atol=1e-6)
    assert scorer.table([np.full((90, 120, 3), 200, dtype=np.uint8)], ["a cat"]).shape == (1, 1)


@pytest.mark.parametrize("eos", [2, None])
def test_a_caption_is_read_at_its_end_in_old_releases_and_new_ones(scorer: judge_clip.Scorer, eos: int | None) -> None:
    """An end token 2 in the configuration stands for releases that took the largest token."""
    text = scorer.model.text_model
    tokens = scorer.processor.tokenizer(
        ["a cat", "a small red soccer ball on grass"], padding=True, return_tensors="pt"
    )
    ends = tokens.attention_mask.sum(1) - 1
    kept = text.eos_token_id
    text.eos_token_id = kept if eos is None else eos
    try:
        with torch.inference_mode():
            read = text(**tokens)
    finally:
        text.eos_token_id = kept
    assert kept == tokens.input_ids.max() == len(scorer.processor.tokenizer) - 1
    assert torch.equal(read.pooler_output, read.last_hidden_state[torch.arange(2), ends])


def test_the_tokenizer_knows_every_word_of_the_world() -> None:
    tokenizer = clip.new_clip_tokenizer()
    tokens = tokenizer(" ".join(world.vocabulary())).input_ids
    assert len(tokens) == len(set(tokens)) == len(world.vocabulary()) + 2
    assert tokenizer.unk_token_id not in tokens
    assert tokenizer("a zebra").input_ids[2] == tokenizer.unk_token_id


@needs_fonts
def test_the_right_caption_scores_above_a_wrong_one(scorer: judge_clip.Scorer, scenes: list[world.Scene]) -> None:
    pictures = [scene.pixels for scene in scenes]
    right, wrong = judge_clip.object_scores(scorer, pictures, [str(scene.object) for scene in scenes])
    assert wrong.shape == (64, 39)
    assert judge_clip.area_under_curve(right, wrong.ravel()) > 0.97


@needs_fonts
@pytest.mark.parametrize("kind", DAMAGES)
def test_the_better_picture_scores_higher(scorer: judge_clip.Scorer, kind: str) -> None:
    pairs = [make_pair(kind, judge_clip.FIRST_HELD_OUT + i * SEEDS_A_PAIR, training=False) for i in range(48)]
    assert judge_clip._share_right(scorer, pairs) > 0.9


@needs_fonts
def test_scores_do_not_depend_on_the_batch(scorer: judge_clip.Scorer, scenes: list[world.Scene]) -> None:
    pictures, captions = [scene.pixels for scene in scenes], [scene.caption for scene in scenes]
    together = scorer.each(pictures, captions)
    backwards = scorer.each(pictures[::-1], captions[::-1])[::-1]
    alone = np.concatenate([scorer.each([p], [c]) for p, c in zip(pictures[:8], captions[:8], strict=True)])
    assert np.abs(together - backwards).max() < 1e-4
    assert np.abs(together[:8] - alone).max() < 1e-4


@needs_fonts
def test_captions_are_what_they_claim(scenes: list[world.Scene]) -> None:
    for scene in scenes:
        claimed = claims(scene.caption)
        assert claimed["object"] == scene.object
        assert caption_of(claimed) == scene.caption


@needs_fonts
def test_a_caption_is_true_of_its_own_scene_and_false_where_a_claim_is(scenes: list[world.Scene]) -> None:
    true, unknown = truths([scene.caption for scene in scenes], scenes)
    assert (true | unknown).diagonal().all()
    assert not (true & unknown).any()
    cat = next(s for s in map(partial(world.render, object_name="cat"), range(999)) if s.place == "grass" and s.colour)
    assert not cat.greyscale
    captions = ["a cat", f"a {cat.colour} cat on grass", "a dog", "a cat in snow", "a black and white cat"]
    assert truths(captions, [cat])[0].tolist() == [[True, True, False, False, False]]


@needs_fonts
@pytest.mark.parametrize("kind", KINDS)
def test_pairs_differ_where_they_should_and_are_the_same_each_time(kind: str) -> None:
    for i in range(8):
        first = judge_clip.FIRST_HELD_OUT + i * SEEDS_A_PAIR
        pair, again = make_pair(kind, first, training=False), make_pair(kind, first, training=False)
        assert np.array_equal(pair.worse, again.worse)
        assert (pair.caption != pair.worse_caption) == (kind == "wrong caption")
        assert (np.abs(pair.better - pair.worse).mean() > 0.5) == (kind != "wrong caption")
        assert 0 <= pair.worse.min() <= pair.worse.max() <= 255


def test_the_area_under_the_curve_is_a_share_of_pairs() -> None:
    rng = np.random.default_rng(0)
    higher, lower = rng.integers(0, 9, 30).astype(np.float32), rng.integers(0, 6, 50).astype(np.float32)
    difference = higher[:, None] - lower
    assert judge_clip.area_under_curve(higher, lower) == pytest.approx(
        (difference > 0).mean() + (difference == 0).mean() / 2
    )


def test_the_contrastive_loss_is_least_where_truth_scores_highest() -> None:
    true = torch.tensor([[True, False, True], [False, True, False]])
    unknown = torch.tensor([[False, True, False], [False, False, False]])
    good = clip.contrastive_loss(20.0 * true, true, unknown)
    bad = clip.contrastive_loss(-20.0 * true, true, unknown)
    assert good == pytest.approx((np.log(2) / 2) / 2, abs=1e-3)  # two captions are true of the first picture
    assert bad > 10
    shifted = torch.where(unknown, 50.0, 20.0 * true)
    assert clip.contrastive_loss(shifted, true, unknown) == good


@needs_fonts
def test_a_training_that_was_stopped_ends_in_the_same_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip, "BATCH", 16)
    monkeypatch.setattr(clip, "PAIRS", 6)
    assert resuming.ends_where_a_whole_run_does(partial(clip.ClipTask, 0), tmp_path)
