"""Pairs of a prompt and a negative prompt are read, and what is wrong with them is said."""

from pathlib import Path

import pytest
from repository import ROOT

from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.study.negative_pairs import NegativePair, read_pairs


def written(folder: Path, text: str, name: str = "pairs.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_columns_that_are_not_needed_have_defaults(tmp_path: Path) -> None:
    path = written(tmp_path, "word,prompt,negative,remark\nBlack cat,a black cat, red ,x\ncat,a cat,grass,y\n")
    assert read_pairs(path, "key") == [
        NegativePair("a black cat", "red", "Black cat", "key", "object", "a black cat"),
        NegativePair("a cat", "grass", "cat", "key", "object", "a cat"),
    ]


def test_columns_say_place_null_and_group(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '{"prompt": "a cat", "negative": "grass", "word": "cat", "null": "key", "where": "background", "group": "g"}\n',
        "pairs.jsonl",
    )
    assert read_pairs(path, "owl") == [NegativePair("a cat", "grass", "cat", "key", "background", "g")]


def test_the_bundled_pairs_are_of_six_prompts() -> None:
    found = read_pairs(ROOT / "configs" / "negatives.csv")
    assert len(found) == 12 and len({pair.group for pair in found}) == 6


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no pairs in it"),
        ("prompt,negative,word\n", "has no pairs in it"),
        ("prompt,negative\na cat,grass\n", "has no column 'word'"),
        (
            "prompt,negative,word,null\na cat,grass,dog,key\n",
            "pairs.csv:2: the word 'dog' is not in its prompt 'a cat'",
        ),
        ("prompt,negative,word,null\na cat,grass,ca,key\n", "the word 'ca' is not in its prompt"),
        ("prompt,negative,word,null\na cat,,cat,key\n", "pairs.csv:2: the column 'negative' is empty"),
        ("prompt,negative,word\na cat,grass,cat\n", "or name one by --null-word"),
        ("prompt,negative,word,null\na cat,***,cat,***\n", "pairs.csv:2: '***' has no word in it"),
        ("prompt,negative,word,null\na cat,grass,cat,Grass\n", "'Grass', which is to be unrelated, is in"),
        ("prompt,negative,word,null\na cat,grass,cat,key\na cat,grass,cat,owl\n", "'a cat', 'grass' stands twice"),
        ("prompt,negative,word,null,where\na cat,grass,cat,key,left\n", "column 'where' says 'left'; known are object"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(StudyError, match="pairs.csv") as raised:
        read_pairs(written(tmp_path, text))
    assert said in str(raised.value)


def test_a_file_that_is_not_there_or_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="there is no such file of pairs"):
        read_pairs(tmp_path / "none.csv")
    with pytest.raises(StudyError, match=r"pairs are read from \.csv"):
        read_pairs(written(tmp_path, "a", "pairs.docx"))
