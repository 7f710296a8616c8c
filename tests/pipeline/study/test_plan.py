"""A plan covers every cell once, and growing leaves what is there where it is."""

import cProfile
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from seedscope.pipeline.study.plan import Edition, Unit, as_named, as_recorded, plan
from seedscope.pipeline.study.prompts import Prompt, prompt
from seedscope.pipeline.study.schema import UnitShape


def edition(prompts: int, seeds: int) -> Edition:
    return Edition(tuple(prompt(f"prompt {i}") for i in range(prompts)), tuple(range(seeds)))


def cells(units: list[Unit]) -> list[tuple[str, int]]:
    return [(item.id, seed) for unit in units for item, seed in unit.cells]


sizes = st.integers(1, 12)
shapes = st.builds(UnitShape, prompts=st.integers(1, 5), seeds=st.integers(1, 5))


@given(sizes, sizes, shapes)
def test_every_cell_exactly_once(prompts: int, seeds: int, shape: UnitShape) -> None:
    wanted = edition(prompts, seeds)
    planned = cells(plan([wanted], shape))
    assert len(planned) == len(set(planned)) == prompts * seeds
    assert set(planned) == {(item.id, seed) for item, seed in product(wanted.prompts, wanted.seeds)}


@given(st.lists(st.tuples(sizes, sizes), min_size=1, max_size=4), shapes)
def test_growth_keeps_units_and_covers_the_rest_once(steps: list[tuple[int, int]], shape: UnitShape) -> None:
    prompts = seeds = 0
    editions: list[Edition] = []
    before: list[Unit] = []
    for more_prompts, more_seeds in steps:
        prompts, seeds = max(prompts, more_prompts), max(seeds, more_seeds)
        editions.append(edition(prompts, seeds))
        units = plan(editions, shape)
        assert units[: len(before)] == before
        planned = cells(units)
        assert len(planned) == len(set(planned)) == prompts * seeds
        before = units
    assert len({unit.name for unit in before}) == len(before)


def test_cells_are_ordered_by_seed_then_prompt() -> None:
    one, two = prompt("one"), prompt("two")
    assert list(Unit.crossed("u", (one, two), (5, 3)).cells) == [(one, 5), (two, 5), (one, 3), (two, 3)]


def test_names_hang_on_the_cells() -> None:
    names = {unit.name for unit in plan([edition(4, 4)], UnitShape(prompts=2, seeds=2))}
    assert len(names) == 4
    other = plan([Edition((prompt("x"),), (0,))], UnitShape(prompts=2, seeds=2))[0].name
    assert other.split("-")[1] not in {name.split("-")[1] for name in names}


def test_names_are_those_of_runs_that_exist() -> None:
    names = [unit.name for unit in plan([edition(3, 3)], UnitShape(prompts=2, seeds=2))]
    assert names == ["000000-66882eb0", "000001-786a593e", "000002-f64f87ba", "000003-a2a975b8"]


def test_planning_takes_steps_by_units_and_not_by_cells() -> None:
    """The study of Xu et al. (2024) has 23 million cells: counted are calls, as seconds would be those of the machine."""
    prompts = tuple(Prompt(f"{i:016x}", f"prompt {i}", "") for i in range(22_512))
    profile = cProfile.Profile()
    units = profile.runcall(plan, [Edition(prompts, tuple(range(1024)))], UnitShape(prompts=26, seeds=16))
    assert sum(map(len, units)) == 22_512 * 1024
    assert sum(entry.callcount for entry in profile.getstats()) < 10 * (len(units) + len(prompts))


def test_a_unit_may_have_holes() -> None:
    one, two = prompt("one"), prompt("two")
    unit = Unit("u", [(one, 5), (two, 5), (two, 3)])
    assert (len(unit), unit.prompts, unit.seeds) == (3, (one, two), (5, 3))
    assert (one, 3) not in unit.cells and (one, 3) in Unit.crossed("v", (one, two), (5, 3)).cells


def test_groups_are_those_that_the_study_names_now() -> None:
    recorded = [Edition((prompt("a cat"), prompt("a dog")), (1,)), Edition((prompt("a cat"), prompt("a dog")), (1, 2))]
    now = as_named(recorded, [prompt("a cat", "pets")])
    assert [item.group for each in now for item in each.prompts] == ["pets", prompt("a dog").id] * 2
    assert [unit.name for unit in plan(now, UnitShape())] == [unit.name for unit in plan(recorded, UnitShape())]


def test_facts_are_neither_recorded_nor_compared_and_come_back_from_the_study() -> None:
    plain, known = prompt("a red cat"), prompt("a red cat", facts={"colour": "red"})
    assert plain == known and hash(plain) == hash(known) and "facts" not in known.record()
    (edition,) = as_named([Edition((plain, prompt("a dog")), (1,))], [known])
    assert [dict(item.facts) for item in edition.prompts] == [{"colour": "red"}, {}]
    assert plan([edition], UnitShape())[0].name == plan([Edition((plain, prompt("a dog")), (1,))], UnitShape())[0].name


def test_a_run_whose_prompts_were_recorded_with_white_space_goes_on() -> None:
    old = Edition((prompt("a cat\n"), prompt("a dog ", "pets"), prompt("a fox")), (1, 2))
    now = as_recorded([old], [prompt("a cat"), prompt("a dog", "pets"), prompt("a fox"), prompt("new")])
    assert tuple(now[:3]) == old.prompts and now[3] == prompt("new")
