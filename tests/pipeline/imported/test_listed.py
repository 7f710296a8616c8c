"""Tables beside pictures: read as they are spelt elsewhere, or named with the reason why not."""

from pathlib import Path

import foreign_pictures as foreign
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import command

from seedscope.pipeline.errors import UserError
from seedscope.pipeline.imported import importing
from seedscope.pipeline.imported.formats.recipe import Recipe, Settings, Unplaceable, recipe, whole
from seedscope.pipeline.imported.imported_run import ImportedRun
from seedscope.pipeline.imported.importing import Report
from seedscope.pipeline.imported.listed import Entry, find_table, read_table
from seedscope.pipeline.imported.placing import Placing
from seedscope.pipeline.study.schema import Json
from seedscope.pipeline.tables.run_folder import RunFolder


def surveyed(
    folder: Path, content: str | bytes, name: str = "t.csv", texts: dict[str, str] | None = None
) -> tuple[Placing, Report]:
    for number in range(3):
        foreign.png(folder / "pictures" / f"{number}.png", texts or {}, foreign.noise(number))
    (folder / "pictures" / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return importing.survey(folder / "pictures", ImportedRun(RunFolder(folder / "run")))


@pytest.mark.parametrize(
    "content",
    [
        "File, Prompt ,SEED\n0.png,a fox,0\n1.png,a fox,1e+00\n",
        "filename;prompt;seed\n0.png;a fox;0\n1.png;a fox;1.0\n",
        "file_name\tprompt\tseed\n0.png\ta fox\t0\n .\\1.png \ta fox\t1\n",
        "file,prompt,seed\n0.png,a fox,0\n1.png,a fox,1\n".encode("utf-16"),
    ],
)
def test_tables_as_other_programs_write_them(tmp_path: Path, content: str | bytes) -> None:
    placing, report = surveyed(tmp_path, content)
    assert {item.seed: item.file.name for item in placing.cells.values()} == {0: "0.png", 1: "1.png"}
    assert report.table == tmp_path / "pictures" / "t.csv" and report.notes == []


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("t.csv", "file,prompt,seed\n0.png,café,0\n".encode("latin-1"), "line 2 is not UTF-8 text"),
        ("t.csv", "file,prompt\n0.png,a fox\n", "it has no column seed; it has file, prompt."),
        ("t.csv", "file,prompt,seed,prompt\n0.png,a,1,b\n", "line 1 names the column 'prompt' twice"),
        ("t.jsonl", '{"file": \n', "line 1 is not valid JSON"),
        ("t.csv", "file,prompt,Seed,seed\n0.png,a,1,2\n", "line 1 has the columns 'Seed' and 'seed'"),
        ("t.csv", "file,prompt,seed\n0.png,a,1\n".encode("utf-16-le"), "it cannot be read: it has zeros between its"),
        ("t.json", '[{"file": "0.png", "prompt": "a", "seed": 1}]', "tables are .csv, .tsv, .jsonl, .parquet"),
        ("t.xlsx", b"PK", "tables are .csv, .tsv, .jsonl, .parquet"),
    ],
)
def test_a_table_that_is_not_used_is_named(tmp_path: Path, name: str, content: str | bytes, reason: str) -> None:
    _, report = surveyed(tmp_path, content, name)
    (note,) = report.notes
    assert f"{name}: lies there and is not used: {reason}" in note
    done = command("import", tmp_path / "pictures", "--out", tmp_path / "run")
    assert done.returncode == 2 and reason in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("t.csv", "file,prompt,seed\n0.png,a fox, in snow,0\n", "t.csv:2: has 4 values for 3 columns"),
        ("t.csv", "file,prompt,seed\n0.png,a fox\n", "t.csv:2: has 2 values for 3 columns"),
        (
            "t.tsv",
            'file\tprompt\tseed\n0.png\t"a ""red"" fox"\t0\n',
            "t.tsv:2: has a cell that begins and ends with a quote",
        ),
        ("t.jsonl", '{"file": "0.png", "prompt": "a", "seed": 1}\n{"file"\n', "t.jsonl:2: is not valid JSON"),
        (
            "t.csv",
            "file,prompt,seed\n0.png,a,0\n0.png,a,1\n",
            "t.csv:3: names the file '0.png' twice (first on line 2)",
        ),
        (
            "t.csv",
            "file,prompt,seed\n",
            "t.csv: a table of pictures has the columns file, prompt and seed; it has no rows",
        ),
    ],
)
def test_a_table_with_a_bad_row_stops_the_import_even_over_pictures_that_tell(
    tmp_path: Path, name: str, content: str, sentence: str
) -> None:
    with pytest.raises(UserError) as error:
        surveyed(tmp_path, content, name, {"parameters": foreign.infotext("embedded", 5)})
    assert sentence in str(error.value)


