"""What is known of the nodes of ComfyUI and its extensions: what stands at their outputs.

A graph names outputs by number alone, so that a node which is not listed may hand out anything. Sources: the nodes' own code in
comfyanonymous/ComfyUI, rgthree/rgthree-comfy (`py/context_utils.py`), ltdrdata/ComfyUI-Impact-Pack (`pipe`),
jags111/efficiency-nodes-comfyui, pythongosssss/ComfyUI-Custom-Scripts (`py/show_text.py`).
"""

import re

_CONTEXT = ("base_ctx", "model", "clip", "vae", "positive", "negative", "latent", "images", "seed")
_BIG = (
    *_CONTEXT,
    *("steps", "step_refiner", "cfg", "ckpt_name", "sampler", "scheduler", "clip_width", "clip_height"),
    *("text_pos_g", "text_pos_l", "text_neg_g", "text_neg_l", "mask", "control_net"),
)
_PIPE = ("model", "clip", "vae", "positive", "negative")

PIPE = ("model", "positive", "negative")
"""What a sampler takes from the pipe that it is given."""
CARRIERS: dict[str, tuple[str, ...]] = {
    "Context (rgthree)": _CONTEXT,
    "Context Switch (rgthree)": _CONTEXT,
    "Context Big (rgthree)": _BIG,
    "Context Switch Big (rgthree)": _BIG,
    "FromBasicPipe": _PIPE,
    "FromBasicPipe_v2": ("basic_pipe", *_PIPE),
}
"""Nodes that hand on what they are given: the input that stands at each output."""
BASE = re.compile(r"base_ctx|ctx_\d+|basic_pipe")
"""Inputs of a carrier that lead to another one, which has what it lacks itself."""
THROUGH = {
    *("Reroute", "Reroute (rgthree)", "Any Switch (rgthree)", "ReroutePrimitive|pysssss"),
    *("ShowText|pysssss", "easy showAnything"),
}
"""Nodes that hand on the one thing that is linked to them. What ShowText shows besides may be of the picture before."""

PAIRS = {
    *(
        "ControlNetApplyAdvanced",
        "ControlNetApplySD3",
        "ControlNetInpaintingAliMamaApply",
        "ACN_AdvancedControlNetApply",
    ),
    *("ACN_AdvancedControlNetApply_v2", "ImpactControlNetApplyAdvanced", "ImpactControlNetApplySD3"),
    *("InpaintModelConditioning", "InstructPixToPixConditioning", "SD_4XUpscale_Conditioning", "LTXVConditioning"),
    *("StableZero123_Conditioning", "SV3D_Conditioning", "SVD_img2vid_Conditioning"),
}
"""Nodes that change `positive` into their first output and `negative` into their second."""
LOADERS = {"Efficient Loader": ("model", "positive", "negative", "latent", "vae", "clip", "dependencies")}
"""Nodes with texts among their inputs, and what stands at each output."""
TEXTS = ("text", "text_g", "text_l", "clip_g", "clip_l", "t5xxl", "prompt", "user_prompt")
"""Inputs of a text encoder."""

HELD = ("value", "int", "integer", "number")
"""Inputs of a node that holds a number."""
FRAMES = ("length", "video_frames", "num_frames", "frames", "frame_count", "max_frames")
"""Inputs of the nodes that begin a video; one frame is a picture."""
BATCH = ("batch_size", "batch", "batch_count", "num_images", "multiply_by")
SILENT = {
    "control_after_generate",
    "filename_prefix",
    "preview_method",
    "upload",
    "image_upload",
    "choose file to upload",
    "wildcard_text",
}
"""Inputs that shape no picture; what was drawn of wildcards stands beside them."""
_NUMBERS = (
    "primitiveint primitivefloat primitiveinteger primitiveintegercrystools impactint int integer intliteral intconstant "
    "intliteralimagesaver constantinteger easyint easyseed ttnint ttnseed seed seedrgthree seednode seedgenerator "
    "seedgeneratorimagesaver seedeverywhere crseed crinteger jwinteger intinput seedinput"
)
# Of ComfyUI itself, Crystools, Image Saver, KJNodes, Easy Use, tinyterraNodes, Comfyroll, various (JW), Derfuu, Layer
# Style, Searge, Dream, Kepler, and names that several have. Not WAS's Text Multiline, which drops lines and replaces words.
_TEXTS_OF_THEIR_OWN = (
    "primitivestring primitivestringmultiline primitivestringcrystools primitivestringmultilinecrystools string stringliteral "
    "stringliteralimagesaver stringconstant stringinput stringinputdream stringnode stringfield stringmultiline simplestring "
    "multilinestring multilinestringnode inputstring kepstringliteral jwstring jwstringmultiline easystring easypositive "
    "easynegative text textnode textinput textinputdream textbox textboxnode textliteral texto textprompt simpletext inputtext "
    "multilinetext ttntext crtext crprompttext dftext dftextbox layerutilitytextbox prompt promptnode promptbox promptinput "
    "prompttext promptstring promptliteral simpleprompt positiveprompt negativeprompt seargeprompttext textfield textfieldnode"
)
_MADE = re.compile(
    "wild|random|dynamic|select|switch|llm|gpt|load|file|list|style|replac|translat|schedul|pick", re.IGNORECASE
)

_WORDS = re.compile("text|prompt|string|wildcard|populate|positive|negative|caption|words", re.IGNORECASE)
_NO_WORDS = re.compile("name|model|encoder|type|mode|file|path|device", re.IGNORECASE)


def holds_number(kind: str, output: int) -> bool:
    """Whether a node hands out at an output the very number that stands in it."""
    return _letters(kind) in _NUMBERS.split() and (output == 0) != (
        kind == "Seed"
    )  # that of WAS has a record at its first output


def chooses(kind: str) -> bool:
    """Whether a node, by its name, hands out one of several things, or what it has made up."""
    return _MADE.search(kind) is not None


def may_be_words(kind: str, key: str) -> bool:
    """Whether a text under that name may be one that goes into a prompt, in a node that is not known."""
    named = f"{kind}.{key}" if key in HELD else key
    return bool(_WORDS.search(named)) and not _NO_WORDS.search(key)


def holds_text(kind: str, output: int) -> bool:
    """Whether a node hands out the very text that is its one input."""
    return output == 0 and _letters(kind) in _TEXTS_OF_THEIR_OWN.split()


def may_hold_text(kind: str, key: str, output: int) -> bool:
    """Whether a node that is not known, with one input, looks as if it handed out that text: it may as well change it."""
    return key.lower() in ("value", "text", "string", "prompt") and output == 0 and not chooses(kind)


def _letters(kind: str) -> str:
    return re.sub("[^a-z]", "", kind.lower())
