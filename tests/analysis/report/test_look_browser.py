"""The report as a place to look, in a real Chromium: full-size pictures, the matrix, groups, the lasso, two runs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from browsing import CHROMIUM, started_chromium, watched_pages
from made_up_report import made_up, made_up_pictures, repeated
from waiting import GENEROUS

from seedscope.analysis.report.data import ReportData
from seedscope.analysis.report.pair import Compared, Side, write_pair
from seedscope.pipeline.images import encode

playwright = pytest.importorskip("playwright.sync_api", reason="the page is tested with the Python package playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the page is tested in Debian's chromium")

Browser, Page, expect = playwright.Browser, playwright.Page, playwright.expect
expect.set_options(timeout=1000 * GENEROUS)
Open = Callable[..., Page]
SEEDS, PROMPTS, WITHOUT_FILE = 40, 24, 39
PHONE = {"width": 390, "height": 740}


@pytest.fixture(scope="module")
def data() -> ReportData:
    data = made_up(SEEDS, PROMPTS, np.random.default_rng(3))
    return replace(data, shown=list(data.prompts)[5:11], ranked=[*sorted(range(SEEDS))])


@pytest.fixture(scope="module")
def report(data: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs on one page, of which the second has other seeds and other scores; the pages of the first are looked at."""
    picture = repeated(made_up_pictures(13), data)

    def encoded(seed: int, prompt: str) -> bytes | None:
        pixels = None if seed == WITHOUT_FILE else picture(seed, prompt)
        return None if pixels is None else encode(pixels)

    kept = {prompt: data.prompts[prompt] for prompt in list(data.prompts)[4:]}
    other = replace(
        data,
        prompts=kept,
        title="another",
        scores=[replace(scores, values=scores.values[4:] + 1) for scores in data.scores],
        groups={},
        failed={},
    )
    other.__dict__.pop("places", None)
    sides = Side("one <run>", data, picture, encoded), Side("two", other, picture)
    folder = tmp_path_factory.mktemp("run") / "pair"
    nothing = Compared(None, [], "they share <no> measurement.")
    return write_pair(*sides, nothing, folder, most_pictures=None).parent


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started_chromium() as chromium:
        yield chromium


@pytest.fixture
def open_page(browser: Browser, report: Path) -> Iterator[Open]:
    """(path in the report, options of the context) -> page."""
    with watched_pages(browser, report) as opened:
        yield opened


def heads(page: Page, kind: str) -> list[str]:
    """What stands first in each head that is in view, from the left or from the top."""
    found: list[str] = page.locator(f"[role={kind}]").evaluate_all(
        "all => all.map((each) => [Number(each.dataset.row), Number(each.dataset.column), each.firstElementChild.textContent])"
        ".sort((a, b) => a[0] - b[0] || a[1] - b[1]).map((each) => each[2])"
    )
    return found


def shown_cell(page: Page) -> tuple[str, str]:
    return page.locator("#viewer-prompt").inner_text(), page.locator(".viewer-cell a").first.inner_text()


def test_a_picture_opens_at_its_full_size_and_keys_go_on(open_page: Open, data: ReportData) -> None:
    page = open_page("first/index.html")
    table = page.locator("table.strips.best")
    first, text = table.locator(".picture").first, list(data.prompts.values())
    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")  # from picture to picture of the table
    page.keyboard.press("Enter")
    expect(page.locator("#viewer")).to_be_visible()
    assert shown_cell(page) == (text[6], f"seed {data.ranked[1]}")
    picture = page.locator("#viewer img.viewer-picture")
    expect(picture).to_have_js_property("naturalWidth", 64)
    assert "pictures/000001/0006.webp" in (picture.get_attribute("src") or "")
    values = page.locator(".viewer-scores dd")
    expect(values).to_have_count(len(data.scores))
    assert float(values.first.inner_text()) == pytest.approx(float(data.scores[0].values[6, 1]), abs=0.01)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert shown_cell(page) == (text[7], f"seed {data.ranked[2]}")
    page.keyboard.press("+")
    assert "scale(1.5)" in (picture.get_attribute("style") or "")
    page.keyboard.press("0")
    assert "scale(1)" in (picture.get_attribute("style") or "")
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()
    focused = page.evaluate("({...document.activeElement.dataset})")
    assert (focused["seed"], focused["place"]) == (str(data.ranked[2]), "7")