def test_settings_in_other_spellings_are_compared_and_other_columns_named(tmp_path: Path) -> None:
    placing, report = surveyed(
        tmp_path,
        "file,prompt,seed,cfg,w,h,sampler_name,negative,vae\n0.png,a,0,7,24,16,euler,x,v\n1.png,a,1,7,24,16,euler,x,v\n"
        "2.png,a,2,2,24,16,ddim,x,v\n",
    )
    assert len(placing.cells) == 2 and (placing.made or {})["guidance"] == 7.0
    (reason,) = placing.unplaced.values()
    assert "sampler is ddim, not euler; guidance is 2.0, not 7.0" in reason
    assert report.notes == [f"{tmp_path / 'pictures' / 't.csv'}: columns that are not read: vae."]


def test_a_setting_that_cannot_be_read_is_no_setting_less(tmp_path: Path) -> None:
    placing, _ = surveyed(tmp_path, 'file,prompt,seed,cfg\n0.png,a,0,7.5\n1.png,a,1,"7,5"\n2.png,a,2,\n')
    assert [item.seed for item in placing.cells.values()] == [0, 2]
    assert list(placing.unplaced.values()) == ["its guidance in the table is '7,5', which is no number"]


def test_each_line_of_json_has_columns_of_its_own(tmp_path: Path) -> None:
    lines = [
        '{"file": "0.png", "prompt": "a", "seed": 0}',
        '{"File": "1.png", "Prompt": "a", "Seed": 1, "cfg": 7}',
        '{"file_name": "2.png", "prompt": "a", "seed": 2, "cfg": 2, "vae": "v"}',
    ]
    placing, report = surveyed(tmp_path, "\n".join(lines), "t.jsonl")
    assert [item.seed for item in placing.cells.values()] == [0, 1]
    assert list(placing.unplaced.values()) == ["it was made in another way than the rest: guidance is 2.0, not 7.0"]
    assert report.notes == [f"{tmp_path / 'pictures' / 't.jsonl'}: columns that are not read: vae."]


@pytest.mark.parametrize(
    ("there", "named"),
    [
        ("\u00e9.png", "e\u0301.png"),
        ("e\u0301.png", "\u00e9.png"),
        ("a b.png", "a%20b.png"),
        ("a.png", "x/../a.png"),
    ],
)
def test_names_in_other_spellings(tmp_path: Path, there: str, named: str) -> None:
    foreign.png(tmp_path / there, {})
    (tmp_path / "t.csv").write_text(f"file,prompt,seed\n{named},a,0\n", encoding="utf-8")
    assert [*find_table(tmp_path).entries] == [tmp_path / there]


