"""How many workers there are to be, for which works, and what each takes of its node. Pure: nodes come in as numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seedscope.pipeline.running.work import Executor, Work

Node = Mapping[str, float]
"""What a node has, by Ray's names: CPU, GPU, memory (bytes), and resources that it was given names for."""


@dataclass(frozen=True)
class Placement:
    """Workers of one kind: they make any of `works`, with so many threads, and each takes so much of its node.

    memory: bytes; it is counted here, not taken from Ray. workers: how many there are to be; None: as many as fit.
    beside: workers of other kinds that have their cores first. a_node: the most that a node has; None: as many as fit.
    """

    works: tuple[str, ...]
    threads: int
    cpus: float
    gpus: float
    resources: Mapping[str, float]
    memory: int
    workers: int | None = None
    beside: tuple["Placement", ...] = ()
    a_node: int | None = None

    def size(self, nodes: Sequence[Node]) -> int:
        """How many workers these nodes are to have."""
        return self.workers or sum(self.fit(node) for node in nodes)

    def fit(self, node: Node) -> int:
        """How many workers fit on a node. Where anything but memory suffices for one, so does memory."""
        taken, node = self._taken(), left(node, self.beside)
        fits = min((int(node.get(name, 0) / amount + 1e-9) for name, amount in taken.items()), default=1)
        fits = min(fits, max(1, int(node.get("memory", 0) // self.memory)))
        return fits if self.a_node is None else min(fits, self.a_node)

    def taken(self) -> str:
        """What a worker takes, in words."""
        return ", ".join(f"{name} {amount:g}" for name, amount in self._taken().items())

    def _taken(self) -> dict[str, float]:
        taken = {"CPU": self.cpus, "GPU": self.gpus, **self.resources}
        return {name: amount for name, amount in taken.items() if amount}


def place(works: Sequence[Work], executor: Executor, nodes: Sequence[Node]) -> list[Placement]:
    """Workers for all works: those that use GPUs share GPU workers, the others have workers of their own.

    Without GPUs, one kind of workers makes everything: one a core as far as memory goes, as small models gain little from
    more threads. Works that take named resources have workers of their own too.
    """
    some_gpus = executor.gpus_per_worker is not None or any(node.get("GPU") for node in nodes)
    kinds: dict[tuple[bool, tuple[tuple[str, float], ...]], list[Work]] = {}
    for work in works:
        resources = tuple(sorted(_resources(work, executor).items()))
        kinds.setdefault((some_gpus and work.stage.needs() == "gpu", resources), []).append(work)
    beside_others = len({on_gpu for on_gpu, _ in kinds}) > 1
    found: list[Placement] = []
    for (on_gpu, resources), some in sorted(kinds.items(), key=lambda item: not item[0][0]):
        having = [node for node in nodes if all(node.get(name, 0) >= amount for name, amount in resources)]
        if on_gpu:
            found.append(_on_gpus(some, dict(resources), executor, having, beside_others))
        else:
            on_gpus = tuple(kind for kind in found if kind.gpus)
            found.append(_on_cpus(some, dict(resources), executor, having, on_gpus))
    return found


def _resources(work: Work, executor: Executor) -> dict[str, float]:
    """What a worker for this takes by name: of those for all, and of those for a word of the work's name."""
    found = dict(executor.resources.get("", {}))
    for word in work.name.split():
        found |= executor.resources.get(word, {})
    return found


def _on_gpus(
    works: Sequence[Work],
    resources: Mapping[str, float],
    executor: Executor,
    nodes: Sequence[Node],
    beside_others: bool,
) -> Placement:
    gpus = executor.gpus_per_worker or 1.0
    having = [node for node in nodes if node.get("GPU", 0) >= gpus]
    # The cores of a node are shared by its GPU workers; where CPU workers are beside them, these have half.
    shares = [node.get("CPU", 0) / int(node["GPU"] / gpus) / (2 if beside_others else 1) for node in having]
    share = min(shares, default=1.0)
    threads = executor.threads or max(1, int(share))
    return Placement(_names(works), threads, min(threads, share), gpus, resources, _memory(works), executor.workers)


def _on_cpus(
    works: Sequence[Work],
    resources: Mapping[str, float],
    executor: Executor,
    nodes: Sequence[Node],
    beside: tuple[Placement, ...],
) -> Placement:
    # GPU workers may leave less than a core of a node: that serves only where there is no whole one.
    free = [cpus for node in nodes if (cpus := left(node, beside)["CPU"])]
    cores = [cpus for cpus in free if cpus >= 1] or free
    smallest, largest = min(cores, default=1.0), max(cores, default=1.0)
    most = min((some for work in works if (some := work.stage.workers_a_node()) is not None), default=None)
    one_thread = Placement(
        _names(works), 1, min(1.0, largest), 0, resources, _memory(works), beside=beside, a_node=most
    )
    workers = executor.workers or one_thread.size(nodes) // (1 if most else executor.threads or 1)
    workers = max(1, min(workers, sum(max(len(work.units), work.expected) for work in works)))
    share = sum(cores) / workers if cores else 1.0
    threads = executor.threads or max(1, int(min(share, smallest)))
    cpus = min(threads, share, largest)
    return Placement(_names(works), threads, cpus, 0, resources, _memory(works), executor.workers, beside, most)


def left(node: Node, kinds: Sequence[Placement]) -> Node:
    """What workers of some kinds leave of a node's cores."""
    return {**node, "CPU": max(0.0, node.get("CPU", 0) - sum(kind.cpus * kind.fit(node) for kind in kinds))}


def _names(works: Sequence[Work]) -> tuple[str, ...]:
    return tuple(work.name for work in works)


def _memory(works: Sequence[Work]) -> int:
    """Bytes of a worker that has all stages open; stages of one class share what they load."""
    by_class: dict[type, int] = {}
    for work in works:
        kind = type(work.stage)
        by_class[kind] = max(by_class.get(kind, 0), work.stage.memory())
    return sum(by_class.values())