def test_a_slider_lies_between_two_seeds(open_page: Open) -> None:
    page = open_page("first/seeds/000005.html")
    page.locator("#pictures .picture").nth(8).click()
    page.get_by_label("Compare with").select_option("seed:7")
    back = page.locator(".viewer-rival")
    assert "pictures/000007/0008.webp" in (back.locator("img").get_attribute("src") or "")
    slider = page.get_by_label("Where the first picture ends")
    slider.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert slider.input_value() == "52" and "52%" in back.evaluate("box => getComputedStyle(box).clipPath")
    assert page.locator(".viewer-scores div").first.locator("dd").count() == 2
    page.locator(".viewer-stage").click(position={"x": 30, "y": 200})
    page.mouse.down()
    page.mouse.move(page.locator(".viewer-stage").bounding_box()["x"] + 100, 300)  # type: ignore[index]
    page.mouse.up()
    assert float(slider.input_value()) < 25
    page.get_by_label("Compare with").select_option(f"seed:{WITHOUT_FILE}")
    assert back.locator(".cut").count() == 1  # a reduced copy stands in for the file that there is not


def test_the_matrix_keeps_its_heads_and_only_what_is_in_view(open_page: Open, data: ReportData) -> None:
    page = open_page("first/matrix.html")
    grid = page.locator("#matrix")
    assert (grid.get_attribute("aria-rowcount"), grid.get_attribute("aria-colcount")) == (
        f"{SEEDS + 1}",
        f"{PROMPTS + 1}",
    )
    assert 20 < page.locator("[role=gridcell]").count() < SEEDS * PROMPTS / 4
    before = page.locator("[role=columnheader]").first.bounding_box()
    grid.evaluate("box => box.scrollTo(0, 2000)")
    expect(page.locator('[data-row="17"][data-column="0"]')).to_be_visible()
    assert page.locator('[data-row="0"][data-column="0"]').count() == 0
    assert page.locator("[role=columnheader]").first.bounding_box() == before
    page.get_by_role("button", name="Swap axes").click()
    assert heads(page, "columnheader")[:3] == ["seed 0", "seed 1", "seed 2"]
    assert heads(page, "rowheader")[5] == data.prompts["p005"]
    page.reload()  # the address keeps the view
    assert heads(page, "columnheader")[0] == "seed 0"


def test_the_matrix_is_sorted_and_filtered(open_page: Open, data: ReportData) -> None:
    page = open_page("first/matrix.html")
    values = {scores.measure: scores.values for scores in data.scores}
    expect(page.locator("[role=gridcell] small").first).not_to_be_empty()
    page.locator("#matrix-order").select_option("worst")
    by_mean = np.argsort(np.nanmean(values["clip_score"], axis=0), kind="stable")
    assert heads(page, "rowheader")[:4] == [f"seed {seed}" for seed in by_mean[:4]]
    page.locator("#matrix-order").select_option("run")
    page.locator("[role=columnheader]").nth(5).click()  # a heading sorts the seeds by its prompt, the best first
    of_prompt = np.argsort(-values["clip_score"][5], kind="stable")
    assert heads(page, "rowheader")[:3] == [f"seed {seed}" for seed in of_prompt[:3]]
    page.locator("#matrix-by").select_option(label="HPS v2")
    page.locator("#matrix-view").select_option("list")
    group = data.groups["p007"]
    page.locator("#matrix-group").select_option(group)
    of_group = [place for prompt, place in data.places.items() if data.groups[prompt] == group]
    expect(page.locator("#matrix-count")).to_contain_text(f"{len(of_group) * SEEDS} of {SEEDS * PROMPTS} pictures")
    worst = np.unravel_index(np.nanargmin(values["hps_v2"][of_group]), (len(of_group), SEEDS))
    first = page.locator('[data-row="0"][data-column="0"]')
    text = list(data.prompts.values())[of_group[worst[0]]]
    score = first.locator("small").first.inner_text()
    expect(first).to_have_attribute("aria-label", f"seed {worst[1]}, {text[:120]}, HPS v2 {score}")
    page.get_by_role("button", name="Reset").click()
    page.locator("#matrix-seeds").fill("3, 30-31")
    page.locator("#matrix-text").fill("قطة")
    assert heads(page, "rowheader") == ["seed 3", "seed 30", "seed 31"] and len(heads(page, "columnheader")) == 1
    assert page.locator("[role=gridcell]").first.get_attribute("aria-label", timeout=1000 * GENEROUS) is not None


