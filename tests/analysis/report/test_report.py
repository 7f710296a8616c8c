"""The report's folder: every seed, picture and number in its place, prompts stay text, and awkward data stays a report."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from made_up_report import HARD_PROMPTS, made_up, made_up_pictures, repeated
from PIL import Image

from seedscope.analysis.report import heat
from seedscope.analysis.report.data import Estimate, Layout, ReportData
from seedscope.analysis.report.page import write_report
from seedscope.analysis.report.sections import SECTIONS
from seedscope.analysis.report.standings import ranks
from seedscope.analysis.report.strips import draw_strips, sheet_path, strip_path
from seedscope.analysis.report.whiskers import PADDING, WIDTH, Axis
from seedscope.analysis.report.wording import Digits, counted, p_value
from seedscope.pipeline.errors import StorageError
from seedscope.pipeline.images import Pixels

PROMPTS, SEEDS = 16, 20
PAGE_LIMIT = 2_000_000


class Elements(HTMLParser):
    """All elements of a page, the text of each script, and all other text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and data.strip():
            self.scripts.append(data)
        self.text += data

    def addresses(self) -> Iterator[str]:
        for _, attributes in self.found:
            yield from (value for name in ("src", "href") if (value := attributes.get(name)) is not None)


def small(rng_seed: int = 0) -> ReportData:
    data = made_up(SEEDS, PROMPTS, np.random.default_rng(rng_seed))
    return replace(data, shown=list(data.prompts)[:7])


@pytest.fixture(scope="module")
def data() -> ReportData:
    return small()


@pytest.fixture(scope="module")
def report(data: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "report"
    assert write_report(data, repeated(made_up_pictures(13), data), folder) == folder / "index.html"
    return folder


@pytest.fixture(scope="module")
def index(report: Path) -> Elements:
    return Elements((report / "index.html").read_text(encoding="utf-8"))


def flat(colour: tuple[int, int, int], height: int = 64, width: int = 64) -> Pixels:
    return np.full((height, width, 3), colour, np.uint8)


def colour_of_cell(seed: int, prompt: str) -> tuple[int, int, int]:
    return 30 + 40 * seed, 20 + 45 * int(prompt[1:]), 128


def test_every_seed_has_its_page_and_pictures(report: Path) -> None:
    for seed in range(SEEDS):
        assert f"<h1>Seed {seed}</h1>" in (report / f"seeds/{seed:06d}.html").read_text(encoding="utf-8")
        for path in (strip_path(seed), sheet_path(seed)):
            with Image.open(report / path) as picture:
                picture.load()
    assert len(list((report / "seeds").iterdir())) == SEEDS


def test_sections_stand_in_order(index: Elements) -> None:
    shown = [section.name for section in SECTIONS if section.name != "race"]  # that of a sweep alone
    assert [a["id"] for tag, a in index.found if tag == "section"] == shown


def test_no_address_leads_away(report: Path) -> None:
    for page in [report / "index.html", *(report / "seeds").iterdir()]:
        for address in Elements(page.read_text(encoding="utf-8")).addresses():
            assert address == "data:," or not re.match(r"[a-z]+:|//|/", address), address
            if not address.startswith(("data:", "#")):
                assert (page.parent / address).resolve().is_relative_to(report) and (page.parent / address).exists(), (
                    address
                )
    for file in (report / "assets").glob("*.??*"):
        if not file.name.startswith("plotly"):
            assert not re.search(
                r"https?://|@import|fetch\(|XMLHttpRequest|\bimport\b.*from", file.read_text(encoding="utf-8")
            ), file


def test_every_page_forbids_all_but_itself(report: Path) -> None:
    for page in (report / "index.html", report / "seeds/000000.html"):
        policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page.read_text(encoding="utf-8"))
        assert policy and policy[1].startswith("default-src 'none'; script-src 'self' file:;")
        assert "unsafe-inline" not in policy[1].split("script-src")[1].split(";")[0]


def test_the_page_is_small(report: Path) -> None:
    loaded = [report / "index.html", report / "parts/measure_0.js", *(report / "assets").iterdir()]
    assert sum(file.stat().st_size for file in loaded) < PAGE_LIMIT


