"""Pages of the documentation: their code runs and prints what they say, their commands exist, their links lead somewhere."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import project_pages
import pytest
import typer
import yaml
from documented import Block, blocks, calls, compare, run_page
from repository import ROOT
from site_pages import generated

from seedscope.jobs.cli import app
from seedscope.pipeline.study.schema import Study

DOCS = ROOT / "docs"
WRITTEN = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
"""Pages whose code is run."""
OTHERS = [ROOT / file for file in project_pages.PLACES if file != "README.md"]
OWN_TEST = {"tables.md"}
"""Pages whose code is run by a test of their own."""
PROGRAM = typer.main.get_command(app)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def runs(page: Path) -> bool:
    return page.name not in OWN_TEST and any(block.runs for block in blocks(page))


@pytest.mark.parametrize("page", filter(runs, WRITTEN), ids=name)
def test_its_code_runs_and_prints_what_it_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for shown in ("configs", "pipeline", "docs"):
        (tmp_path / shown).symlink_to(ROOT / shown)
    monkeypatch.chdir(tmp_path)
    run_page(blocks(page))


@pytest.mark.parametrize("page", [*WRITTEN, *OTHERS], ids=name)
def test_its_commands_exist(page: Path) -> None:
    """Each line that begins with `seedscope`, whether it is run or not."""
    for line in lines(page):
        words = [re.sub(r"^<.*>$", "x", word) for word in shlex.split(line, comments=True)][1:]
        parse(PROGRAM, words)


def lines(page: Path) -> Iterator[str]:
    for block in blocks(page):
        if block.language in ("console", "sh", ""):
            yield from (line for line, _ in calls(block) if line.startswith("seedscope "))
    text = page.read_text(encoding="utf-8")
    yield from (match[0].strip() for match in re.finditer(r"^    seedscope \S+( \S+)*( +#.*)?$", text, re.MULTILINE))


def parse(program: Any, words: list[str]) -> None:
    """Raise where no command is called so, or one takes no such option."""
    while hasattr(program, "commands"):
        assert words[0] in program.commands, words
        program, words = program.commands[words[0]], words[1:]
    if not {"--help", "-h"} & {*words}:
        program.make_context(program.name, words)


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_no_code_stands_outside_of_blocks(page: Path) -> None:
    """An indented block would not be run. That of a formula is none of code."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"\n\n {4,}(seedscope|pip|make|python|import|from|\$) ", text)


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_its_studies_are_valid(page: Path) -> None:
    """Whole ones, and parts of one put into a study that has the rest."""
    rest = {"name": "x", "model": "sprout", "prompts": ["a cat"], "seeds": "0-3"}
    for block in blocks(page):
        if block.language == "yaml" and not block.title and not block.excuse:
            Study.model_validate(rest | yaml.safe_load(block.text))


def test_links_lead_somewhere() -> None:
    """Of every page of the site, and of the files at the top as they lie in the repository."""
    site = {name(page).removeprefix("docs/"): page.read_text(encoding="utf-8") for page in WRITTEN[1:]} | generated()
    for page, text in site.items():
        for _, target in project_pages.links(text):
            file, _, anchor = target.partition("#")
            if ":" in target:
                continue
            there = posixpath.normpath(posixpath.join(posixpath.dirname(page), file)) if file else page
            known = there in site or (DOCS / there).is_file() or there in project_pages.pictures()
            assert known, f"{page}: {target} is nowhere"
            assert not anchor or anchor in anchors(site[there]), f"{page}: {target} has no such heading"
    for file in project_pages.PLACES:
        for _, target in project_pages.links((ROOT / file).read_text(encoding="utf-8")):
            if ":" not in target:
                assert ((ROOT / file).parent / target.partition("#")[0]).exists(), f"{file}: {target} is nowhere"


def anchors(text: str) -> set[str]:
    """Of its headings, as mkdocs makes them."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", head).strip().lower()) for head in heads}


def test_every_page_is_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = {name(page).removeprefix("docs/") for page in WRITTEN[1:]} | {*generated()}
    by_itself = ("measurements/", "how-to/")
    assert {page for page in pages if not page.startswith(by_itself)} <= {*re.findall(r"[\w/-]+\.md", text)}


@pytest.mark.parametrize(
    ("said", "printed", "same"),
    [
        ("wrote ...\nDone in ... s", "wrote a\nwrote b\nDone in 12.5 s", True),
        ("share 2.70 %", "share  2.71 %", True),
        ("share 2.7 %", "share 3.7 %", False),
        ("seed 28", "seed 29", False),
        ("1,024 pictures", "1,024 pictures more", False),
        ("", "something", False),
    ],
)
def test_what_is_printed_is_compared(said: str, printed: str, same: bool) -> None:
    if same:
        compare("here", said, printed)
    else:
        with pytest.raises(AssertionError):
            compare("here", said, printed)


def test_a_block_is_excused_by_the_comment_before_it() -> None:
    text = "<!-- not run: needs a GPU -->\n\n```sh\nseedscope doctor\n```\n\n```python\nprint(1)\n```\n"
    assert blocks(Path("page.md"), text) == [
        Block("page.md", 3, "sh", "", "seedscope doctor\n", "needs a GPU"),
        Block("page.md", 7, "python", "", "print(1)\n", ""),
    ]