def test_the_matrix_by_keyboard_and_its_picks_in_files_and_links(
    open_page: Open, data: ReportData, tmp_path: Path
) -> None:
    page = open_page("first/matrix.html")
    page.locator("#matrix").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "p"):
        page.keyboard.press(key)
    active = page.locator(".active")
    expect(active).to_have_attribute("aria-selected", "true")
    assert active.get_attribute("id") == page.locator("#matrix").get_attribute("aria-activedescendant") == "cell-2-1"
    expect(page.locator("#peek dd")).to_have_count(len(data.scores))  # scores of the picture under the cursor
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.locator("#viewer")).to_be_visible()
    page.keyboard.press("p")
    tag = page.get_by_label("Tag of the picked picture")
    tag.fill("=hands, two")
    tag.press("Tab")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "matrix"
    ids = list(data.prompts)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    download.value.save_as(tmp_path / "picks.csv")
    rows = list(csv.DictReader((tmp_path / "picks.csv").open(encoding="utf-8", newline="")))
    assert [(row["seed"], row["prompt_id"], row["tag"]) for row in rows] == [
        ("2", ids[1], ""),
        ("2", ids[-1], "'=hands, two"),
    ]
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as JSON").click()
    download.value.save_as(tmp_path / "picks.json")
    picked = json.loads((tmp_path / "picks.json").read_text(encoding="utf-8"))
    assert picked[1] == {
        "seed": 2,
        "prompt_id": ids[-1],
        "prompt": data.prompts[ids[-1]],
        "group": data.groups[ids[-1]],
        "tag": "=hands, two",
    }
    page.locator("#matrix-link").focus()
    link = page.locator("#matrix-link").get_attribute("data-copy") or ""
    other = open_page("first/matrix.html#picked=1&" + link.partition("#")[2])
    assert heads(other, "rowheader") == ["seed 2"] and other.locator("[role=gridcell].picked").count() == 2


def test_groups_are_a_table_that_is_sorted(open_page: Open, data: ReportData) -> None:
    page = open_page("first/index.html")
    table = page.locator("#groups-table")
    names = sorted(set(data.groups.values()))
    assert table.locator("tbody th").all_inner_texts() == names
    table.get_by_role("button", name="Prompts").click()
    counts = [int(text) for text in table.locator("tbody td:nth-child(2)").all_inner_texts()]
    assert counts == sorted(counts, reverse=True) and sum(counts) == PROMPTS
    page.locator("#groups-measure").select_option(label="Brightness")
    places = [data.places[prompt] for prompt, group in data.groups.items() if group == names[0]]
    (brightness,) = (scores.values for scores in data.scores if scores.measure == "brightness")
    table.get_by_role("button", name="Group").click()
    assert float(table.locator("tbody td:nth-child(3)").first.inner_text()) == pytest.approx(
        np.nanmean(brightness[places]), abs=0.001
    )


