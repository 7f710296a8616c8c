"""Sets of seeds that push each other apart: equal to plain sampling without a push, whole in every batch, named by rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from repository import SPROUT
from stock_pictures import study as plain

from seedscope.analysis.run.drawn_run import drawn_run
from seedscope.analysis.run.opened import begun
from seedscope.analysis.run.run import DrawnRun
from seedscope.jobs.planning.redraw import audit
from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.drawing.draw import Drawing
from seedscope.pipeline.drawing.generate import Generate, whole_sets
from seedscope.pipeline.drawing.tasks import task_of
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.images import decode
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.running.stage import make
from seedscope.pipeline.study.plan import Edition, Unit, by_sets, plan
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import Study, UnitShape
from seedscope.pipeline.tables.run_folder import RunFolder


def study(options: dict[str, Any] | None, **changes: Any) -> Study:
    fields = plain("sprout", steps=3).model_dump(mode="json", exclude_defaults=True)
    task = {} if options is None else {"task": {"particles": options}}
    return Study.model_validate(fields | {"seeds": "0-5", "unit": {"prompts": 2, "seeds": 6}} | task | changes)


def drawn(wanted: Study, cells_of: int = 3) -> tuple[torch.Tensor, Any]:
    """Pixels of one prompt, all seeds, in one batch."""
    located = locate(wanted.model)
    task = task_of(wanted).of(wanted, located)
    drawing = Drawing(wanted, located, task)
    unit = Unit.crossed("u", task.prompts()[:1], wanted.seeds)
    drawing.begin(unit)
    return drawing.draw(by_sets(unit, cells_of))[0], drawing.told()


def apart(pixels: torch.Tensor) -> float:
    sets = pixels.float().reshape(-1, 3, pixels[0].numel())
    return float(torch.cdist(sets, sets).sum())


def test_without_a_push_it_is_plain_sampling_bit_for_bit_and_distances_grow_with_strength() -> None:
    reference, _ = drawn(study(None))
    still, told = drawn(study({"set": 3, "strength": 0}))
    assert torch.equal(reference, still) and told["particles"] == {"c": []}
    found = []
    for strength in (0.3, 1.5):
        pixels, told = drawn(study({"set": 3, "strength": strength}))
        found.append(apart(pixels))
        assert len(told["particles"]["c"]) == 2 and min(told["particles"]["c"]) > 0
    assert apart(reference) < found[0] < found[1]


def test_features_push_too() -> None:
    wanted = study({"set": 3, "strength": 1.5, "kernel": "features", "window": "0-1"})
    assert apart(drawn(wanted)[0]) > apart(drawn(study(None))[0])


def test_sets_are_whole_in_every_batch_and_are_drawn_again_whole(tmp_path: Path) -> None:
    wanted = study({"set": 3, "strength": 0.3}, seeds=[4, 0, 7, 2, 9, 1], compute={"batch_size": 5, "device": "cpu"})
    run = begun(drawn_run(wanted, RunFolder(tmp_path)))
    assert isinstance(run, DrawnRun)
    (unit,) = run.units
    make(Generate(run.study, run.located, run.images, run.task).open(), unit)
    rows = run.images.read(unit.name).to_pylist()
    assert [(row["prompt"], row["seed"]) for row in rows] == [(item.text, seed) for item, seed in unit.cells]
    assert [row["set"] for row in rows if row["prompt"] == "a red apple"] == [[4, 0, 7]] * 3 + [[2, 9, 1]] * 3
    assert run.images.receipt(unit.name).made["batches"] == [3, 3, 3, 3]
    alone, _ = drawn(wanted.model_copy(update={"seeds": [4, 0, 7]}))
    first = [decode(row["image"]["bytes"]) for row in rows if row["prompt"] == "a red apple"][:3]
    assert np.array_equal(np.stack(first), alone.numpy())
    again = audit(run, 4)
    assert again.same == len(again.pictures) == 6


def test_memory_that_runs_out_halves_batches_to_whole_sets() -> None:
    assert [whole_sets(count, 4) for count in (16, 9, 3)] == [16, 8, 4]


def test_an_order_by_sets_has_every_cell_once() -> None:
    unit = plan([Edition((prompt("one"), prompt("two")), (5, 3, 9, 1))], UnitShape())[0]
    assert sorted(by_sets(unit, 2), key=str) == sorted(unit.cells, key=str)
    assert [seed for _, seed in by_sets(unit, 2)] == [5, 3, 5, 3, 9, 1, 9, 1]
    assert by_sets(unit, 1) == list(unit.cells)


@pytest.mark.parametrize(
    ("options", "changes", "message"),
    [
        ({"set": 2}, {}, "divided by ln.set - 1., which is 0 for two"),
        (
            {"strenght": 1},
            {},
            "task.particles.strenght: unknown key; known are set, strength, kernel, by, revision, window",
        ),
        ({"window": "9-2"}, {}, "is no window"),
        ({"window": "0-3"}, {}, "ends at step 3, and the last one is 2"),
        ({"set": 3}, {"compute": {"batch_size": 2}}, "compute.batch_size: is 2, and the 3 pictures"),
        ({"set": 3}, {"sampling": {"steps": 1}}, "drawn in one step has no way"),
        ({"set": 4}, {}, "sets of 4, and the 6 seeds 0, 1, 2, 3, 4, 5 of one unit"),
        ({"set": 3}, {"unit": {"prompts": 2, "seeds": 4}}, "sets of 3, and the 4 seeds"),
        (
            {"kernel": "features"},
            {"seeds": "0-3", "compute": {"offload": "model"}},
            "compute.offload: the kernel of features",
        ),
        ({"kernel": "features", "by": "nowhere"}, {"seeds": "0-3"}, "task.particles.by: there is no model 'nowhere'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(
    options: dict[str, Any], changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        drawn_run(study(options, **changes), RunFolder(tmp_path))


def test_seeds_that_are_added_later_may_not_cut_a_set(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    run = drawn_run(study({"set": 3}), folder)
    folder.grow(run.made_from, run.wanted, run.agreement)
    drawn_run(study({"set": 3}, seeds="0-8"), folder)
    with pytest.raises(UserError, match="seeds that are added later"):
        drawn_run(study({"set": 3}, seeds=[0, 1, 6]), folder)


def test_the_cause_names_the_task_and_the_network_of_its_features() -> None:
    wanted = study({"set": 3, "kernel": "features"})
    found = cause(wanted, locate(wanted.model))
    assert found["task"] == {"name": "particles", "options": {"set": 3, "kernel": "features"}}
    assert "model.safetensors" in found["particles"]  # type: ignore[operator]
    elsewhere = study({"set": 3, "kernel": "features", "by": str(SPROUT / "sprout-clip")})
    assert cause(elsewhere, locate(wanted.model)) == found, "an encoder is what it holds, wherever it lies"
    assert pa.types.is_list(task_of(wanted).schema.field("set").type) and not task_of(wanted).stock_call
