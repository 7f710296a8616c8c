"""The report of 1,024 seeds x 880 prompts: how long it takes to write, how large it is, how fast Chromium opens it.

python benchmarks/report.py

Feature tables are made up and pictures repeated, so that only the report's own work counts. Opening is from the call to the
moment that the ranking stands and the first figure is drawn, or, of the matrix, that every picture in view and its score are
there, each time in a fresh browser context.
"""

import argparse
import os
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from made_up_report import made_up, made_up_pictures, repeated

from seedscope.analysis.report.page import write_report

PICTURES = 97
MIB = 2**20


def size(*paths: Path) -> int:
    """Bytes of files, and of all files in folders."""
    files = (file for path in paths for file in (path.rglob("*") if path.is_dir() else (path,)))
    return sum(file.stat().st_size for file in files if file.is_file())


def opening(page_file: Path, rounds: int) -> tuple[list[float], list[float], list[float], list[float]]:
    """Seconds until the ranking stands and the first figure is drawn; for sorting all seeds by a click; until the matrix
    stands; and until all single pictures, by score, stand in its place."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    opened, sorted_after, in_matrix, in_list = [], [], [], []
    scores = "() => [...document.querySelectorAll('.matrix-cell small')].some((each) => each.textContent.length > 1)"
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=[] if os.geteuid() else ["--no-sandbox"])
        for _ in range(rounds):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            start = time.perf_counter()
            page.goto(page_file.as_uri())
            page.wait_for_selector("#ranking-table tbody tr")
            page.wait_for_selector("#figure-shares svg.main-svg")
            opened.append(time.perf_counter() - start)
            page.click("#ranking-all")
            sorted_after.append(
                page.evaluate(
                    """() => new Promise((done) => {
                        const start = performance.now();
                        document.querySelector("#ranking-table th:nth-child(2) button").click();
                        document.body.offsetHeight;
                        requestAnimationFrame(() => done((performance.now() - start) / 1000));
                    })"""
                )
            )
            context.close()
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            start = time.perf_counter()
            page.goto(page_file.with_name("matrix.html").as_uri())  # until "load": all sheets in view are read
            page.wait_for_function(scores)
            in_matrix.append(time.perf_counter() - start)
            in_list.append(
                page.evaluate(
                    """() => new Promise((done) => {
                        const start = performance.now();
                        const view = document.getElementById("matrix-view");
                        view.value = "list";
                        view.dispatchEvent(new Event("input"));
                        document.body.offsetHeight;
                        requestAnimationFrame(() => done((performance.now() - start) / 1000));
                    })"""
                )
            )
            context.close()
        browser.close()
    return opened, sorted_after, in_matrix, in_list


def spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):8.2f} s   ({min(seconds):.2f} to {max(seconds):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1024)
    parser.add_argument("--prompts", type=int, default=880)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="write the report here, and keep it")
    options = parser.parse_args()
    data = made_up(options.seeds, options.prompts)
    picture = repeated(made_up_pictures(PICTURES), data)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary) / "report"
        start, cpu = time.perf_counter(), time.process_time()
        index = write_report(data, picture, folder)
        took, worked = time.perf_counter() - start, time.process_time() - cpu
        page = size(index, folder / "assets", folder / "parts" / "measure_0.js")
        print(f"{options.seeds} seeds x {options.prompts} prompts, {len(data.measures)} measurements")
        print(f"written in                         {took:8.1f} s   ({worked:.1f} s of processor; wanted 180)")
        print(f"page beside its pictures           {page / 1e6:8.2f} MB  (wanted 2)")
        print(f"pictures                           {size(folder / 'images') / MIB:8.0f} MiB")
        print(
            f"pages of seeds, CSV, tables        {size(*(folder / part for part in ('seeds', 'data', 'parts'))) / MIB:8.0f} MiB"
        )
        print(f"peak memory                        {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB:8.2f} GiB")
        opened, in_order, matrix, singles = opening(index, options.rounds)
        print(f"opened in Chromium                 {spread(opened)}; wanted 2)")
        print(f"all seeds sorted by a click        {spread(in_order)})")
        print(f"the matrix opened                  {spread(matrix)}; wanted 2)")
        print(f"all pictures sorted by a score     {spread(singles)})")


if __name__ == "__main__":
    main()
