"""A run that was really made, as a report: what its pages and files say is what the run's tables hold."""

from __future__ import annotations

import csv
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from browsing import failure
from finished_runs import command, made
from made_up_run import made_up, publish_run
from PIL import Image

from seedscope.analysis.experiments.finding import Finding, Picture, Table, mark_of
from seedscope.analysis.experiments.finding import place as place_of
from seedscope.analysis.judging import map_of_run
from seedscope.analysis.report.gather.gather import make_report, report_data
from seedscope.analysis.report.gather.how_made import failed_cells
from seedscope.analysis.report.gather.layouts import coverage
from seedscope.analysis.run.opened import run_of
from seedscope.analysis.run.pictures import RunPictures
from seedscope.jobs.work.make import make
from seedscope.pipeline.errors import CorruptShard, UserError
from seedscope.pipeline.images import decode, decode_mask
from seedscope.pipeline.running.runner import Executor, Unwatched

SEEDS, PROMPTS = 6, 6
STUDY = {
    "name": "tiny",
    "model": "sprout-turbo",
    "sampling": {"steps": 1, "guidance": {"scale": 0}},
    "compute": {"device": "cpu"},
    "prompts": [{"grid": {"objects": ["cat", "car", "tree", "duck", "robot", "fish"]}}],
    "seeds": f"0-{SEEDS - 1}",
    "unit": {"prompts": 4, "seeds": 4},
    "features": [
        "looks",
        {"clip_score": {"model": "sprout-clip"}},
        {"layout": {"model": "sprout-layout/segmentation", "depth": "sprout-layout/depth", "objects": "any"}},
        "style_efficientnet_lite0",
    ],
    "ranking": {"by": "clip_score", "golden": 2, "shuffles": 20},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = made(tmp_path_factory.mktemp("report"), STUDY)
    output = command("report", file, "--out", file.parent / "run")
    assert f"wrote {file.parent / 'run' / 'report' / 'index.html'}" in output
    return file


@pytest.fixture(scope="module")
def report(study: Path) -> Path:
    return study.parent / "run" / "report"


def table(report: Path, name: str) -> list[dict[str, str]]:
    with (report / "data" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def cells(run: Path, kind: str) -> list[dict[str, Any]]:
    """All rows of a table of the run."""
    return [row for path in sorted(run.glob(f"{kind}-*/*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_values_are_those_of_the_shards(report: Path) -> None:
    rows = {(row["measure"], int(row["seed"])): row for row in table(report, "seeds")}
    for measure, kind, column in (
        ("looks_greyscale", "looks", "greyscale"),
        ("looks_saturation", "looks", "saturation"),
        ("clip_score", "clip_score", "clip_score"),
    ):
        found = cells(report.parent, kind)
        for seed in range(SEEDS):
            mine = [float(cell[column]) for cell in found if cell["seed"] == seed]
            row = rows[measure, seed]
            assert float(row["value"]) == pytest.approx(np.mean(mine), rel=1e-5, abs=1e-9)
            assert int(row["n"]) == PROMPTS and float(row["value_low"]) <= float(row["value"]) <= float(
                row["value_high"]
            )


def test_measurements_are_those_of_the_run(report: Path) -> None:
    expected = {row["measure"]: row for row in pq.read_table(report.parent / "measures.parquet").to_pylist()}
    rows = table(report, "measures")
    assert {row["measure"] for row in rows} == set(expected) and rows[0]["measure"] == "clip_score"
    for row in rows:
        known = expected[row["measure"]]
        assert row["title"] and not row["title"].startswith(("looks", "layout"))
        for name, column in (("p", "p"), ("share_seed", "seed_share"), ("reliability", "reliability")):
            assert (float(row[name]) if row[name] else None) == pytest.approx(known[column])


def test_heat_maps_are_the_means_of_the_masks(report: Path) -> None:
    heat = table(report, "layout_heat")
    measured = cells(report.parent, "layout")
    for row in table(report, "layout"):
        mine = [cell for cell in measured if cell["seed"] == int(row["seed"]) and cell["mask"] is not None]
        shares = [float(cell["share"]) for cell in heat if cell["seed"] == row["seed"]]
        assert len(shares) == 16 * 16
        # 64 pixels are 4 to a cell, so that the mean over cells is that over pixels.
        assert np.mean(shares) == pytest.approx(np.mean([cell["size"] for cell in mine]), rel=1e-5)
        assert int(row["pictures"]) == len(mine)
        assert float(row["mean_x"]) == pytest.approx(np.mean([cell["x"] for cell in mine]), rel=1e-5)
    corner = np.zeros((48, 32), dtype=np.bool_)
    corner[:24, 16:] = True
    assert coverage(corner, 2).tolist() == [[0, 1], [0, 0]]
    one = decode_mask(next(cell["mask"]["bytes"] for cell in measured if cell["mask"] is not None))
    assert coverage(one, 1).item() == pytest.approx(one.mean())


def test_the_sheet_of_a_seed_shows_its_pictures(report: Path) -> None:
    prompts = [row["prompt_id"] for row in table(report, "prompts")]
    sheet = np.asarray(Image.open(report / "images" / "sheets" / "000005.jpg")).astype(float)
    pictures = {row["prompt_id"]: row["image"]["bytes"] for row in cells(report.parent, "images") if row["seed"] == 5}
    side, columns = 64, 3
    for place, prompt in enumerate(prompts):
        top, left = side * (place // columns), side * (place % columns)
        shown = sheet[top : top + side, left : left + side]
        assert np.abs(shown - decode(pictures[prompt])).mean() < 4


def test_diverse_seeds_and_how_it_was_made_are_told(study: Path, report: Path) -> None:
    record = json.loads((report.parent / "diverse.json").read_text())
    rows = table(report, "diverse")
    assert [int(row["seed"]) for row in rows] == [seed for each in record["sets"] for seed in each["seeds"]]
    assert len(rows) == 4 * len(record["sets"])
    evidence = record["sets"][0]["evidence"]
    assert float(rows[0]["similarity"]) == pytest.approx(evidence["similarity"]) and evidence["prompts"] == PROMPTS / 2
    page = (report / "index.html").read_text(encoding="utf-8")
    for words in ("sha256", "64 x 64 pixels", "torch", "clip_score (model: sprout-clip)", "Cells that failed"):
        assert words in page
    assert (
        json.loads(command("diverse", study, "--out", report.parent, "--json"))[0]["seeds"]
        == record["sets"][0]["seeds"]
    )


def test_the_map_is_made_once_and_again_when_it_is_out_of_date_or_damaged(study: Path, report: Path) -> None:
    stored = report.parent / "clusters.json"
    job = run_of(study, report.parent)
    before = stored.stat().st_mtime_ns, stored.read_text()
    report_data(job)
    assert stored.stat().st_mtime_ns == before[0]
    stored.write_text(before[1].replace(json.loads(before[1])["source"], "0" * 64))
    style = report_data(job).style
    assert stored.read_text() == before[1] and style is not None and set(style.places) == set(range(SEEDS))
    seeds = report.parent / "map_seeds.parquet"
    seeds.write_bytes(seeds.read_bytes()[:-20])
    assert report_data(job).style == style


def test_a_map_whose_sheets_were_never_drawn_is_no_map(
    study: Path, report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the report was killed while it drew them."""
    run = tmp_path / "run"
    shutil.copytree(report.parent, run)
    for product in (*run.glob("map*"), run / "clusters.json"):
        product.unlink()

    def killed(*_: object) -> list[Path]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(map_of_run, "draw_sheets", killed)
        report_data(run_of(study, run))
    report_data(run_of(study, run))
    assert (run / "map.png").exists() and (run / "clusters.json").exists()


def test_pictures_come_from_several_threads_and_little_memory(study: Path, report: Path) -> None:
    job = run_of(study, report.parent)
    truth = {(row["seed"], row["prompt_id"]): row["image"]["bytes"] for row in cells(report.parent, "images")}
    pictures = RunPictures(job.images, job.units, kept_bytes=1)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda key: pictures(*key), truth))
    assert all((pixels == decode(data)).all() for pixels, data in zip(found, truth.values(), strict=True))
    assert pictures(99, next(iter(truth))[1]) is None and pictures(0, "unknown") is None


def test_what_is_damaged_or_missing_is_told(study: Path, report: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(report.parent, run, ignore=shutil.ignore_patterns("report", ".lock"))
    shard = next(run.glob("images-*/*.parquet"))
    shard.write_bytes(shard.read_bytes()[:2000])
    with pytest.raises(CorruptShard, match=shard.name):
        make_report(run_of(study, run), run / "report")
    assert not (run / "report").exists()
    next(run.glob("receipts/looks-*/*.json")).unlink()
    with pytest.raises(UserError, match="1 of 4 units have no measurements of looks yet"):
        make_report(run_of(study, run), run / "report")
    with pytest.raises(UserError, match="holds files that are no report"):
        make_report(run_of(study, report.parent), run)


def test_failed_cells_are_told_with_their_reason(study: Path, report: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(report.parent, run, ignore=shutil.ignore_patterns("report", ".lock"))
    job = run_of(study, run)
    unit = job.units[0]
    for table_of, failing, reason in (
        (job.images, (0,), "NaN in the latents"),
        (job.measures[1].table, (0, 1), "too small"),
    ):
        rows = table_of.read(unit.name).to_pylist()
        for place in failing:
            known = {name: rows[place].get(name) for name in ("prompt_id", "prompt", "seed")}
            rows[place] = known | {"status": "failed", "error": reason}
        made_by = table_of.receipt(unit.name).made
        table_of.revoke(unit.name)
        table_of.publish(unit, pa.Table.from_pylist(rows, schema=table_of.schema), made_by)
    (first, seed), (second, _) = list(unit.cells)[:2]
    assert failed_cells(job) == {
        f"seed {seed}, prompt {first.id} (a cat)": "NaN in the latents",
        f"seed {seed}, prompt {second.id} (a car), clip_score": "too small",
    }
    pictures = RunPictures(job.images, job.units)
    assert pictures(seed, first.id) is None and pictures(seed, second.id) is not None
    data = report_data(job)
    assert data.measures[0].missing == 2 and data.measures[0].cells == SEEDS * PROMPTS - 2


def test_it_opens_without_a_complaint(report: Path) -> None:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="pages are opened with the Python package playwright"
    )
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("pages are opened in Debian's chromium")
    complaints: list[str] = []
    with playwright.sync_playwright() as started:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]
        browser = started.chromium.launch(executable_path=chromium, args=sandbox)
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.extend(failure(request)))
        page.goto((report / "index.html").as_uri())
        for figure in page.locator("[data-figure]").all():
            figure.scroll_into_view_if_needed()
            playwright.expect(figure.locator("svg.main-svg").first).to_be_visible()
        page.locator("#ranking-table tbody a.seed").first.click()
        playwright.expect(page.locator("h1")).to_contain_text("Seed ")
        Image.open(BytesIO(page.locator("#pictures .cut").first.screenshot())).verify()
        browser.close()
    assert complaints == []


def test_an_inpainting_study_tells_its_text_rates(tmp_path: Path) -> None:
    inpaint = {"inpaint": {"pictures": "sprout", "limit": 2}, "seeds": "0-1", "features": ["text"]}
    kept = {key: STUDY[key] for key in ("name", "compute")}
    sampling = {"scheduler": "ddim", "steps": 2, "guidance": {"scale": 2.0}}
    ranking = {"by": "text", "golden": 1, "shuffles": 20}
    file = made(tmp_path, kept | inpaint | {"model": "sprout", "sampling": sampling, "ranking": ranking})
    run = tmp_path / "run"
    command("report", file, "--out", run, "--to", tmp_path / "pages")
    rows = table(tmp_path / "pages", "text")
    expected = pq.read_table(run / "text_rates.parquet").to_pylist()
    found = {(row["task"], row["seed"]): float(row["rate"]) for row in rows}
    assert found == {(row["task"], str(row["seed"])): pytest.approx(row["rate"]) for row in expected} | {
        (row["task"], "before"): pytest.approx(row["before"]) for row in expected
    }
    words = {row["prompt"] for row in table(tmp_path / "pages", "prompts")}
    assert len(words) == 4 and any("removal" in text and "clear background" in text for text in words)


def test_imported_pictures_have_a_report(imported: Path) -> None:
    job = run_of(imported)
    with job.folder.locked():
        make(job, Executor("inline", threads=1), Unwatched(), features=True)
    page = make_report(job, imported.parent / "report")
    data = report_data(job)
    assert page.exists() and data.by == "fd_efficientnet_lite0" and len(data.ranked) == 3
    assert data.style is None and any("a map needs at least 4" in line for line in data.made["Not judged"])
    assert any("imported" in line for line in data.made["Study"]) and "Model" not in data.made
    assert (imported.parent / "report" / "seeds" / "000200.html").exists() and data.failed == {}


def test_what_experiments_found_is_a_section_of_its_own(study: Path, tmp_path: Path) -> None:
    run = run_of(study, study.parent / "run")
    Image.new("RGB", (8, 8), "teal").save(place_of(run.folder.path, "swap.png"))
    finding = Finding(
        name="swap",
        title="What decides, the first noise or the <later>?",
        sentences=["The first noise decides 90 % (80 to 95).", "The later 1 %."],
        tables=[Table(title="Shares", columns=["of", "share"], rows=[["=brightness", 0.12345], ["place", None]])],
        pictures=[Picture(file="swap.png", caption="Distance over steps")],
        run=mark_of(run),
        settings={"prompts": 1200},
    )
    grown = replace(run, wanted=replace(run.wanted, seeds=(*run.wanted.seeds, 99)))
    assert mark_of(grown) != mark_of(run), "a finding on fewer seeds is none of the run as it stands"
    saved = finding.save(run.folder.path)
    other = finding.model_copy(update={"name": "identify", "run": "0" * 64}).save(run.folder.path)
    try:
        page = make_report(run, tmp_path / "report").read_text(encoding="utf-8")
    finally:
        saved.unlink()
        other.unlink()
    assert "What decides, the first noise or the &lt;later&gt;?" in page and "<later>" not in page
    assert '<img src="experiments/swap.png" alt="Distance over steps"' in page and "0.123" in page and "1,200" in page
    assert "identify.json: is of other pictures" in page
    assert (tmp_path / "report" / "experiments" / "swap.png").read_bytes() == place_of(
        run.folder.path, "swap.png"
    ).read_bytes()
    rows = table(tmp_path / "report", "swap-1")
    assert rows == [{"of": "'=brightness", "share": "0.12345"}, {"of": "place", "share": ""}]


def test_two_runs_have_a_page_with_both_reports(tmp_path: Path) -> None:
    runs = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        publish_run(tmp_path / name, made_up(6, 8, rng=len(runs)))
        runs.append(tmp_path / name / "run")
        command("seeds", runs[-1])
        command("export", runs[-1])
    with pytest.raises(AssertionError, match="A page has one run, or two"):
        command("report", *runs, runs[0])
    with pytest.raises(AssertionError, match="neither a number, such as 1000, nor all"):
        command("report", *runs, "--pictures", "many")
    page = tmp_path / "pages" / "index.html"
    assert f"wrote {page}" in command("report", *runs, "--to", page.parent, "--pictures", "3").replace("\n", "")
    text = page.read_text(encoding="utf-8")
    assert "8 seeds in common, the same 6 prompts." in text and "Do seeds keep their character?" in text
    for folder in ("first", "second"):
        assert (page.parent / folder / "matrix.html").exists()
        assert len(list((page.parent / folder / "pictures").rglob("*.webp"))) == 3