def test_prompts_stay_text(report: Path, data: ReportData, index: Elements) -> None:
    plain = Elements((report / "index.html").read_text(encoding="utf-8"))
    kinds = Counter(tag for tag, _ in plain.found)
    harmless = replace(data, prompts=dict.fromkeys(data.prompts, "a cat"), title="x")
    other = report.parent / "harmless"
    write_report(harmless, lambda seed, prompt: None, other)
    assert kinds == Counter(tag for tag, _ in Elements((other / "index.html").read_text(encoding="utf-8")).found)
    for prompt in HARD_PROMPTS[:4]:
        assert prompt in {attributes.get("title") for _, attributes in index.found}
    of_page = json.loads(index.scripts[-1])
    assert of_page["shown"] == [data.prompts[prompt] for prompt in data.shown]
    script = (report / "parts/run.js").read_text(encoding="utf-8")
    assert not set("<>&\u2028\u2029") & set(script)
    part = json.loads(script.removeprefix("seedscope.receiveRun(").removesuffix(");\n"))
    assert part["prompts"] == list(data.prompts.values()) and part["ids"] == list(data.prompts)


def test_numbers_of_the_table_are_those_of_the_data(report: Path, data: ReportData) -> None:
    for place, measured in enumerate(data.measures):
        script = (report / f"parts/measure_{place}.js").read_text(encoding="utf-8")
        part = json.loads(script.removeprefix(f"seedscope.receive({place}, ").removesuffix(");\n"))
        assert part["seeds"] == [str(seed) for seed in sorted(measured.seeds)]
        scale, step = (100 if measured.rate else 1), 10.0 ** -(part["decimals"] + 1)
        for row, seed in enumerate(part["seeds"]):
            value = measured.seeds[int(seed)]
            low, high = value.effect.interval or (None, None)
            for name, expected in (
                ("value", value.value.value),
                ("effect", value.effect.value),
                ("low", low),
                ("high", high),
            ):
                assert part["columns"][name][row] == pytest.approx(scale * (expected or 0.0), abs=0.51 * step)


def test_csv_files_hold_the_numbers(report: Path, data: ReportData) -> None:
    rows = list(csv.DictReader((report / "data/seeds.csv").open(encoding="utf-8", newline="")))
    assert len(rows) == sum(len(measured.seeds) for measured in data.measures)
    by_name = {measured.name: measured for measured in data.measures}
    for row in rows:
        value = by_name[row["measure"]].seeds[int(row["seed"])]
        assert float(row["effect"]) == value.effect.value
        assert (row["q"] == "") == (value.q is None)
    prompts = list(csv.DictReader((report / "data/prompts.csv").open(encoding="utf-8", newline="")))
    assert {row["prompt_id"]: row["prompt"] for row in prompts} == data.prompts
    linked = set(re.findall(r'href="data/([\w-]+)\.csv"', (report / "index.html").read_text(encoding="utf-8")))
    assert linked == {file.stem for file in (report / "data").iterdir()} - {"golden"}


def test_each_picture_is_in_its_cell(tmp_path: Path) -> None:
    prompts = [f"p{place}" for place in range(5)]
    drawn = draw_strips(
        lambda seed, prompt: None if (seed, prompt) == (2, "p3") else flat(colour_of_cell(seed, prompt)),
        [0, 2, 5],
        prompts,
        ["p4", "p3"],
        tmp_path,
    )
    assert drawn.missing == {0: [], 2: [3], 5: []}
    for seed in (0, 2, 5):
        for path, grid, names in (
            (sheet_path(seed), drawn.sheet, prompts),
            (strip_path(seed), drawn.strip, ["p4", "p3"]),
        ):
            pixels = np.asarray(Image.open(tmp_path / path)).astype(int)
            for place, prompt in enumerate(names):
                left, top = place % grid.columns * grid.width, place // grid.columns * grid.height
                cell = pixels[top + 8 : top + grid.height - 8, left + 8 : left + grid.width - 8].reshape(-1, 3)
                if (seed, prompt) == (2, "p3"):
                    assert cell.std() > 5 and np.ptp(cell.mean(axis=0)) < 2  # hatched, grey
                else:
                    assert np.abs(cell.mean(axis=0) - colour_of_cell(seed, prompt)).max() < 4


@pytest.mark.parametrize(("shape", "cell"), [((512, 768), (64, 96)), ((40, 40), (40, 40)), ((300, 100), (96, 32))])
def test_cells_have_the_shape_of_the_pictures(shape: tuple[int, int], cell: tuple[int, int], tmp_path: Path) -> None:
    grid = draw_strips(lambda seed, prompt: flat((9, 99, 199), *shape), [0], ["a", "b", "c"], ["a"], tmp_path).sheet
    assert (grid.height, grid.width) == cell
    assert Image.open(tmp_path / sheet_path(0)).size == (2 * cell[1], 2 * cell[0])


