"""The report in a real Chromium, from disk: sorted, filtered, pointed at, opened by keyboard; no error, no request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from browsing import CHROMIUM, started_chromium, watched_pages
from made_up_report import HARD_PROMPTS, made_up, made_up_pictures, repeated
from PIL import Image
from waiting import GENEROUS

from seedscope.analysis.report.data import ReportData
from seedscope.analysis.report.page import write_report

playwright = pytest.importorskip("playwright.sync_api", reason="the page is tested with the Python package playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the page is tested in Debian's chromium")

Browser, Page, expect = playwright.Browser, playwright.Page, playwright.expect
expect.set_options(timeout=1000 * GENEROUS)
Open = Callable[..., Page]
SEEDS, PROMPTS = 150, 16
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def data() -> ReportData:
    data = made_up(SEEDS, PROMPTS, np.random.default_rng(3))
    return replace(data, shown=list(data.prompts)[:6])


@pytest.fixture(scope="module")
def report(data: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(data, repeated(made_up_pictures(13), data), tmp_path_factory.mktemp("run") / "report").parent


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started_chromium() as chromium:
        yield chromium


@pytest.fixture
def open_page(browser: Browser, report: Path) -> Iterator[Open]:
    """(path in the report, options of the context) -> page."""
    with watched_pages(browser, report) as opened:
        yield opened


def seeds_shown(page: Page) -> list[int]:
    return [int(text) for text in page.locator("#ranking-table tbody a.seed").all_inner_texts()]


def point(page: Page, figure: str, seed: int) -> tuple[float, float]:
    """Where a seed's point lies in the window, once the figure is drawn and in view."""
    page.locator(f"#figure-{figure}").scroll_into_view_if_needed()
    expect(page.locator(f"#figure-{figure} .points path").first).to_be_attached()
    x, y = page.evaluate(
        """([name, seed]) => {
            const box = document.getElementById(`figure-${name}`);
            const { xaxis, yaxis } = box._fullLayout;
            const frame = box.getBoundingClientRect();
            for (const { customdata, x, y } of box.data) {
                const at = customdata.indexOf(seed);
                if (at < 0) continue;
                return [frame.left + xaxis._offset + xaxis.l2p(x[at]), frame.top + yaxis._offset + yaxis.l2p(y[at])];
            }
        }""",
        [figure, str(seed)],
    )
    return x, y


def test_every_figure_is_drawn_when_one_comes_near(open_page: Open, data: ReportData) -> None:
    page = open_page()
    figures = page.locator("[data-figure]")
    assert figures.count() == 4 + 3 + 2
    assert page.locator(".js-plotly-plot").count() < figures.count()
    for place in range(figures.count()):
        figures.nth(place).scroll_into_view_if_needed()
        expect(figures.nth(place).locator("svg.main-svg").first).to_be_visible()
    assert page.title() == data.title


def test_the_ranking_is_sorted_by_its_headings(open_page: Open, data: ReportData) -> None:
    page = open_page()
    assert seeds_shown(page) == data.ranked[:20]
    seed = page.get_by_role("columnheader", name="Seed").and_(page.locator("#ranking-table th"))
    seed.get_by_role("button").click()
    assert seeds_shown(page) == list(range(20)) and seed.get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Enter")  # the heading keeps the focus
    assert seeds_shown(page)[0] == SEEDS - 1 and seed.get_attribute("aria-sort") == "descending"
    effects = {s: value.effect.value for s, value in data.measures[0].seeds.items()}
    page.locator("#ranking-table th button", has_text="Effect").click()
    assert seeds_shown(page)[:5] == sorted(effects, key=lambda s: -(effects[s] or 0))[:5]
    page.locator("#ranking-all").click()
    assert len(seeds_shown(page)) == SEEDS


