"""Work that is done ahead of who takes it, in threads, and never further ahead than memory allows."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ahead(work: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """The result of each item, in order; at most `threads` of them are worked at, or wait to be taken.

    An exception of `work` is raised where its result would have been taken, and nothing more is begun.
    """
    with ThreadPoolExecutor(threads) as workers:
        begun: deque[Future[R]] = deque()
        for item in items:
            if len(begun) == threads:
                yield begun.popleft().result()
            begun.append(workers.submit(work, item))
        while begun:
            yield begun.popleft().result()