def test_a_picture_of_another_shape_is_fitted_into_the_middle(tmp_path: Path) -> None:
    wide = {"a": flat((250, 250, 250)), "b": flat((250, 10, 10), 32, 128)}
    draw_strips(lambda seed, prompt: wide[prompt], [0], ["a", "b"], [], tmp_path)
    cell = np.asarray(Image.open(tmp_path / sheet_path(0)))[:, 64:].astype(int)
    red = (cell[..., 0] > 200) & (cell[..., 1] < 80)
    rows = np.flatnonzero(red.mean(axis=1) > 0.9)
    assert 14 <= len(rows) <= 18 and abs(rows.mean() - 31.5) < 1


def test_each_picture_is_asked_for_once_and_progress_is_reported(data: ReportData, tmp_path: Path) -> None:
    asked: Counter[tuple[int, str]] = Counter()
    progress: list[tuple[int, int]] = []

    def picture(seed: int, prompt: str) -> Pixels:
        asked[seed, prompt] += 1
        return flat((1, 2, 3))

    write_report(data, picture, tmp_path / "report", lambda done, of: progress.append((done, of)))
    assert set(asked) == {(seed, prompt) for seed in range(SEEDS) for prompt in data.prompts}
    assert sum(asked.values()) == len(asked) + 1  # one to learn the size of the pictures
    assert progress == [(done, SEEDS) for done in range(1, SEEDS + 1)]


def test_a_report_replaces_a_report_and_nothing_else(data: ReportData, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    write_report(data, lambda seed, prompt: None, folder)
    (folder / "left over").touch()
    write_report(replace(data, title="again"), lambda seed, prompt: None, folder)
    assert "again" in (folder / "index.html").read_text(encoding="utf-8") and not (folder / "left over").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years")
    with pytest.raises(StorageError, match="holds files that are no report"):
        write_report(data, lambda seed, prompt: None, mine)
    with pytest.raises(StorageError, match="a file is in the way"):
        write_report(data, lambda seed, prompt: None, mine / "thesis.tex")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "report"]
    assert [path.name for path in mine.iterdir()] == ["thesis.tex"]


def test_what_goes_wrong_leaves_the_old_report(data: ReportData, tmp_path: Path) -> None:
    def broken(seed: int, prompt: str) -> Pixels:
        raise RuntimeError("the shard is gone")

    folder = tmp_path / "report"
    write_report(data, lambda seed, prompt: None, folder)
    before = (folder / "index.html").read_bytes()
    with pytest.raises(RuntimeError, match="the shard is gone"):
        write_report(data, broken, folder)
    with pytest.raises(ValueError, match="nowhere"):
        write_report(replace(data, shown=["nowhere"]), broken, folder)
    assert (folder / "index.html").read_bytes() == before and list(tmp_path.iterdir()) == [folder]


def test_sections_without_data_are_left_out_and_named(data: ReportData, tmp_path: Path) -> None:
    bare = replace(
        data,
        measures=[],
        ranked=[],
        golden=None,
        diverse=(),
        style=None,
        layout={},
        text=(),
        experiments=(),
        shown=[],
        failed={},
        top_k=None,
    )
    bare = replace(bare, style=small().style)
    page = Elements(write_report(bare, lambda seed, prompt: None, tmp_path / "r").read_text(encoding="utf-8"))
    assert [a["id"] for tag, a in page.found if tag == "section"] == ["answer", "style", "made"]
    left_out = [section for section in SECTIONS if section.name not in ("answer", "style", "made", "race")]
    assert all(section.absence and section.absence in page.text for section in left_out)


@pytest.mark.parametrize(("seeds", "prompts"), [(1, 1), (2, 1), (1, 6)])
def test_few_seeds_and_prompts(seeds: int, prompts: int, tmp_path: Path) -> None:
    data = made_up(seeds, prompts)
    data = replace(data, shown=list(data.prompts)[:2])
    write_report(data, repeated(made_up_pictures(3), data), tmp_path / "r")
    assert len(list((tmp_path / "r/seeds").iterdir())) == seeds


def test_undefined_values_are_dashes(data: ReportData, tmp_path: Path) -> None:
    nothing = Estimate(None)
    first = data.measures[0]
    seeds = {
        s: replace(v, value=nothing, effect=nothing, shrunk=nothing, q=None, probability=None)
        for s, v in first.seeds.items()
    }
    undefined = replace(
        first,
        seeds=seeds,
        shares={},
        mean=None,
        median=None,
        p=None,
        best=None,
        worst=None,
        reliability=None,
        prompts_for_08=None,
        stability=None,
    )
    empty = {seed: Layout([], [], None, None) for seed in data.layout}
    page = write_report(replace(data, measures=[undefined], layout=empty), lambda seed, prompt: None, tmp_path / "r")
    text = page.read_text(encoding="utf-8") + (page.parent / "seeds/000000.html").read_text(encoding="utf-8")
    assert not re.search(r"\b(None|nan|NaN|inf)\b", Elements(text.replace("NaN in the latents", "")).text)
    assert "–" in text