def test_the_ranking_is_filtered(open_page: Open, data: ReportData) -> None:
    page = open_page()
    page.locator("#ranking-filter").fill("7, 40-42")
    assert sorted(seeds_shown(page)) == [7, 40, 41, 42]
    page.locator("#ranking-filter").fill("seven")
    expect(page.locator("#ranking-count")).to_have_text("Seeds are written like this: 7, 40-60.")
    page.locator("#ranking-filter").fill("")
    page.locator("#ranking-golden").check()
    assert set(seeds_shown(page)) == set(data.golden.seeds)
    page.locator("#ranking-golden").uncheck()
    page.locator("#ranking-clear").check()
    clear = {seed for seed, value in data.measures[0].seeds.items() if (value.q or 0) <= 0.05}
    if len(clear) > 20:
        page.locator("#ranking-all").click()
    assert set(seeds_shown(page)) == clear


def test_another_measurement_is_loaded(open_page: Open, data: ReportData) -> None:
    page = open_page()
    page.locator("#ranking-measure").select_option(label="Fréchet distance (EfficientNet-Lite0)")
    expect(page.locator("#ranking-count")).to_contain_text("lower is better")
    shrunk = {s: value.shrunk.value for s, value in data.measures[2].seeds.items()}
    assert seeds_shown(page) == sorted(shrunk, key=lambda s: shrunk[s])[:20]


def test_pointing_at_the_map_shows_pictures_and_a_click_opens_the_seed(open_page: Open) -> None:
    page = open_page()
    x, y = point(page, "style-map", 42)
    page.mouse.move(x, y)
    expect(page.locator("#peek")).to_be_visible()
    seed = page.locator("#peek b").inner_text().removeprefix("seed ")
    assert page.locator("#peek .cut").count() == 6
    assert f"{int(seed):06d}.jpg" in page.locator("#peek .cut").first.evaluate("box => box.style.backgroundImage")
    page.mouse.click(x, y)
    page.wait_for_url(f"**/seeds/{int(seed):06d}.html")


def test_pointing_at_a_row_shows_pictures(open_page: Open, data: ReportData) -> None:
    page = open_page()
    page.locator("#ranking-table tbody a.seed").nth(3).hover()
    expect(page.locator("#peek b")).to_have_text(f"seed {data.ranked[3]}")
    page.keyboard.press("Escape")
    expect(page.locator("#peek")).to_be_hidden()


def test_all_works_by_keyboard(open_page: Open, data: ReportData) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    point(page, "style-map", 0)  # waits until it is drawn
    page.locator("#figure-style-map").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    leftmost = sorted(data.style.places, key=lambda s: data.style.places[s][0])
    expect(page.locator("#peek b")).to_have_text(f"seed {leftmost[1]}")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/seeds/{leftmost[1]:06d}.html")
    page.go_back()
    page.locator("#ranking-table tbody a.seed").first.focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/seeds/{data.ranked[0]:06d}.html")


def test_a_seed_page_shows_all_prompts(open_page: Open, data: ReportData) -> None:
    page = open_page("seeds/000003.html")
    words = page.locator("#pictures .words")
    assert words.count() == PROMPTS
    assert words.evaluate_all("all => all.map((each) => each.textContent)") == list(data.prompts.values())
    assert page.locator("#pictures em").count() == 2  # without a picture
    page.locator("#picture-filter").fill("قطة")
    assert page.locator("#pictures li:visible").count() == 1
    page.locator("#picture-filter").fill("")
    page.locator("#pictures button").nth(4).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#viewer")).to_be_visible()
    assert page.locator("#viewer-prompt").text_content() == HARD_PROMPTS[4]
    page.keyboard.press("ArrowRight")
    assert page.locator("#viewer-prompt").text_content() == data.prompts["p005"]
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()
    page.locator("a[rel=next]").click()
    page.wait_for_url(f"**/seeds/{data.ranked[data.ranked.index(3) + 1]:06d}.html")


def test_pictures_are_really_shown(open_page: Open) -> None:
    """The place of a picture on the sheet, as the browser paints it."""
    page = open_page("seeds/000005.html")
    cell = page.locator("#pictures .cut").nth(6)
    cell.scroll_into_view_if_needed()
    sheet = page.evaluate("seedscope.runs[0].sheet('5')")
    page.evaluate("async (path) => { const picture = new Image(); picture.src = path; await picture.decode(); }", sheet)
    shot = np.asarray(Image.open(BytesIO(cell.screenshot())).convert("RGB").resize((64, 64))).astype(float)
    expected = made_up_pictures(13)[(7 * 5 + 5 * 6) % 13].astype(float)
    others = [np.abs(shot - picture).mean() for picture in made_up_pictures(13)]
    assert np.abs(shot - expected).mean() == min(others) and min(others) < 12


