"""Nodes of ComfyUI that make a prompt of several texts: what comes out is read where it follows from the graph alone."""

import time
from typing import Any

import foreign_pictures as foreign
import pytest

from seedscope.pipeline.imported.formats import comfyui
from seedscope.pipeline.imported.formats.recipe import Unplaceable

Made = tuple[str, dict[str, object]]
MADE = ["10", 0]
"""The first output of the first node that is given."""


def graph(*nodes: Made, link: list[object] = MADE) -> dict[str, Any]:
    """The default graph, whose prompt comes from the first of further nodes, with ids from 10 on."""
    made: dict[str, Any] = foreign.comfy_graph()
    made["6"]["inputs"]["text"] = link
    return made | {str(at): {"class_type": kind, "inputs": inputs} for at, (kind, inputs) in enumerate(nodes, 10)}


def joined(one: object, other: object, mark: str = ", ") -> Made:
    return "StringConcatenate", {"string_a": one, "string_b": other, "delimiter": mark}


def of_was(mark: str, trims: str, **texts: object) -> Made:
    return "Text Concatenate", {"delimiter": mark, "clean_whitespace": trims, **texts}


def of_impact(mode: object, drawn: object, kind: str = "ImpactWildcardProcessor") -> Made:
    return kind, {"wildcard_text": "a __animal__", "populated_text": drawn, "mode": mode, "seed": 3, "clip": ["4", 1]}


OF_CR: Made = ("CR Text Concatenate", {"text1": "a", "text2": "b", "separator": " and "})


@pytest.mark.parametrize(
    ("made", "prompt"),
    [
        (graph(joined("a lighthouse", "storm")), "a lighthouse, storm"),
        (graph(joined(["11", 0], " in snow", ""), joined("a", "cat", " ")), "a cat in snow"),
        (
            graph(joined(["11", 0], ["12", 0]), ("PrimitiveString", {"value": "x"}), ("Reroute", {"": ["11", 0]})),
            "x, x",
        ),
        (graph(of_was(", ", "true", text_b=" storm ", text_a="sea", text_c="  ")), "sea, storm"),
        (graph(of_was("\\n", "false", text_a="sea ", text_b="storm")), "sea \nstorm"),
        (graph(OF_CR), "a and b"),
        (graph(("JoinStrings", {"string1": "a", "string2": "b", "delimiter": " or "})), "a or b"),
        (graph(("StringTrim", {"string": "  a cat\t", "mode": "Both"})), "a cat"),
        (graph(("CaseConverter", {"string": "a Cat", "mode": "lowercase"})), "a cat"),
        *(
            (graph((kind, {key: "# a [time] cat"})), "# a [time] cat")
            for kind, key in (
                ("PrimitiveString", "value"),
                ("PrimitiveStringMultiline", "value"),
                ("Primitive string [Crystools]", "string"),
                ("String Literal", "string"),
                ("StringConstant", "string"),
                ("CR Text", "text"),
                ("CR Prompt Text", "prompt"),
                ("ttN text", "text"),
                ("TextFieldNode", "text"),
                ("easy positive", "positive"),
                ("JWStringMultiline", "text"),
                ("DF_Text_Box", "Text"),
                ("LayerUtility: TextBox", "text"),
            )
        ),
        (graph(("Text Multiline", {"text": "a cat\nin snow, no 1 #"})), "a cat\nin snow, no 1 #"),
        (graph(("StringConstantMultiline", {"string": "a cat\n", "strip_newlines": True})), "a cat"),
        (graph(("easy showAnything", {"anything": ["11", 0]}), ("CR Text", {"text": "a cat"})), "a cat"),
        (graph(("ShowText|pysssss", {"text": ["11", 0], "text_0": "of the picture before"}), joined("a", "b")), "a, b"),
        (graph(of_impact("reproduce", "a fox")), "a fox"),
        (graph(of_impact("fixed", "a fox")), "a fox"),
        (graph(of_impact(False, "a fox")), "a fox"),
    ],
)
def test_a_text_made_of_others(made: dict[str, Any], prompt: str) -> None:
    found = comfyui.parse(made)
    assert (found.prompt, found.seed, found.settings.negative_prompt) == (prompt, 5, "blurry")