def test_settings_of_files_that_tell_no_cell_are_compared(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    for number, steps in enumerate((20, 20, 30)):
        made = foreign.comfy_graph("a fox", 5, batch=4)
        made["3"]["inputs"]["steps"] = steps
        foreign.comfy_png(folder / f"{number}.png", made, foreign.noise(number))
    (folder / "t.csv").write_text("file,prompt,seed\n0.png,a fox,0\n1.png,a fox,1\n2.png,a fox,2\n")
    placing, _ = importing.survey(folder, ImportedRun(RunFolder(tmp_path / "run")))
    assert [item.seed for item in placing.cells.values()] == [0, 1]
    assert "steps is 30, not 20" in placing.unplaced[folder / "2.png"]
    for number, cfg in enumerate((7, 7, 2)):
        texts = {"parameters": foreign.infotext("a fox", -1, CFG_scale=cfg)}
        foreign.png(folder / f"{number}.png", texts, foreign.noise(number))
    placing, _ = importing.survey(folder, ImportedRun(RunFolder(tmp_path / "run")))
    assert "guidance is 2.0, not 7.0" in placing.unplaced[folder / "2.png"]


def test_what_a_table_does_not_tell_the_files_do(tmp_path: Path) -> None:
    for number, model in enumerate(("sd15", "sd15", "sdxl")):
        texts = {"parameters": foreign.infotext("embedded", 5, Model=model)}
        foreign.png(tmp_path / "pictures" / f"{number}.png", texts, foreign.noise(number))
    (tmp_path / "pictures" / "t.csv").write_text("file,prompt,seed\n0.png,a fox,0\n1.png,a fox,1\n2.png,a fox,2\n")
    placing, _ = importing.survey(tmp_path / "pictures", ImportedRun(RunFolder(tmp_path / "run")))
    assert {item.prompt.text for item in placing.cells.values()} == {"a fox"} and len(placing.cells) == 2
    assert "model is sdxl, not sd15" in placing.unplaced[tmp_path / "pictures" / "2.png"]


def test_tables_further_down_are_named(tmp_path: Path) -> None:
    foreign.png(tmp_path / "train" / "0.png", {})
    (tmp_path / "train" / "metadata.csv").write_text("file_name,prompt,seed\n0.png,a fox,0\n")
    (note,) = find_table(tmp_path).notes
    assert f"import the folder that it lies in: {tmp_path / 'train'}." in note
    assert [*find_table(tmp_path, tmp_path / "train" / "metadata.csv").entries] == [tmp_path / "train" / "0.png"]


def test_rows_without_a_file_are_counted(tmp_path: Path) -> None:
    placing, report = surveyed(tmp_path, "file,prompt,seed\n0.png,a,0\n,a,1\n,a,2\n")
    assert len(placing.cells) == 1 and "2 rows name no file and are left out; the first is line 3" in report.notes[0]


@pytest.mark.parametrize(
    ("seed", "found"),
    [
        ("1e+09", 10**9),
        ("1.5e3", 1500),
        (2.0**53 - 1, 2**53 - 1),
        ("9007199254740993", 2**53 + 1),
        (" 7 ", 7),
        ("5.0", 5),
    ],
)
def test_numbers_in_other_spellings_are_seeds(seed: Json, found: int) -> None:
    assert whole(seed) == found and isinstance(recipe("a", seed, Settings()), Recipe)


@pytest.mark.parametrize("seed", [1.8e19, 2.0**60, "1e+18", "9007199254740994.0"])
def test_a_seed_that_a_decimal_number_cannot_hold_is_refused(seed: Json) -> None:
    with pytest.raises(Unplaceable, match=r"a decimal number from 2\^53 on"):
        recipe("a", seed, Settings())


def test_line_breaks_of_other_systems_make_no_other_prompt(tmp_path: Path) -> None:
    rows = (("0.png", "two\r\nlines"), ("1.png", "two\nlines"), ("2.png", "two\rlines"))
    for name, _ in rows:
        foreign.png(tmp_path / name, {})
    lines = "".join(f'{name},"{prompt}",{name[0]},"not\r\nred"\r\n' for name, prompt in rows)
    (tmp_path / "t.csv").write_bytes(f"file,prompt,seed,negative\r\n{lines}".encode())
    recipes = [entry.recipe for entry in find_table(tmp_path).entries.values()]
    assert {(each.prompt, each.settings.negative_prompt) for each in recipes if isinstance(each, Recipe)} == {
        ("two\nlines", "not\nred")
    }


def test_a_seed_that_a_spreadsheet_has_rounded_is_refused() -> None:
    for seed in ("1.23457E+14", "1.23e+09"):
        with pytest.raises(Unplaceable, match="rounded"):
            recipe("a", seed, Settings())
    for seed in ("1.23457E+05", "1.234567890000000000e+09"):
        assert recipe("a", seed, Settings()).seed == float(seed)


@pytest.mark.parametrize(
    ("kind", "exact"), [(pa.float16(), 2**11), (pa.float32(), 2**24), (pa.float64(), 2**53)], ids=str
)
def test_a_seed_that_its_column_may_have_rounded_is_refused(tmp_path: Path, kind: pa.DataType, exact: int) -> None:
    seeds = pa.array([float(exact - 1), float(exact + 1), None, 5.0]).cast(kind, safe=False)
    rows = {"file": [f"{name}.png" for name in "abcd"], "prompt": ["a cat"] * 4, "seed": seeds}
    pq.write_table(pa.table(rows), tmp_path / "t.parquet")
    told = [_told(entry) for entry in read_table(tmp_path / "t.parquet").values()]
    assert told[0] == exact - 1 and told[2:] == ["it names no seed", 5]
    assert f"of whole numbers it holds only those below {exact:,}" in str(told[1])


def _told(entry: Entry) -> int | str:
    return str(entry.recipe) if isinstance(entry.recipe, Unplaceable) else entry.recipe.seed
