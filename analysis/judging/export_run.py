"""What a run ends in, as files: the golden list in all its formats, and the contact sheet."""

from pathlib import Path

from PIL import Image

from seedscope.analysis.direction import Better
from seedscope.analysis.judging.golden_list import golden_seeds, no_golden_seeds
from seedscope.analysis.judging.golden_rules import Choice
from seedscope.analysis.judging.judge import Judged
from seedscope.analysis.run.run import DrawnRun, Run
from seedscope.analysis.run.sampled_pictures import evenly, pictures_of
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.analysis.seeds.seed_row import SeedRow
from seedscope.analysis.seeds.verdict import verdict
from seedscope.analysis.select.lists import FILES, save_lists
from seedscope.analysis.sheets.contact_sheet import Row, contact_sheet
from seedscope.pipeline.errors import UserError

SHEET_SEEDS = 4
SHEET_PROMPTS = 8


def export(run: Run, judged: Judged, choice: Choice) -> list[Path]:
    """Write the golden list in all its formats and `contact_sheet.png`; return the paths of all that a run ends in.

    Of imported pictures there is no golden list: how their noise was drawn is not known.

    Raises:
        UserError: no seed has a rank.
    """
    ranking = judged.ranking
    ranked = ranking.ranked
    if not ranked:
        raise UserError(f"{run.folder.path}: no seed has a {ranking.measure}, so there is nothing to export.")
    names = ("seeds", "measures", "distances", "text_rates")
    tables = [run.folder.path / f"{name}.parquet" for name in names]
    files = [path for path in tables if path.exists()]
    if isinstance(run, DrawnRun):
        golden = golden_seeds(run, judged, choice)
        golden.save(run.folder.path / "golden.json")
        files += [run.folder.path / "golden.json", *save_lists(golden, run.folder.path)]
    sheet = run.folder.path / "contact_sheet.png"
    count = min(SHEET_SEEDS, len(ranked) // 2 or 1)
    ids = [prompt.id for prompt in run.wanted.prompts]
    prompts = evenly(sorted(ids, key=run.kind), SHEET_PROMPTS)
    texts = {prompt.id: prompt.text for prompt in run.wanted.prompts}
    places = {row.seed: row for row in ranked}
    golden_rows = [places[seed] for seed in choice.seeds if seed in places][:SHEET_SEEDS]
    best = [row for row in ranked[:count] if row.seed not in {*choice.seeds}]
    worst = [row for row in ranked[max(count, len(ranked) - count) :] if row.seed not in {*choice.seeds}]
    pictures = pictures_of(run, {row.seed for row in [*golden_rows, *best, *worst]}, prompts)
    contact_sheet(
        [_sheet_row(row, ranking, prompts, pictures) for row in best],
        [_sheet_row(row, ranking, prompts, pictures) for row in worst],
        [texts[prompt] for prompt in prompts],
        sheet,
        title=f"Best and worst seeds of {run.subject}",
        measure=f"{ranking.measure}{', %' if ranking.rate else ''} ({ranking.better} is better), 95 % interval",
        golden=[_sheet_row(row, ranking, prompts, pictures) for row in golden_rows],
        notes=[golden_line(choice), *verdict(ranking)],
    )
    return [*files, sheet]


def golden_line(choice: Choice) -> str:
    """The golden seeds of a run, in a sentence."""
    return f"Golden seeds: {', '.join(map(str, choice.seeds)) or 'none'}."


def export_nothing(run: DrawnRun, measure: str, better: Better, sentence: str) -> list[Path]:
    """Write the empty golden list of a sweep that stopped before its end, in all formats."""
    golden = no_golden_seeds(run, measure, better, sentence)
    golden.save(run.folder.path / "golden.json")
    return [run.folder.path / "golden.json", *save_lists(golden, run.folder.path)]


def withdraw_list(run: DrawnRun) -> None:
    """Remove the empty golden list of a sweep that had stopped, and goes on."""
    for name in ("golden.json", *FILES):
        run.folder.storage.delete(name)


def _sheet_row(row: SeedRow, ranking: Ranking, prompts: list[str], pictures: dict[tuple[int, str], Image.Image]) -> Row:
    scale = 100 if ranking.rate else 1
    if row.rank is None or row.value is None:
        raise ValueError(f"seed {row.seed} has no rank: it is neither among the best nor among the worst")
    interval = row.interval
    scaled = None if interval is None else (scale * interval[0], scale * interval[1])
    shown = [pictures.get((row.seed, prompt)) for prompt in prompts]
    return Row(row.seed, row.rank, scale * row.value, scaled, shown)
