"""Pictures that prompt and seed do not decide: what people have to be told of them before they compare seeds."""

from collections.abc import Iterable, Iterator, Sequence

from seedscope.pipeline.imported.placing import Placed


def about_undecided(placed: Iterable[Placed]) -> Iterator[str]:
    """A sentence for each reason why pictures of one cell could differ."""
    placed = list(placed)
    if begun := sorted(item.file for item in placed if item.of_another):
        yield (
            f"{begun[0]}: it was made from another picture (img2img), and which one it does not say. Seeds are compared only "
            f"if that is one and the same for {_all(begun)}."
        )
    others = [item for item in placed if item.later_seeds]
    for name in sorted({name for item in others for name in item.later_seeds}):
        of_it = sorted((item for item in others if name in item.later_seeds), key=lambda item: item.file)
        if not _follows([(item.seed, item.later_seeds[name]) for item in of_it]):
            one = of_it[0]
            yield (
                f"{one.file}: {name} is {one.later_seeds[name]}, which changes from picture to picture and not with the seed "
                f"of the first sampler ({one.seed}), by which {_all(of_it)} are placed. What that node adds is no work of the "
                "seed: link its seed to that of the sampler, or fix it, where you draw anew."
            )


def _follows(seeds: Sequence[tuple[int, int]]) -> bool:
    """Whether the later of two seeds is the same for all, or for each seed, or as far from the first for all."""
    fixed = len({later for _, later in seeds}) == 1
    linked = len({later - first for first, later in seeds}) == 1
    told = len({first for first, _ in seeds}) < len(seeds) and len(set(seeds)) == len({first for first, _ in seeds})
    return fixed or linked or told


def _all(items: Sequence[object]) -> str:
    return f"all {len(items):,} such pictures" if len(items) > 1 else "all pictures of the run"