def test_seeds_of_the_map_are_chosen(open_page: Open, data: ReportData) -> None:
    page = open_page("first/index.html")
    page.locator("[data-cluster]").first.click()
    of_cluster = [seed for seed, place in data.style.places.items() if place[2] == 1]  # type: ignore[union-attr]
    chosen = page.locator("#lasso-chosen")
    expect(chosen).to_contain_text(f"{len(of_cluster)} seeds of cluster 1")
    assert chosen.locator("a.seed").all_inner_texts() == [f"seed {seed}" for seed in of_cluster[:12]]
    page.get_by_role("button", name="Choose seeds by a lasso").click()
    figure = page.locator("#figure-style-map")
    expect(figure.locator(".points path").first).to_be_attached()
    figure.scroll_into_view_if_needed()
    frame = figure.locator(".nsewdrag").bounding_box()  # the plot without its legend and margins
    assert frame is not None
    left, top = frame["x"] + 2, frame["y"] + 2
    right, bottom = frame["x"] + frame["width"] - 2, frame["y"] + frame["height"] - 2
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top)):
        page.mouse.move(x, y, steps=3)
    page.mouse.up()
    expect(chosen).to_contain_text(f"{SEEDS} seeds in the lasso, 12 of them shown")
    page.get_by_role("link", name="All their pictures").click()
    page.wait_for_url("**/matrix.html#seeds=*")


def test_paper_has_all_ranks(open_page: Open, data: ReportData) -> None:
    page = open_page("first/index.html")
    rows = page.locator("#ranking-table tbody tr")
    assert rows.count() == 20
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert rows.count() == SEEDS
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert rows.count() == 20


def test_two_runs_side_by_side(open_page: Open, data: ReportData) -> None:
    page = open_page("index.html")
    expect(page.locator("h1")).to_have_text("one <run> and two")
    expect(page.locator("#answer")).to_contain_text("they share <no> measurement.")
    page.locator("#pair-filter").fill("7, 9")
    assert page.locator(".pair-seed h3").all_inner_texts()[0].startswith("Seed 7")
    assert "20 prompts are in both runs" in page.locator("#pair-count").inner_text()
    page.locator("#pair-text").fill(data.prompts["p006"])
    button = page.locator(".pair-cells button").first
    button.click()
    assert shown_cell(page) == (data.prompts["p006"], "seed 7")
    assert "first/pictures/000007/0006.webp" in (page.locator(".viewer-layer img").get_attribute("src") or "")
    there = page.locator(".viewer-rival .cut").evaluate("box => box.style.backgroundImage")
    assert "second/images/sheets/000007.jpg" in there
    first, second = page.locator(".viewer-scores div").first.locator("dd").all_inner_texts()
    assert float(second) - float(first) == pytest.approx(1, abs=0.02)
    page.keyboard.press("ArrowDown")
    assert shown_cell(page)[1] == "seed 9" and page.locator(".viewer-names span").last.inner_text() == "seed 9, two"
    page.keyboard.press("Escape")
    assert button.evaluate("box => box === document.activeElement")
    page.get_by_role("link", name="two", exact=True).click()
    page.wait_for_url("**/second/index.html")


@pytest.mark.parametrize("path", ["index.html", "first/index.html", "first/matrix.html", "first/seeds/000003.html"])
def test_on_a_phone_nothing_but_the_matrix_scrolls_sideways(path: str, open_page: Open) -> None:
    page = open_page(path, viewport=PHONE, is_mobile=True, has_touch=True, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    wide = page.locator(".scroll").evaluate_all(
        "all => all.filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.ariaLabel)"
    )
    assert wide == []
    page.locator(".picture, .pair-cells button, [role=gridcell]").first.click()
    expect(page.locator("#viewer")).to_be_visible()
    assert page.locator("#viewer").evaluate("box => box.scrollWidth <= box.clientWidth")
