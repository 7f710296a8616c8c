"""Pictures of Civitai's own generator, which names its model and adapters in JSON alone."""

import json
from pathlib import Path
from typing import Any

import foreign_pictures as foreign
import pytest

from seedscope.pipeline.imported.formats import a1111
from seedscope.pipeline.imported.placing import place

PONY = {"type": "checkpoint", "modelVersionId": 290640, "modelName": 'Pony, the "real"', "modelVersionName": "V6"}
DETAIL = {"type": "lora", "weight": 0.8, "modelVersionId": 7, "modelName": "Detail"}
INK = {"type": "lora", "weight": 1, "modelVersionId": 8, "modelName": "Ink"}


def written(seed: int, resources: object, metadata: object = None, **changes: object) -> str:
    line = foreign.infotext("a cat", seed, **{"Model": None, "Model_hash": None, "Lora_hashes": None, **changes})
    return f"{line}, Civitai resources: {json.dumps(resources)}, Civitai metadata: {json.dumps(metadata or {})}"


def refused(folder: Path, *texts: str) -> dict[str, str]:
    for seed, text in enumerate(texts):
        foreign.png(folder / f"{seed}.png", {"parameters": text})
    placing = place(folder, {}, outside=folder / "run")
    return {
        file.name: why.removeprefix("it was made in another way than the rest: ")
        for file, why in placing.unplaced.items()
    }


def test_model_and_adapters_are_read_whole_in_one_order() -> None:
    for resources in ([PONY, DETAIL, INK], [INK, DETAIL, PONY]):
        found = a1111.parse(written(5, resources, {"remixOfId": 3}))
        assert found.settings.model == 'Pony, the "real" V6 (290640) + Detail (7):0.8 + Ink (8):1'
        assert found.seed == 5 and found.further == {}
    by_air = {"air": "urn:air:sdxl:checkpoint:civitai:257749@290640", "modelName": "Pony", "versionName": "V6"}
    assert a1111.parse(written(5, [by_air])).settings.model == "Pony V6 (290640)"


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ([PONY | {"modelName": "Juggernaut"}, DETAIL], "model is Juggernaut V6 (290640) + Detail (7):0.8, not "),
        ([PONY | {"modelVersionId": 3}, DETAIL], "model is "),
        ([PONY, INK], "model is "),
        ([PONY, DETAIL | {"weight": 0.5}], "model is "),
        ([PONY], "model is "),
    ],
)
def test_other_resources_do_not_mix(tmp_path: Path, other: object, reason: str) -> None:
    same = [PONY, DETAIL]
    found = refused(tmp_path, written(0, same), written(1, same), written(2, same[::-1]), written(3, other))
    assert found.keys() == {"3.png"} and found["3.png"].startswith(reason)


def test_a_list_that_cannot_be_read_or_stands_beside_a_model_is_compared_as_it_is(tmp_path: Path) -> None:
    named = {"Model": "pony"}
    cut = written(3, [PONY, DETAIL], **named).partition("8}")[0]
    found = refused(tmp_path, *(written(seed, [PONY], **named) for seed in range(3)), cut)
    assert found.keys() == {"3.png"} and found["3.png"].startswith("civitai resources is ")
    found = refused(tmp_path, *(written(seed, [PONY], **named) for seed in range(3)), written(3, [INK], **named))
    assert found.keys() == {"3.png"} and found["3.png"].startswith("civitai resources is ")


def test_the_workflow_counts(tmp_path: Path) -> None:
    drawn, larger = {"workflow": "txt2img", "remixOfId": 5}, {"workflow": "txt2img-hires"}
    texts = [written(seed, [PONY], told) for seed, told in enumerate((drawn, drawn, drawn | {"remixOfId": 6}, larger))]
    assert refused(tmp_path, *texts) == {"3.png": "civitai workflow is txt2img-hires, not txt2img"}
    assert a1111.parse(written(5, [PONY], {"workflow": "img2img"})).of_another
    assert not a1111.parse(written(5, [PONY], drawn)).of_another


OF_BEFORE = {"style": 'Pony"', "urn": 'air:sdxl:checkpoint:civitai:1@290640"', "https": '//x"}]'}


def test_runs_of_before_keep_what_they_have(tmp_path: Path) -> None:
    """Their record has no model and no workflow, and parts of the JSON, which was cut at its commas."""
    told = {"workflow": "txt2img"}
    pony = PONY | {"modelName": "Style: Pony", "air": "urn:air:sdxl:checkpoint:civitai:1@290640", "at": "https://x"}
    for seed, resources in enumerate(([pony], [pony], [INK, pony])):
        foreign.png(tmp_path / f"{seed}.png", {"parameters": written(seed, resources, told)})
    whole = place(tmp_path, {}, outside=tmp_path / "run", mixed=True)
    taken = {item.key: item.file for item in whole.cells.values()}
    made: Any = whole.cells[next(iter(taken))].made | {"model": None, "settings": dict(OF_BEFORE)}
    foreign.png(tmp_path / "3.png", {"parameters": written(3, [pony], told)})
    foreign.png(tmp_path / "4.png", {"parameters": written(4, [INK, pony], told)})
    again = place(tmp_path, {}, outside=tmp_path / "run", made=made, taken=taken)
    assert sorted(seed for _, seed in again.cells) == [0, 1, 2, 3]
    assert [file.name for file in again.unplaced] == ["4.png"]
    foreign.png(tmp_path / "2.png", {"parameters": written(2, [pony], told, Clip_skip=2)})
    again = place(tmp_path, {}, outside=tmp_path / "run", made=made, taken=taken)
    assert "clip skip is 2, not unset" in again.unplaced[tmp_path / "2.png"]


def test_what_is_recorded_and_no_part_of_the_json_is_compared_still(tmp_path: Path) -> None:
    foreign.png(tmp_path / "0.png", {"parameters": written(0, [PONY | {"modelName": "Style: Pony"}])})
    whole = place(tmp_path, {}, outside=tmp_path / "run")
    taken = {item.key: item.file for item in whole.cells.values()}
    made: Any = whole.cells[next(iter(taken))].made | {"model": None, "settings": {"style": 'Pony"', "mood": "dark"}}
    again = place(tmp_path, {}, outside=tmp_path / "run", made=made, taken=taken)
    assert again.unplaced[tmp_path / "0.png"].endswith("mood is unset, not dark")
    assert "misread" not in whole.made
