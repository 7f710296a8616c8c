"""What a UNet attends to is recorded as it is, and its pictures stay what they are."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import PNDMScheduler
from pairs_study import of_pairs

from seedscope.pipeline.drawing.draw import Drawing
from seedscope.pipeline.drawing.probes.attention_norms import AttentionNorms, Recorders
from seedscope.pipeline.drawing.probes.negative_strength import (
    NegativeStrength,
    refuse_unreadable,
    strength_table,
)
from seedscope.pipeline.drawing.probes.word_places import word_places
from seedscope.pipeline.drawing.tasks.negatives import Negatives
from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.cut_prompts import tokenizer_of
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.models.unet_denoiser import UNetDenoiser
from seedscope.pipeline.running.stage import make
from seedscope.pipeline.storage import storage
from seedscope.pipeline.study.plan import Edition, Unit, plan
from seedscope.pipeline.study.schema import Sampling, Study

PAIRS = "prompt,negative,word,null\na small cat,on grass,small cat,key\na dog,red,dog,soccer ball\n"


def opened(folder: Path, **guidance: Any) -> tuple[Study, Negatives, Unit]:
    study = of_pairs(folder, pairs=PAIRS, **guidance)
    task = Negatives.of(study, locate(study.model))
    (unit,) = plan([Edition(tuple(task.prompts()), (0,))], study.unit)
    return study, task, unit


class Plain:
    """Pictures of a unit without any recorder, and what went into each layer that attends to a text."""

    def __init__(self, study: Study, task: Negatives, unit: Unit) -> None:
        drawing = Drawing(study, locate(study.model), task)
        model = drawing.model
        assert isinstance(model, UNetDenoiser)
        self.layers = [part for name, part in model.pipe.unet.named_modules() if name.endswith("attn2")]
        self.seen: list[tuple[Any, torch.Tensor, torch.Tensor]] = []
        for layer in self.layers:
            layer.register_forward_pre_hook(self._note, with_kwargs=True)
        drawing.begin(unit)
        self.pictures = drawing.draw(list(unit.cells))[0].int()

    def _note(self, layer: Any, args: tuple[torch.Tensor, ...], options: dict[str, torch.Tensor]) -> None:
        self.seen.append((layer, args[0], options["encoder_hidden_states"]))

    def norms(self, step: int, rows: slice, places: list[list[int]]) -> torch.Tensor:
        """Sums over layers of the norms of words' columns, for some rows of the batch: softmax(Q K^T / sqrt(d)) in float64."""
        total = torch.zeros(len(places), dtype=torch.float64)
        for layer, cells, texts in self.seen[step * len(self.layers) : (step + 1) * len(self.layers)]:
            query, key = layer.to_q(cells[rows]).double(), layer.to_k(texts[rows]).double()
            for picture, of_word in enumerate(places):
                heads = [
                    torch.softmax(q @ k.T / q.shape[1] ** 0.5, dim=1)
                    for q, k in zip(*(each[picture].chunk(layer.heads, dim=1) for each in (query, key)), strict=True)
                ]
                total[picture] += torch.linalg.norm(sum(heads)[:, of_word].sum(1) / layer.heads)  # type: ignore[index]  # of tensors
        return total


