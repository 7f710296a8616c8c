"""Work ahead of its taker: in order, at the same time, bounded, and an exception where its result would have been."""

import threading

import pytest
from waiting import GENEROUS

from seedscope.pipeline.tables.ahead import ahead


def test_results_come_in_order_whichever_is_done_first() -> None:
    last_is_done = threading.Event()

    def work(item: int) -> int:
        if item == 3:
            last_is_done.set()
        assert last_is_done.wait(GENEROUS)  # so that the first end after the last
        return item * 10

    assert list(ahead(work, range(4), threads=4)) == [0, 10, 20, 30]


@pytest.mark.parametrize("threads", [1, 3, 50])
def test_no_more_than_so_many_are_begun_and_not_taken(threads: int) -> None:
    begun: list[int] = []
    taken = 0
    for number, result in enumerate(ahead(lambda item: begun.append(item) or item, range(20), threads)):
        assert result == number
        taken += 1
        assert len(begun) - taken < threads
    assert sorted(begun) == list(range(20)) and taken == 20


def test_nothing_is_begun_of_nothing() -> None:
    assert list(ahead(str, [], threads=4)) == []


def test_an_exception_is_raised_in_its_place_and_nothing_more_begun() -> None:
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        return 6 // (2 - item)

    results = ahead(work, range(100), threads=3)
    assert [next(results), next(results)] == [3, 6]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert len(begun) <= 5
