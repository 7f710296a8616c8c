"""CSV and TSV of strangers: every row is read whole, or a sentence names its line."""

from pathlib import Path

import pytest

from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.study.prompts import read_prompts
from seedscope.pipeline.study.schema import FileSource


def texts(path: Path, content: str | bytes, **options: object) -> list[str]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [item.text for item in read_prompts([FileSource.model_validate({"file": path, **options})])]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("prompt\na dog\na cat, sitting\n", ":3: has 2 values for 1 column (prompt). Put a text with a comma"),
        ("id,prompt\n1,a cat, sitting\n", ":2: has 3 values for 2 columns (id, prompt)"),
        ("prompt,\na cat, sitting\n", ":2: has 2 values for 1 column (prompt)"),
        ("prompt;\na cat; sitting\n", ":2: has 2 values for 1 column (prompt)"),
        ('prompt\na cat\n"open quote\na dog\n', ":3: opens a quote that nothing closes"),
        (
            'prompt\n"Queen of the Robots," created\na dog\n',
            ":2: opens a quote that is closed, on line 2, in the middle",
        ),
        ('prompt\n"open\na dog\na disk of 5"\n', ":2: opens a quote that takes in the line 'a dog', which looks like"),
        ('id,prompt\n1,a\n2,"open\n3,a dog\n4,a disk of 5"\n', ":3: opens a quote that takes in the line '3,a dog'"),
        ('"prompt\na cat\na dog"\n', ":1: opens a quote that takes in the line 'a cat'"),
        ('id,prompt,n\n1,"open,2\n3,a disk of 5",4\n', ":2: opens a quote that takes in the line '3,a disk of 5'"),
        ('id,prompt,n\n1,"a cat, red,2\n3,a disk, 5",4\n', ":2: opens a quote that takes in the line '3,a disk, 5'"),
        ('prompt,id,n\n"open,1,2\na disk of 5",3,4\n', ":2: opens a quote that takes in the line 'a disk of 5'"),
        ("prompt,prompt\na,b\n", ":1: names the column 'prompt' twice"),
        ("prompt, prompt\na,b\n", ":1: names the column 'prompt' twice"),
        ("prompt\ncaf\xe9\n".encode("latin-1"), ":2: is not UTF-8 text (a byte is 0xe9). Save the file as UTF-8."),
    ],
)
def test_rows_that_would_be_cut_or_swallowed_are_refused(tmp_path: Path, content: str | bytes, sentence: str) -> None:
    with pytest.raises(StudyError) as error:
        texts(tmp_path / "p.csv", content)
    assert f"p.csv{sentence}" in str(error.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('prompt\n"a cat, sitting"\n5" disk\n"a ""red"" fox"\n', ["a cat, sitting", '5" disk', 'a "red" fox']),
        ('file, prompt\na.png, "a cat, sitting"\n', ["a cat, sitting"]),
        ('id,prompt,n\n1,"two\nlines",2\n', ["two\nlines"]),
        ('id,prompt,n\n1,"two, red\nlines, blue",2\n', ["two, red\nlines, blue"]),
        ('prompt,id,n\n"two, red, big\nlines",1,2\n', ["two, red, big\nlines"]),
        ('id;"a, b";prompt\n1;2;a cat, red\n', ["a cat, red"]),
        ("id|prompt\n1|a cat, red\n", ["a cat, red"]),
        ("\ufeff\ufeffprompt,id\n\ufeffa cat,1\n", ["a cat"]),
        ("prompt,\na cat,\n", ["a cat"]),
        ("id;prompt\n1;a cat, red\n", ["a cat, red"]),
        ("sep=;\nid;prompt\n1;a cat, red\n", ["a cat, red"]),
        ('"SEP=;"\nid;prompt\n1;a cat, red\n', ["a cat, red"]),
        ("id\tprompt\n1\ta cat, red\n", ["a cat, red"]),
        ("prompt\na café\n".encode("utf-16"), ["a café"]),
        ("\ufeffPrompt\r\na cat\r\n\r\na dog\r\n", ["a cat", "a dog"]),
        ("prompt\n" + "word " * 40_000 + "\n", [("word " * 40_000).strip()]),
    ],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, content: str | bytes, expected: list[str]) -> None:
    assert texts(tmp_path / "p.csv", content) == expected


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("p.txt", "a cat\n".encode("utf-16-le"), "p.txt: cannot be read as a .txt file: it has zeros between"),
        ("p.csv", "prompt\na cat\n".encode("utf-16-be"), "p.csv: cannot be read as a .csv file: it has zeros between"),
        ("p.txt", "a cat\n".encode("utf-32"), "p.txt: cannot be read as a .txt file: it has zeros between"),
        ("p.txt", "a dog\n" + "a" * 5000 + "\na\0cat\n", "p.txt:3: the prompt 'a\\x00cat' or its group has half"),
        (
            "p.csv",
            "Prompt,prompt\na,b\n",
            "has the columns 'Prompt' and 'prompt'. Name the one of the prompts by `column:`",
        ),
    ],
)
def test_files_that_are_no_text_or_tell_two_prompts(
    tmp_path: Path, name: str, content: str | bytes, sentence: str
) -> None:
    with pytest.raises(StudyError) as error:
        texts(tmp_path / name, content)
    assert sentence in str(error.value)


