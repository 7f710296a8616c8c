"""A study is validated once, and every mistake is a sentence with its place."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError
from repository import CONFIGS, ROOT, SHARED

from seedscope.pipeline.errors import StudyError
from seedscope.pipeline.study.file import load_study
from seedscope.pipeline.study.mistakes import sentences
from seedscope.pipeline.study.prompts import prompt, read_prompts
from seedscope.pipeline.study.schema import FileSource, Grid, GridSource, Ranking, Strict, Study, fingerprint

Write = Callable[..., Path]


def test_a_study_with_defaults(write_study: Write) -> None:
    study = load_study(write_study())
    assert study.seeds == [0, 1, 2, 3]
    assert study.sampling.guidance.scale == 2.0
    assert study.model.id == "sprout"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"promts": []}, "promts: unknown key; did you mean 'prompts'?"),
        ({"sampling": {"stepz": 3}}, "sampling.stepz: unknown key; did you mean 'steps'?"),
        ({"sampling": {"guidance": {"scael": 3}}}, "sampling.guidance.scael: unknown key; did you mean 'scale'?"),
        ({"compute": {"zzz": 3}}, "compute.zzz: unknown key; known here: dtype, device"),
        ({"sampling": {"steps": "many"}}, "sampling.steps: Input should be a valid integer"),
        ({"sampling": {"steps": 0}}, "sampling.steps: Input should be greater than or equal to 1 (it is 0)"),
        (
            {"sampling": {"scheduler": "dimm"}},
            "sampling.scheduler: no scheduler is called so; did you mean 'ddim'; classes of",
        ),
        ({"group": "auto"}, "group: unknown key; did you mean 'groups'?"),
        ({"groups": "found"}, "groups: Input should be 'named' or 'auto' (it is 'found')"),
        ({"name": "../up"}, "name: String should match pattern"),
        ({"seeds": "-1"}, "seeds: '-1' is neither a whole number nor a range such as '0-31'"),
        ({"seeds": [-1]}, "seeds: seed -1 is outside 0 .. 2^63-1"),
        ({"seeds": [2**63]}, "seeds: seed 9223372036854775808 is outside 0 .. 2^63-1"),
        ({"seeds": "9-3"}, "seeds: the range '9-3' runs backwards"),
        ({"seeds": [3, "0-5"]}, "seeds: seed 3 is named twice"),
        ({"seeds": [1, 2**32 + 1]}, "seeds: two of the seeds agree in their low 32 bits"),
        ({"seeds": []}, "seeds: List should have at least 1 item"),
        ({"prompts": []}, "prompts: List should have at least 1 item"),
        ({"prompts": [{"fiel": "x.txt"}]}, "prompts.0.fiel: unknown key; did you mean 'file'?"),
        ({"prompts": [{"grid": {"objects": []}}]}, "prompts.0.grid.objects: List should have at least 1 item"),
        ({"prompts": [{"grid": {"object": ["a"]}}]}, "prompts.0.grid.object: unknown key; did you mean 'objects'?"),
        ({"prompts": [{"file": "p.csv", "colum": "x"}]}, "prompts.0.colum: unknown key; did you mean 'column'?"),
        ({"prompts": [3]}, "prompts.0: Input should be"),
        ({"ranking": {"by": "fid_inception"}}, "ranking.by is 'fid_inception', which is not among the features"),
        (
            {"ranking": {"by": {"fd_efficientnet_lite0": 1, "fid_inception": 2}}},
            "ranking.by is 'fid_inception', which is not among the features fd_efficientnet_lite0",
        ),
        (
            {"ranking": {"by": {"clip_score": 0, "text": 1}}},
            "ranking.by.clip_score: Input should be greater than 0 (it is",
        ),
        (
            {"ranking": {"by": {"clip_score": float("nan"), "text": 1}}},
            "ranking.by.clip_score: Input should be a finite",
        ),
        ({"ranking": {"by": {"clip_score": 1}}}, "ranking.by: Dictionary should have at least 2 items"),
        ({"ranking": {"by": ["text"], "rule": "pareto"}}, "ranking.by: List should have at least 2 items"),
        ({"ranking": {"by": ["text", "text"], "rule": "pareto"}}, "ranking: the feature 'text' is named twice"),
        ({"ranking": {"by": "text", "rule": "pareto"}}, "ranking: the rule `pareto` takes a list of features as `by`"),
        (
            {"ranking": {"by": ["text", "clip_score"]}},
            "ranking: the rule `pareto` takes a list of features as `by`, such",
        ),
        (
            {"ranking": {"by": {"clip_score": 1, "text": 1}, "rule": "overlap", "second": "looks"}},
            "ranking: the rule `overlap` compares two rankings; name one feature as `by` and one as `second`",
        ),
        ({"ranking": {"by": 3}}, "ranking.by: Input should be a valid string (it is 3)"),
        ({"inpaint": {"pictures": "sprout"}}, "study: both `prompts` and `inpaint` are given; name `prompts` to draw"),
        ({"inpaint": {"picture": "sprout"}}, "inpaint.picture: unknown key; did you mean 'pictures'?"),
        ({"inpaint": {"pictures": "sprout", "limit": 0}}, "inpaint.limit: Input should be greater than or equal to 1"),
        ({"inpaint": {"pictures": "sprout", "tasks": {}}}, "inpaint.tasks: Dictionary should have at least 1 item"),
        (
            {"inpaint": {"pictures": "sprout", "tasks": {"a": "sky", "b": "sky"}}},
            "inpaint: the tasks 'a' and 'b' have the same template 'sky'; remove all but one",
        ),
        (
            {"inpaint": {"pictures": "sprout", "tasks": {"a": "a {objekt}"}}},
            "inpaint: the task 'a' has {objekt} in its template; only {object} is known",
        ),
        ({"inpaint": {"pictures": "sprout", "tasks": {"a": " "}}}, "inpaint: the task 'a' has an empty template"),
        (
            {"inpaint": {"pictures": "sprout", "tasks": {"a/b": "sky"}}},
            "inpaint: the task 'a/b' needs a name of letters",
        ),
        ({"ranking": {"shuffles": 1}}, "ranking.shuffles: of 1 shuffles p is never below 0.5,"),
        (
            {"ranking": {"shuffles": 18}},
            "of 18 shuffles p is never below 0.053, so that no difference between seeds could",
        ),
    ],
)
def test_each_mistake_is_named(write_study: Write, changes: dict[str, object], sentence: str) -> None:
    path = write_study(**changes)
    with pytest.raises(StudyError) as error:
        load_study(path)
    assert sentence in str(error.value)
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"prompts": [{"file": "p.csv", "limit": "x"}]}, ["prompts.0.limit: Input should be a valid integer, unable"]),
        ({"prompts": [{"fiel": "p.csv"}]}, ["prompts.0.fiel: unknown key; did you mean 'file'?"]),
        ({"prompts": [{}]}, ["prompts.0.grid: this key is missing.", "prompts.0.file: this key is missing."]),
        ({"unit": {"zzz": 3}}, ["unit.zzz: unknown key; known here: prompts, seeds."]),
        (
            {"features": [{"a": 1, "b": 2}]},
            ["features.0.name: this key", "features.0.a: unknown key; known here: name"],
        ),
    ],
)
def test_what_only_other_kinds_of_source_lack_goes_unsaid(
    write_study: Write, changes: dict[str, object], lines: list[str]
) -> None:
    path = write_study(**changes)
    with pytest.raises(StudyError) as error:
        load_study(path)
    found = str(error.value).splitlines()
    assert [line.startswith(f"{path}: {start}") for line, start in zip(found, lines, strict=False)] == [True] * len(
        lines
    )
    assert len(found) == len(lines) + ("features" in changes)


def test_a_new_section_of_a_study_is_known_as_it_is() -> None:
    class Inner(Strict):
        width: int = 3

    class Outer(Strict):
        inner: Inner | None = None
        several: list[str | Inner] = Field(default=[])

    with pytest.raises(ValidationError) as error:
        Outer.model_validate({"inner": {"widht": 3}, "several": [{"with": 3}, "x"], "innner": {}})
    assert sentences(error.value, Outer) == [
        "inner.widht: unknown key; did you mean 'width'?",
        "several.0.with: unknown key; did you mean 'width'?",
        "innner: unknown key; did you mean 'inner'?",
    ]


@pytest.mark.parametrize("shuffles", [0, 19, 100])
def test_no_shuffles_and_enough_to_show_something_are_taken(write_study: Write, shuffles: int) -> None:
    assert load_study(write_study(ranking={"shuffles": shuffles})).ranked.shuffles == shuffles


def test_missing_key_missing_file_bad_yaml_and_double_key(tmp_path: Path) -> None:
    for text, sentence in [
        (
            "name: x\nmodel: sprout\nseeds: 0-3\n",
            "study: `prompts` is missing; name `prompts` to draw pictures from, or,",
        ),
        ("name: [\n", ":2:1: not valid YAML"),
        ("- a\n- b\n", "a study is a mapping"),
        ("name: x\nname: y\n", ":2:1: not valid YAML: the key 'name' stands here twice."),
    ]:
        path = tmp_path / "s.yaml"
        path.write_text(text)
        with pytest.raises(StudyError, match=r"s\.yaml") as error:
            load_study(path)
        assert sentence in str(error.value)
    with pytest.raises(StudyError, match=r"there is no such study file\."):
        load_study(tmp_path / "none.yaml")


def test_grid_is_objects_times_modifiers_with_objects_as_groups() -> None:
    source = GridSource(grid=Grid(objects=["apple", "cat"], modifiers=["", "a red {object}", "blue"]))
    prompts = read_prompts([source])
    assert [item.text for item in prompts] == ["apple", "a red apple", "blue apple", "cat", "a red cat", "blue cat"]
    assert [item.group for item in prompts] == ["apple"] * 3 + ["cat"] * 3


def test_every_file_format_gives_the_same_prompts(tmp_path: Path) -> None:
    texts = ["a cat, sitting", 'a sign "STOP"', "ein Bär"]
    (tmp_path / "p.txt").write_text("\n".join([*texts, "", ""]), encoding="utf-8")
    (tmp_path / "p.csv").write_text('Prompt,n\n"a cat, sitting",1\n"a sign ""STOP""",2\nein Bär,3\n', encoding="utf-8")
    (tmp_path / "p.tsv").write_text('n\tPrompt\n1\ta cat, sitting\n2\ta sign "STOP"\n3\tein Bär\n', encoding="utf-8")
    (tmp_path / "p.jsonl").write_text("\n".join(json.dumps({"caption": text}) for text in texts), encoding="utf-8")
    pq.write_table(pa.table({"text": texts}), tmp_path / "p.parquet")
    for kind in ("txt", "csv", "tsv", "jsonl", "parquet"):
        read = read_prompts([FileSource(file=tmp_path / f"p.{kind}", column=None, group=None, limit=None)])
        assert [item.text for item in read] == texts, kind
    limited = read_prompts([FileSource(file=tmp_path / "p.csv", column="Prompt", group="n", limit=2)])
    assert [item.group for item in limited] == ["1", "2"]