def test_a_text_made_of_others_is_a_prompt_and_no_setting() -> None:
    ways = [comfyui.parse(graph(joined(name, "in snow"))).further for name in ("a cat", "a dog")]
    assert ways[0] == ways[1]
    ways = [comfyui.parse(graph(of_impact("fixed", name))).further for name in ("a cat", "a dog")]
    assert ways[0] == ways[1]


def test_words_drawn_and_encoded_by_one_node() -> None:
    made = graph(of_impact("reproduce", "a fox", "ImpactWildcardEncode"))
    made["3"]["inputs"]["positive"] = ["10", 2]
    assert comfyui.parse(made).prompt == "a fox"
    made["10"]["inputs"]["populated_text"] = "a fox <lora:fur:1>"  # which it loads
    with pytest.raises(Unplaceable, match="ImpactWildcardEncode"):
        comfyui.parse(made)


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (
            graph(joined("a", ["11", 0]), ("DPRandomGenerator", {"text": "a {red|blue}", "seed": 3})),
            "DPRandomGenerator",
        ),
        (graph(joined("a", ["11", 0]), joined("b", ["12", 0]), ("Wildcards", {"wildcard": "__x__"})), "Wildcards"),
        (graph(joined("a", ["11", 0]), joined("b", ["10", 0])), "StringConcatenate"),
        (graph(joined("a", ["99", 0])), "missing"),
        (graph(OF_CR, link=["10", 1]), "CR Text Concatenate"),
        (
            graph(("ShowText|pysssss", {"text": ["11", 0], "text_0": "old"}), ("Wildcards", {"wildcard": "x"})),
            "Wildcards",
        ),
        (graph(("ShowText|pysssss", {"text_0": "of the picture before"})), "ShowText"),
        (graph(("JoinStrings", {"string1": "a", "string2": 5, "delimiter": " "})), "JoinStrings"),
        (graph(("StringReplace", {"string": "a cat", "find": "cat", "replace": "dog"})), "StringReplace"),
        (graph(("Text Multiline", {"text": "# note to self\na cat"})), "Text Multiline"),
        (graph(("Text Multiline", {"text": "a cat\n  # note"})), "Text Multiline"),
        (graph(("Text Multiline", {"text": "a cat at [time]"})), "Text Multiline"),
        (graph(("StringConstantMultiline", {"string": "a\ncat", "strip_newlines": True})), "StringConstantMultiline"),
        (graph(("PromptEnhancer", {"prompt": "a cat"})), "PromptEnhancer"),
        (graph(("Text to Lowercase", {"text": "A cat"})), "Text to Lowercase"),
        (graph(("CR Text", {"text": "a cat"}), link=["10", 1]), "CR Text"),
        (graph(of_impact("populate", "a fox")), "ImpactWildcardProcessor"),
        (graph(of_impact(True, "a fox")), "ImpactWildcardProcessor"),
        (graph(of_impact("fixed", "a {fox|cat}")), "ImpactWildcardProcessor"),
        (graph(of_impact("reproduce", "a __animal__")), "ImpactWildcardProcessor"),
    ],
)
def test_a_text_that_does_not_follow_is_refused_by_the_node_that_made_it(made: dict[str, Any], named: str) -> None:
    with pytest.raises(Unplaceable, match=f"prompt comes from a {named}.* node"):
        comfyui.parse(made)


def test_texts_that_grow_without_end_are_refused_at_once() -> None:
    begun = time.process_time()
    twice = [joined([str(at + 1), 0], [str(at + 1), 0]) for at in range(10, 60)]
    for made in (graph(*twice, joined("x" * 10_000, "y")), graph(*twice * 100, joined("x", "y"))):
        with pytest.raises(Unplaceable, match="StringConcatenate"):
            comfyui.parse(made)
    assert time.process_time() - begun < 5


def test_a_refused_prompt_says_what_to_do() -> None:
    with pytest.raises(Unplaceable, match="A table with the columns file, prompt and seed can tell it"):
        comfyui.parse(graph(("PromptEnhancer", {"prompt": "a cat"})))


def test_a_text_that_is_no_prompt_is_compared_as_it_stands() -> None:
    def way(value: object, *nodes: Made) -> object:
        made = graph(*nodes)
        made["6"]["inputs"]["text"] = "a cat"
        made["3"]["inputs"]["sampler_name"] = value
        return comfyui.parse(made).further

    assert (
        way(MADE, ("Some Choice", {"value": "euler"})) == way("euler") != way(MADE, ("Some Choice", {"value": "lms"}))
    )