def test_ranks_follow_the_run_or_the_shrunk_effect(data: ReportData) -> None:
    first, lower = data.measures[0], next(measured for measured in data.measures if measured.better == "lower")
    backwards = replace(data, ranked=data.ranked[::-1])
    assert ranks(first, backwards) == {seed: place for place, seed in enumerate(data.ranked[::-1], start=1)}
    by_hand = sorted(lower.seeds, key=lambda seed: lower.seeds[seed].shrunk.value or 0.0)
    assert ranks(lower, data) == {seed: place for place, seed in enumerate(by_hand, start=1)}
    unknown = {
        **lower.seeds,
        0: replace(lower.seeds[0], value=Estimate(None), effect=Estimate(None), shrunk=Estimate(None)),
    }
    assert 0 not in ranks(replace(lower, seeds=unknown), data)


def test_equal_seeds_share_a_rank(data: ReportData) -> None:
    first = data.measures[0]
    order = list(data.ranked)
    equal = {seed: replace(first.seeds[seed], effect=first.seeds[order[1]].effect) for seed in order[1:4]}
    found = ranks(replace(first, seeds={**first.seeds, **equal}), data)
    assert [found[seed] for seed in order[:6]] == [1, 2, 2, 2, 5, 6]


@pytest.mark.parametrize(
    ("digits", "value", "written"),
    [
        (Digits(2), -0.256, "−0.26"),
        (Digits(0), 12345.6, "12,346"),
        (Digits(1, percent=True), 0.1234, "12.3\u00a0%"),
        (Digits(3), None, "–"),
    ],
)
def test_numbers_in_words(digits: Digits, value: float | None, written: str) -> None:
    assert digits.plain(value) == written
    assert digits.signed(value) == (f"+{written}" if value is not None and value > 0 else written)


def test_intervals_and_p_values_in_words() -> None:
    assert Digits(1, percent=True).estimate(Estimate(0.2, (0.1, 0.3))) == "20.0\u00a0% (10.0 to 30.0\u00a0%)"
    assert Digits(1).estimate(Estimate(2.0)) == "2.0 (no interval)"
    assert (p_value(0.0001), p_value(0.0312)) == ("p < 0.001", "p = 0.031")
    assert (counted(1 / 101, 100), counted(0.0312, 100), counted(None, 0)) == ("≤ 0.0099", "0.031", "–")


def test_places_on_an_axis() -> None:
    axis = Axis.over([Estimate(1.0, (0.0, 4.0)), Estimate(None)], 0.0)
    found = axis.whisker(Estimate(2.0, (0.0, 4.0)))
    assert (found.low, found.at, found.high) == (PADDING, WIDTH / 2, WIDTH - PADDING)
    assert Axis.over([Estimate(3.0)]).place(3.0) == WIDTH / 2


def test_heat_maps_as_letters() -> None:
    grid = np.linspace(0, 1, 256).reshape(16, 16)
    letters = heat.encoded(grid.tolist(), 8)
    levels = np.array([heat.LETTERS.index(letter) for letter in letters["cells"]]).reshape(8, 8) / 63
    assert letters["side"] == 8 and np.abs(levels - grid.reshape(8, 2, 8, 2).mean(axis=(1, 3))).max() <= 0.5 / 63 + 1e-9
    assert heat.encoded(grid.tolist())["side"] == 16


def test_the_box_of_chance_holds_95_percent_where_seeds_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    layouts = {seed: Layout([], [tuple(p) for p in rng.normal(0.5, 0.1, (50, 2))], None, None) for seed in range(2000)}
    box = heat.chance_box(layouts)
    assert box is not None and np.allclose(box[0], (0.5 - 1.96 * 0.1 / 50**0.5, 0.5 + 1.96 * 0.1 / 50**0.5), atol=1e-3)
    means = np.array([np.mean(layout.centroids, axis=0) for layout in layouts.values()])
    assert 0.935 < ((means[:, 0] > box[0][0]) & (means[:, 0] < box[0][1])).mean() < 0.965
    assert heat.chance_box({0: Layout([], [(0.5, 0.5)], None, None)}) is None