def test_parti_prompts_as_published() -> None:
    path = SHARED / "data" / "prompts" / "PartiPrompts.tsv"
    if not path.exists():
        pytest.skip("PartiPrompts.tsv is not here")
    prompts = read_prompts([FileSource(file=path, column=None, group="Category", limit=None)])
    assert len(prompts) == 1632
    assert prompts[0].text == "bond" and prompts[0].group == "Abstract"
    assert sum(item.text.startswith('"') for item in prompts) == 1


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.txt", None, "there is no such prompt file"),
        ("empty.txt", "\n\n", "the prompt file has no prompts in it"),
        ("a.csv", "Prompt\n", "the prompt file has no prompts in it"),
        ("a.csv", "x,y\n1,2\n", "none of its columns (x, y) is called prompt, caption, text, positive_prompt"),
        ("twice.txt", "a cat\na dog\na cat\n", "twice.txt:3: the prompt 'a cat' stands twice (first at"),
        ("a.csv", "prompt,n\n ,1\n", "a.csv:2: the prompt is empty"),
        ("a.docx", "x", "prompts are read from .txt, .csv, .tsv, .jsonl, .parquet files, not from .docx"),
        ("a.jsonl", '{"prompt": 3}\n', "a.jsonl:1: column 'prompt' holds 3, which is not text"),
        ("a.jsonl", '{"prompt": "x"}\n\n[]\n', 'a.jsonl:3: every line must be a JSON object, such as {"prompt": ...}.'),
        ("a.csv", "n,prompt\n1,a cat\n2\n", "a.csv:3: column 'prompt' holds None, which is not text"),
        ("a.jsonl", "{", "a.jsonl:1: is not valid JSON: Expecting property name"),
        ("a.parquet", "PAR0", "cannot be read as a .parquet file"),
    ],
)
def test_bad_prompt_files(tmp_path: Path, name: str, content: str | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(StudyError) as error:
        read_prompts([FileSource(file=tmp_path / name, column=None, group=None, limit=None)])
    assert sentence in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_wanted_columns_must_exist(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("prompt\nx\n")
    for options, sentence in [({"column": "q"}, "no column 'q'; it has prompt"), ({"group": "g"}, "no column 'g'")]:
        with pytest.raises(StudyError, match=sentence):
            read_prompts([FileSource.model_validate({"file": tmp_path / "a.csv", **options})])


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("positive_prompt", "x"),
        ("Positive Prompt", "x"),
        ("caption,positive_prompt", "y"),
        ("positive_prompt,text", "z"),
    ],
)
def test_the_column_of_prompts_by_its_names(tmp_path: Path, header: str, expected: str) -> None:
    values = {"positive_prompt": "x", "caption": "y", "text": "z"}
    row = ",".join(values[name.lower().replace(" ", "_")] for name in header.split(","))
    (tmp_path / "a.csv").write_text(f"{header},negative_prompt\n{row},ugly\n")
    assert [item.text for item in read_prompts([FileSource.model_validate({"file": tmp_path / "a.csv"})])] == [expected]
    (tmp_path / "a.csv").write_text("positive_prompt,positive-prompt\nx,y\n")
    with pytest.raises(StudyError, match="'positive_prompt' and 'positive-prompt'. Name the one"):
        read_prompts([FileSource.model_validate({"file": tmp_path / "a.csv"})])


