"""Every feature and every distance has its page, by one template."""

import pytest
from measurement_pages import HEADINGS, PARTS, filled, index, names, sections

NAMES = names()


def test_pages_are_those_of_the_measurements() -> None:
    assert {page.stem for page in PARTS.glob("*.md")} == {*NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_every_heading_and_something_under_it(name: str) -> None:
    page = sections(filled(name, (PARTS / f"{name}.md").read_text(encoding="utf-8")))
    assert tuple(page)[1:] == HEADINGS
    empty = [heading for heading, text in page.items() if len(text.strip()) < 12]
    assert not empty
    assert page["Source"].count("Source:") + page["Source"].count("(20") >= 1


def test_the_list_names_all() -> None:
    assert all(f"[`{name}`]({name}.md)" in index() for name in NAMES)