def recorded(study: Study, task: Negatives, unit: Unit, folder: Path) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Branch -> (T, B) of the unit; and its pictures."""
    located = locate(study.model)
    table = strength_table(storage(folder / "run"), "pictures")
    stage = NegativeStrength(study, located, table, task).open()
    make(stage, unit)
    pictures = stage.drawing.draw(list(unit.cells))[0].int()
    rows = table.read(unit.name, ["negative", "positive"]).to_pylist()
    nan = float("nan")
    found = {
        branch: torch.tensor([[nan if each is None else each for each in row[branch]] for row in rows]).T
        for branch in ("negative", "positive")
    }
    return found, pictures


def test_norms_are_those_of_a_computation_of_their_own_and_pictures_stay(tmp_path: Path) -> None:
    study, task, unit = opened(tmp_path)
    found, pictures = recorded(study, task, unit, tmp_path)
    plain = Plain(study, task, unit)
    assert (pictures - plain.pictures).abs().max() <= 1
    assert {each.shape for each in found.values()} == {(3, 4)}
    tokenizer = tokenizer_of(locate(study.model))
    words: dict[str, list[list[int]]] = {"negative": [], "positive": []}
    for prompt, _ in unit.cells:
        given = task.given[prompt.id]
        words["negative"].append(word_places(tokenizer, given.negative, given.negative, 16))
        words["positive"].append(word_places(tokenizer, prompt.text, given.pair.word, 16))
    assert [len(each) for each in words["negative"]] == [2, 1, 1, 2] and len(words["positive"][0]) == 2
    for step in range(3):  # in the order of the branches: negative, then positive
        for branch, rows in (("negative", slice(0, 4)), ("positive", slice(4, 8))):
            torch.testing.assert_close(
                found[branch][step].double(), plain.norms(step, rows, words[branch]), rtol=1e-3, atol=1e-5
            )


def test_a_branch_that_does_not_run_yet_has_no_number_and_the_order_of_branches_is_minded(tmp_path: Path) -> None:
    study, task, unit = opened(tmp_path, negative_from=1, negative_scale=1.0)
    found, _ = recorded(study, task, unit, tmp_path)
    assert torch.isnan(found["negative"][0]).all() and not torch.isnan(found["negative"][1:]).any()
    plain = Plain(study, task, unit)
    words = [[2, 3], [2, 3], [2], [2]]  # "small cat" and "dog", behind the mark of the start and "a"
    # empty and positive at step 0; then empty, negative, positive
    torch.testing.assert_close(found["positive"][0].double(), plain.norms(0, slice(4, 8), words), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(found["positive"][1].double(), plain.norms(1, slice(8, 12), words), rtol=1e-3, atol=1e-5)


def test_columns_of_a_word_are_added_up_before_the_norm_and_heads_averaged() -> None:
    norms = AttentionNorms({"positive": [[1, 2]]}, Sampling.model_validate({"guidance": {"scale": 1.0}}))
    norms.model_input(torch.zeros(1))
    maps = torch.tensor([[[0.2, 0.3, 0.5]], [[0.6, 0.1, 0.3]]])  # two heads of one cell
    norms.attended(maps, heads=2)
    norms.attended(maps, heads=2)
    assert norms.found["positive"][0].tolist() == pytest.approx([2 * 0.6])


def test_a_step_of_a_warm_up_counts_as_the_last() -> None:
    sampling = Sampling.model_validate({"steps": 2, "guidance": {"negative_prompt": "red", "negative_from": 2}})
    norms, scheduler = AttentionNorms({"negative": [[1]]}, sampling), PNDMScheduler(skip_prk_steps=True)
    norms.begin(scheduler)
    for step in range(3):
        norms.model_input(torch.zeros(1))
        norms.after_step(torch.zeros(1), scheduler, step)
    assert [step.isnan().item() for step in norms.found["negative"]] == [True, True, True]


def test_a_network_whose_attention_cannot_be_read_is_refused() -> None:
    with pytest.raises(ModelError, match="its UNet has object, whose attention cannot be read"):
        Recorders(SimpleNamespace(attn_processors={"blocks.0.attn2.processor": object()}))
    with pytest.raises(ModelError, match="no layers that attend to a text"):
        Recorders(SimpleNamespace(attn_processors={}))


@pytest.mark.parametrize(
    ("text", "word", "said"),
    [
        ("a cat", "zebra", "'zebra': is not a word that this model's tokenizer knows"),
        ("a cat", "dog", "'dog': has no tokens of its own in 'a cat'"),
        ("red " * 20 + "cat", "cat", "'cat': stands where 'red red"),
    ],
)
def test_words_that_cannot_be_found_are_told(text: str, word: str, said: str) -> None:
    tokenizer = tokenizer_of(
        locate(Study.model_validate({"name": "t", "model": "sprout", "prompts": ["a"], "seeds": 0}).model)
    )
    with pytest.raises(ModelError, match=said):
        word_places(tokenizer, text, word, 16)


def test_words_are_looked_for_before_a_model_is_loaded(tmp_path: Path) -> None:
    study = of_pairs(tmp_path, pairs="prompt,negative,word,null\na cat,zebra,cat,key\n")
    located = locate(study.model)
    with pytest.raises(ModelError, match="'zebra'"):
        refuse_unreadable(located, study.sampling, Negatives.of(study, located))
    chunks = study.sampling.model_copy(update={"long_prompts": "chunks"})
    with pytest.raises(ModelError, match="Remove long_prompts"):
        refuse_unreadable(located, chunks, Negatives.of(study, located))
