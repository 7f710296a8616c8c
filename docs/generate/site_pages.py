"""What mkdocs calls: pages that are made from code or from files at the top are added to those of docs/.

A generator is one file of this folder; none of it is in the wheel.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

import column_page
import command_page
import measurement_pages
import project_pages
import python_page
import study_page

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

DOCS = Path(__file__).parents[1]
PAGES = {
    "measurements/index.md": measurement_pages.index,
    "reference/study.md": study_page.page,
    "reference/commands.md": command_page.page,
    "reference/columns.md": column_page.page,
    "reference/python.md": python_page.page,
}
"""Page -> what writes it, of those that have no file."""


def generated() -> dict[str, str]:
    """Each page that has no file under docs/, as Markdown."""
    return {page: write() for page, write in PAGES.items()} | project_pages.pages()


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the page of each measurement into the navigation, and how-tos that it does not name."""
    groups: dict[str, list[dict[str, str]]] = {"feature": [], "distance": []}
    for name, kind in measurement_pages.names().items():
        groups[kind].append({name: f"measurements/{name}.md"})
    own: list[object] = [
        "measurements/index.md",
        {"Of a picture": groups["feature"]},
        {"Of a seed": groups["distance"]},
    ]
    config.nav = [{"Measurements": own} if "Measurements" in item else item for item in config.nav or []]
    (how_to,) = (item["How to"] for item in config.nav if "How to" in item)
    named = {page for item in how_to for page in item.values()}
    how_to += sorted({f"how-to/{page.name}" for page in (DOCS / "how-to").glob("*.md")} - named)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that have no file, and the pictures that they show."""
    from mkdocs.structure.files import File

    for page, text in generated().items():
        files.append(File.generated(config, page, content=text))
    for place, picture in project_pages.pictures().items():
        files.append(File.generated(config, place, abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Fill in what the code knows of a measurement."""
    folder, _, name = page.file.src_uri.rpartition("/")
    if folder == "measurements" and name != "index.md":
        return measurement_pages.filled(name.removesuffix(".md"), markdown)
    return markdown
