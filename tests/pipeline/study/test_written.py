"""YAML that could mean two things, and YAML that would never end."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from seedscope.pipeline.errors import ModelError, StudyError
from seedscope.pipeline.models.locate import locate
from seedscope.pipeline.study.file import load_study
from seedscope.pipeline.study.prompts import read_prompts
from seedscope.pipeline.study.schema import FileSource, Model, Study
from seedscope.pipeline.study.written import read_yaml

STUDY = {"name": "x", "model": "sprout", "prompts": "[a cat]", "seeds": "0-3"}


def load(path: Path, more: str = "", **changes: str) -> Study:
    path.write_text("".join(f"{key}: {value}\n" for key, value in (STUDY | changes).items()) + more, encoding="utf-8")
    study = load_study(path)
    assert isinstance(study, Study)
    return study


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"seeds": "[0010]"}, ":4:9: not valid YAML: YAML reads 0010 as octal, as 8. Write the number that is meant"),
        ({"seeds": "10:31"}, ":4:8: not valid YAML: YAML reads 10:31 to the base 60, as 631."),
        ({"sampling": "{guidance: {scale: 1:30.5}}"}, "is a number that YAML reads otherwise (1:30.5)"),
        ({"model": "{{ model }}"}, ":2:9: not valid YAML: a key is a word here, not a list or a mapping"),
        ({"seeds": "0-3\n? [a, b]\n: 1"}, "a key is a word here"),
        ({"on": "1"}, ":5:1: not valid YAML: the key on is not read as a word; put it in quotes."),
        (
            {"prompts": "[no]"},
            "prompts.0: Input should be a valid string (it is False). If it is meant as a text, put it in",
        ),
        ({"prompts": "[a cat: portrait]"}, "If it is a text with a colon in it, put it in quotes."),
        (
            {"prompts": "[[a cat:0.5]]"},
            "prompts.0: Input should be a valid string. If it is meant as a text, put it in",
        ),
        ({"prompts": "a cat"}, "prompts: Input should be a valid list, such as ['a cat']"),
        (
            {"prompts": '[{grid: {objects: [cat], modifiers: ["a {objects}"]}}]'},
            "has {objects} in it; only {object} is known",
        ),
        ({"sampling": "{guidance: 7.5}"}, "sampling.guidance: Input should be a mapping of scale, negative_prompt,"),
        (
            {"seeds": "[" + "9" * 5000 + "]"},
            ":4:9: not valid YAML: what begins here is a number of thousands of digits.",
        ),
        ({"prompts": '["a \\0 cat"]'}, ":3:11: not valid YAML: what begins here holds a character that is none"),
        ({"prompts": "[" * 60 + "]" * 60}, "is nested more than 50 deep"),
        ({"prompts": "[" * 5000 + "]" * 5000}, "not valid YAML"),
        ({"prompts": "&p [*p]"}, "contains itself"),
        ({"prompts": '["a \x07 cat"]'}, ":3:14: not valid YAML: the character '\\x07' cannot stand in a text."),
        (
            {"sampling": "{steps: yes}"},
            "sampling.steps: a number stands here, and YAML reads yes, no, on and off as true",
        ),
        ({"prompts": "[{file: p.txt, limit: on}]"}, "prompts.0.limit: a number stands here"),
        (
            {"features": "[looks, text]", "ranking": "{by: {looks: yes, text: 1}}"},
            "ranking.by.looks: Input should be a",
        ),
        (
            {"prompts": '[{grid: {objects: [cat], modifiers: ["a {{object}}"]}}]'},
            "has {{object}} in it; only {object} is known",
        ),
        (
            {"prompts": '[{grid: {objects: [cat], modifiers: ["a {object"]}}]'},
            "has {object in it; only {object} is known",
        ),
        ({"prompts": '[{grid: {objects: [cat, ""]}}]'}, "an object of the grid is empty"),
        (
            {"seeds": "[" + ", ".join(f"'{i}000000-{i}999999'" for i in range(1, 9)) + "]"},
            "the ranges hold 8,000,000 seeds",
        ),
    ],
)
def test_what_could_be_meant_otherwise_is_refused(tmp_path: Path, changes: dict[str, str], sentence: str) -> None:
    with pytest.raises(StudyError) as error:
        load(tmp_path / "s.yaml", **changes)
    assert sentence in str(error.value)


def test_aliases_that_grow_into_millions_are_refused_at_once(tmp_path: Path) -> None:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(StudyError, match="stands for 11,111,111 values, and at most 2,000,000 are read"):
        load(tmp_path / "s.yaml", "\n".join(lines))


def test_prompts_are_trimmed_as_in_files_and_dates_are_texts(tmp_path: Path) -> None:
    study = load(tmp_path / "s.yaml", prompts='\n  - |\n    a cat\n    in snow\n  - " a dog "\n  - 2024-01-31')
    assert [item.text for item in read_prompts(study.prompts)] == ["a cat\nin snow", "a dog", "2024-01-31"]
    with pytest.raises(StudyError, match="'a cat' stands twice"):
        read_prompts(["a cat", "a cat "])


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.txt")
    with pytest.raises(
        StudyError, match=r"p\.txt: cannot be read as a \.txt file: it is a pipe or a device, not a file"
    ):
        read_prompts([FileSource.model_validate({"file": tmp_path / "p.txt"})])
    with pytest.raises(StudyError, match="a pipe or a device"):
        load_study(tmp_path / "p.txt")


def test_a_few_bytes_of_parquet_that_are_millions_of_rows_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    pq.write_table(pa.table({"prompt": pa.array(["a cat"] * 1_000_001).dictionary_encode()}), path)
    assert path.stat().st_size < 100_000
    with pytest.raises(StudyError, match="it has 1,000,001 rows, and at most 1,000,000 are read"):
        read_prompts([FileSource.model_validate({"file": path})])
    assert len(read_prompts([FileSource.model_validate({"file": path, "limit": 5, "repeats": "drop"})])) == 1
    pq.write_table(pa.table({"prompt": ["a" * 30_000_000]}), path, compression="zstd")
    with pytest.raises(StudyError, match="takes 29 MiB in a row group of 1 rows"):
        read_prompts([FileSource.model_validate({"file": path})])


@pytest.mark.parametrize("name", ["~nosuchuser/x", "a" * 5000])
def test_models_that_cannot_be_paths(name: str) -> None:
    with pytest.raises(ModelError, match="there is no model"):
        locate(Model(id=name))


@pytest.mark.parametrize(
    "tagged",
    [
        "!!map foo",
        "!!bool maybe",
        "!!int abc",
        "!!float x",
        "!!seq foo",
        "!!set foo",
        "!!timestamp x",
        "!!pairs {b: 1}",
        "!x y",
    ],
)
def test_tags_that_say_otherwise_are_refused(tagged: str) -> None:
    with pytest.raises(yaml.YAMLError, match="has the tag"):
        read_yaml(f"a: {tagged}")


def test_a_tag_may_say_that_a_number_is_a_text() -> None:
    assert read_yaml("a: !!str 5\nb: !!int 5") == {"a": "5", "b": 5}