def test_duplicates_across_sources_are_refused() -> None:
    with pytest.raises(StudyError, match="'a cat' stands twice"):
        read_prompts(["a cat", GridSource(grid=Grid(objects=["cat"], modifiers=["a {object}"]))])


@given(st.text(min_size=1).filter(str.strip))
def test_prompt_ids_hang_on_the_text_alone(text: str) -> None:
    assert prompt(text).id == prompt(text, "group").id
    assert prompt(text).id != prompt(text + "x").id


def test_pictures_to_inpaint_are_found_beside_the_study(write_study: Write, tmp_path: Path) -> None:
    (tmp_path / "pairs.parquet").write_bytes(b"")
    path = write_study(inpaint={"pictures": "pairs.parquet"})
    path.write_text(
        "\n".join(line for line in path.read_text().splitlines() if not line.startswith(("prompts", "- a ")))
    )
    study = load_study(path)
    assert study.inpaint.pictures == str(tmp_path / "pairs.parquet")
    assert study.prompts == [] and study.inpaint.tasks == {"removal": "clear background", "completion": "{object}"}


def test_files_are_found_beside_the_study(write_study: Write, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("a dog\n")
    study = load_study(write_study(prompts=[{"file": "p.txt"}]))
    assert [item.text for item in read_prompts(study.prompts)] == ["a dog"]


@pytest.mark.parametrize(
    ("seeds", "meant"),
    [
        (range(4), [0, 1, 2, 3]),
        ((1, 5), [1, 5]),
        (np.arange(3), [0, 1, 2]),
        ([1, range(5, 8), "10-11", np.int64(20)], [1, 5, 6, 7, 10, 11, 20]),
    ],
)
def test_a_study_is_built_of_plain_objects(seeds: object, meant: list[int]) -> None:
    study = Study(name="mine", model="sprout", prompts=["a cat"], seeds=seeds, sampling={"steps": 2})
    assert study.seeds == meant and {type(seed) for seed in study.seeds} == {int}
    assert study == Study.model_validate_json(study.model_dump_json())
    with pytest.raises(ValidationError, match=r"range\(0, 0\) is neither a whole number nor a range"):
        Study(name="mine", model="sprout", prompts=["a cat"], seeds=range(0))


def test_the_readmes_study_is_valid() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    study = Study.model_validate(yaml.safe_load(readme.split("```yaml")[1].split("```")[0]))
    assert len(study.seeds) == 1024 and len(study.prompts) == 3


def test_fingerprint_ignores_the_order_of_keys_and_nothing_else() -> None:
    assert fingerprint({"a": 1, "b": [1, 2]}) == fingerprint({"b": [1, 2], "a": 1})
    assert fingerprint({"a": 1, "b": [1, 2]}) != fingerprint({"a": 1, "b": [2, 1]})


def test_json_schema_accepts_what_the_study_accepts() -> None:
    schema = Study.model_json_schema()
    assert set(schema["required"]) == {"name", "model", "seeds"}
    assert schema["oneOf"] == [{"required": ["prompts"]}, {"required": ["inpaint"]}]
    assert schema["additionalProperties"] is False
    for config in sorted(CONFIGS.glob("*.yaml")):
        jsonschema.validate(yaml.safe_load(config.read_text()), schema)
        load_study(config)


def test_what_ranks_seeds_is_one_feature_or_several(write_study: Write) -> None:
    schema = Study.model_json_schema()
    for ranking, named in (
        ({"by": "looks"}, ["looks"]),
        ({"by": "looks", "rule": "overlap", "second": "text"}, ["looks", "text"]),
        ({"by": {"looks": 1, "text": 0.5}}, ["looks", "text"]),
        ({"by": ["text", "looks"], "rule": "pareto"}, ["text", "looks"]),
    ):
        path = write_study(features=["looks", "text"], ranking=ranking)
        assert [name for _, name in load_study(path).ranking.named] == named
        jsonschema.validate(yaml.safe_load(path.read_text()), schema)
    for wrong in ({"text": 0, "looks": 1}, ["text"], {"text": 1}, 3):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"by": wrong}, Ranking.model_json_schema())