@pytest.mark.parametrize("path", ["index.html", "seeds/000003.html"])
def test_a_phone_never_scrolls_sideways(path: str, open_page: Open) -> None:
    page = open_page(path, viewport=PHONE, is_mobile=True, has_touch=True)
    for figure in page.locator("[data-figure]").all():
        figure.scroll_into_view_if_needed()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    sizes = page.locator("p, li, td, th").evaluate_all(
        "all => all.map((each) => parseFloat(getComputedStyle(each).fontSize))"
    )
    assert min(sizes) >= 12


def test_seeds_too_large_for_a_number_of_javascript(browser: Browser, data: ReportData, tmp_path: Path) -> None:
    large = {seed: 2**63 - 1 - seed for seed in range(5)}
    first = data.measures[0]
    measured = replace(first, seeds={large[seed]: first.seeds[seed] for seed in large}, stability=None)
    order = sorted(large.values(), key=lambda seed: measured.seeds[seed].shrunk.value or 0.0)
    nothing = {"golden": None, "diverse": (), "style": None, "layout": {}, "text": ()}
    report = write_report(
        replace(data, measures=[measured], ranked=order, **nothing), lambda seed, prompt: None, tmp_path / "report"
    )
    page = browser.new_page()
    page.goto(report.as_uri())
    assert seeds_shown(page) == order
    page.locator("#ranking-filter").fill(str(large[3]))
    assert seeds_shown(page) == [large[3]]
    page.locator("#ranking-table tbody a.seed").click()
    page.wait_for_url(f"**/seeds/{large[3]}.html")
    expect(page.locator("h1")).to_have_text(f"Seed {large[3]}")
    page.close()


def test_dark_and_light(open_page: Open) -> None:
    page = open_page(color_scheme="dark")
    brightness = "() => Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])"
    assert page.evaluate(brightness) < 60
    page.locator("#figure-shares").scroll_into_view_if_needed()
    ticks = page.locator("#figure-shares .xtick text").first
    expect(ticks).to_be_attached()
    fill = "text => Number(getComputedStyle(text).fill.match(/\\d+/)[0])"
    assert ticks.evaluate(fill) > 180
    page.get_by_role("button", name="Switch to light colours").click()
    assert page.evaluate(brightness) > 200
    page.wait_for_function(f"(({fill})(document.querySelector('#figure-shares .xtick text'))) < 80")
    page.reload()
    assert page.evaluate(brightness) > 200
    assert open_page(color_scheme="light").evaluate(brightness) > 200


def test_paper_has_all_figures_and_no_controls(open_page: Open) -> None:
    page = open_page(color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.wait_for_function(
        "document.querySelectorAll('.js-plotly-plot').length === document.querySelectorAll('[data-figure]').length"
    )
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(253, 252, 249)"
    assert not page.locator("#ranking-controls").is_visible() and page.locator("#ranking-table").is_visible()


def test_the_policy_stops_scripts_and_requests(browser: Browser, report: Path) -> None:
    page = browser.new_page()
    refused: dict[str, str | None] = {}
    page.on("requestfailed", lambda request: refused.update({request.url: request.failure}))
    page.on("response", lambda response: refused.setdefault(response.url, None))
    page.goto((report / "index.html").as_uri())
    stopped = page.evaluate(
        """async () => {
            const stopped = [];
            document.addEventListener("securitypolicyviolation", (event) => stopped.push(event.effectiveDirective));
            const script = document.createElement("script");
            script.textContent = "window.injected = true";
            const picture = new Image();
            picture.src = "http://127.0.0.1:9/x.png";
            document.body.append(script, picture);
            await fetch("http://127.0.0.1:9/").catch(() => {});
            await new Promise((done) => setTimeout(done, 100));
            return [...stopped, String(window.injected)];
        }"""
    )
    assert {"script-src-elem", "img-src", "connect-src", "undefined"} == set(stopped)
    assert {url: why for url, why in refused.items() if url.startswith("http")} == {"http://127.0.0.1:9/x.png": "csp"}
    page.close()
