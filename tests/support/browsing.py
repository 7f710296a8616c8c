"""What the tests of pages ask of a browser."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from waiting import GENEROUS

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DESKTOP = {"width": 1280, "height": 800}


def failure(request: Any) -> list[str]:
    """What is wrong about a request of playwright's that failed: nothing, where the page was left while it was loading."""
    return [] if request.failure == "net::ERR_ABORTED" else [f"failed: {request.url} ({request.failure})"]


@contextmanager
def started_chromium() -> Iterator[Any]:
    """Chromium, as a browser of playwright's."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        sandbox = [] if os.geteuid() else ["--no-sandbox"]
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield chromium
        chromium.close()


@contextmanager
def watched_pages(browser: Any, folder: Path) -> Iterator[Callable[..., Any]]:
    """(path in a folder, options of the context) -> page; in the end, no page may have complained or asked for anything of
    others."""
    complaints: list[str] = []
    contexts = []

    def opened(path: str = "index.html", **options: object) -> Any:
        context = browser.new_context(**{"viewport": DESKTOP, "reduced_motion": "reduce"} | options)
        context.set_default_timeout(1000 * GENEROUS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("requestfailed", lambda request: complaints.extend(failure(request)))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(("file:", "data:", "blob:")) else complaints.append(request.url)
            ),
        )
        file, _, view = path.partition("#")
        page.goto((folder / file).as_uri() + (f"#{view}" if view else ""), timeout=1000 * GENEROUS)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