def test_files_that_were_joined_have_marks_in_their_middle(tmp_path: Path) -> None:
    assert texts(tmp_path / "p.txt", "\ufeffa cat\n\ufeffa dog\n\u200b\n") == ["a cat", "a dog"]


def test_prompts_without_a_group_stand_alone(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text(
        '{"prompt": "a", "g": "x"}\n{"prompt": "b", "g": null}\n{"prompt": "c", "g": " "}\n{"prompt": "d", "g": NaN}'
    )
    found = read_prompts([FileSource.model_validate({"file": path, "group": "g"})])
    assert [item.has_named_group for item in found] == [True, False, False, False]
    path.with_suffix(".csv").write_text("prompt,g\na,x\nb,\n")
    found = read_prompts([FileSource.model_validate({"file": path.with_suffix(".csv"), "group": "g"})])
    assert [item.has_named_group for item in found] == [True, False]


def test_tabs_know_no_quotes(tmp_path: Path) -> None:
    path = tmp_path / "p.tsv"
    content = 'prompt\tn\n"G I G G L E" painted on a wall\t1\na dog, "x\t2\n'
    assert texts(path, content) == ['"G I G G L E" painted on a wall', 'a dog, "x']
    for cell, reason in (('"a ""red"" fox"', "begins and ends with a quote"), ('"two', "opens a quote that it does")):
        with pytest.raises(StudyError, match=f"p.tsv:3: column 'prompt' {reason}"):
            texts(path, f"prompt\tn\na cat\t1\n{cell}\t2\n")


def test_repeated_prompts_are_told_at_once_or_dropped(tmp_path: Path) -> None:
    content = "image_id,caption\n1,a man\n2,a man\n3,a dog\n4,a dog\n5,a man \n"
    with pytest.raises(StudyError) as error:
        texts(tmp_path / "p.csv", content)
    assert all(f"p.csv:{line}: the prompt" in str(error.value) for line in (3, 5, 6))
    assert "There are 3 such prompts" in str(error.value) and "`repeats: drop`" in str(error.value)
    assert texts(tmp_path / "p.csv", content, repeats="drop") == ["a man", "a dog"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('{"prompt": "a \\ud83d cat"}', ":1: the prompt 'a \\ud83d cat' or its group has half of a character"),
        ('{"prompt": "a", "x": ' + "9" * 5000 + "}", ":1: cannot be read: it holds a number of thousands of digits."),
        ("[" * 100_000, ":1: cannot be read: it is nested more than 50 deep."),
        ('{"prompt": "a cat", "prompt": "a dog"}', ":1: cannot be read: the key 'prompt' stands in it twice."),
    ],
)
def test_lines_of_json_that_cannot_be_prompts(tmp_path: Path, line: str, sentence: str) -> None:
    with pytest.raises(StudyError) as error:
        texts(tmp_path / "p.jsonl", f"{line}\n")
    assert f"p.jsonl{sentence}" in str(error.value)


@pytest.mark.parametrize("ending", ["\n", "\r", "\r\n"])
def test_a_cell_may_end_in_a_line_break(tmp_path: Path, ending: str) -> None:
    assert texts(tmp_path / "p.csv", f'id,prompt\n1,"a cat{ending}"\n2,a dog\n') == ["a cat", "a dog"]
    assert texts(tmp_path / "p.csv", f'id,prompt\n"1{ending}",a cat\n2,a dog\n') == ["a cat", "a dog"]