def test_features_take_options_and_their_files_are_relative_to_the_study(write_study: Write, tmp_path: Path) -> None:
    (tmp_path / "inception.pth").write_bytes(b"")
    features = ["fd_efficientnet_lite0", {"fid_inception": {"weights": "inception.pth", "batch_size": 4}}]
    study = load_study(write_study(features=features))
    assert [choice.name for choice in study.features] == ["fd_efficientnet_lite0", "fid_inception"]
    assert study.features[1].options == {"weights": str(tmp_path / "inception.pth"), "batch_size": 4}


def test_what_a_model_is_made_of_is_relative_to_the_study(write_study: Write, tmp_path: Path) -> None:
    (tmp_path / "settings").mkdir()
    (tmp_path / "vae.safetensors").write_bytes(b"")
    model = {
        "file": "x.safetensors",
        "config": "./settings",
        "vae": "vae.safetensors",
        "lora": [
            "a.safetensors",
            {"id": "org/name", "file": "b.safetensors", "weight": 0.5},
            {"file": "/c.safetensors"},
        ],
    }
    path = write_study(model=model)
    found = load_study(path).model
    assert (found.file, found.config) == (str(tmp_path / "x.safetensors"), str(tmp_path / "settings"))
    assert found.vae == str(tmp_path / "vae.safetensors")
    assert [lora.file for lora in found.lora] == [str(tmp_path / "a.safetensors"), "b.safetensors", "/c.safetensors"]
    assert [lora.id for lora in found.lora] == [None, "org/name", None]
    assert str(tmp_path / "a.safetensors") in load_study(path).places
    jsonschema.validate(yaml.safe_load(path.read_text()), Study.model_json_schema())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"file": "x.ckpt"}, "model: x.ckpt is a pickle, which could run any code when it is opened"),
        ({"id": "sprout", "vae": "x.pt"}, "model: x.pt is a pickle"),
        ({"id": "sprout", "lora": ["x.bin"]}, "model.lora.0: x.bin is a pickle"),
        ({"id": "sprout", "file": "x.safetensors"}, "both `id` and `file` are given"),
        ({}, "neither `id` nor `file` is given"),
        ({"id": "sprout", "config": "sprout"}, "`config` is of a single `file`"),
        ({"id": "sprout", "fuse": True}, "`fuse` adds the adapters of `lora` to the weights, and there are none"),
        ({"id": "sprout", "lora": [{"weight": 1}]}, "model.lora.0: a LoRA needs a `file`"),
        (
            {"id": "sprout", "lora": [{"file": "x", "wieght": 1}]},
            "model.lora.0.wieght: unknown key; did you mean 'weight'?",
        ),
        (
            {"id": "sprout", "lora": [{"file": "x", "name": "a"}, {"file": "y", "name": "a"}]},
            "two adapters have the name 'a'",
        ),
        ({"id": "sprout", "lora": [{"file": "x", "revision": "main"}]}, "only a hub id has revisions"),
        ({"id": "sprout", "quantization": {"backend": "gguf"}}, "model.quantization.backend: Input should be"),
    ],
)
def test_models_that_are_none_are_told(write_study: Write, model: dict[str, object], message: str) -> None:
    with pytest.raises(StudyError, match=re.escape(message)):
        load_study(write_study(model=model))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([], "features: List should have at least 1 item"),
        (["fd_efficientnet_lite0", "fd_efficientnet_lite0"], "the feature 'fd_efficientnet_lite0' is named twice"),
        (["fid_inception"], "ranking.by is 'fd_efficientnet_lite0', which is not among the features fid_inception"),
        ([{"fid_inception": {"weights": ["a", "b"]}}], "features.0.options.weights"),
        ([{"fid_inception": 7}], "features.0.options: Input should be a valid dictionary"),
    ],
)
def test_wrong_features_are_told(write_study: Write, features: object, message: str) -> None:
    with pytest.raises(StudyError, match=re.escape(message)):
        load_study(write_study(features=features))
