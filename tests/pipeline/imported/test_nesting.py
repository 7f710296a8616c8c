"""JSON that is nested deeper than any program nests it is refused: what a run records of it might not be read back."""

import json
from typing import Any

import foreign_pictures as foreign
import pytest

from seedscope.pipeline.imported.formats.embedded import recipe_of
from seedscope.pipeline.imported.formats.recipe import Unplaceable
from seedscope.pipeline.study.given import TooDeep, read_json


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value] if depth % 2 else {"a": value}
    return value


def graph(more: Any) -> str:
    made = foreign.comfy_graph()
    made["3"]["inputs"]["more"] = more
    return json.dumps(made)


@pytest.mark.parametrize(
    "texts",
    [
        lambda more: {"parameters": json.dumps({"sui_image_params": foreign.SWARM["sui_image_params"] | {"x": more}})},
        lambda more: {"parameters": json.dumps(foreign.FOOOCUS | {"x": more})},
        lambda more: {"parameters": json.dumps({"prompt": "a cat", "seed": 5, "x": more})},
        lambda more: {"invokeai_metadata": json.dumps(foreign.INVOKE | {"x": more})},
        lambda more: {"sd-metadata": json.dumps({"image": foreign.SD_METADATA["image"] | {"x": more}})},
        lambda more: {"Software": "NovelAI", "Comment": json.dumps({"prompt": "a cat", "seed": 5, "x": more})},
        lambda more: {"prompt": graph(more)},
        lambda more: {"XML:com.adobe.xmp": foreign.draw_things_xmp(comment=foreign.DRAW_THINGS | {"x": more})},
    ],
)
def test_every_format_refuses_json_that_is_nested_deeply(texts: Any) -> None:
    further = recipe_of(texts(nested(40))).further
    assert further is not None and nested(40) in further.values()
    for depth in (51, 52, 250, 900):
        with pytest.raises(Unplaceable, match="nested more than 50 deep"):
            recipe_of(texts(nested(depth)))


@pytest.mark.parametrize("depth", [975, 100_000])
def test_json_that_is_too_deep_to_be_read_is_refused_too(depth: int) -> None:
    for written in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        with pytest.raises(Unplaceable, match="nested more than 50 deep"):
            recipe_of({"parameters": f'{{"sui_image_params": {written}}}'})
        with pytest.raises(TooDeep):
            read_json(written)


def test_what_is_wide_is_not_deep() -> None:
    assert read_json(json.dumps([[[]]] * 100)) == [[[]]] * 100
