"""What a caption of sprout's world claims, and of which scenes that is true.

A caption claims an object and may claim more: a topic and a value each, as in {"object": "car", "colour": "red"}.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from seedscope.jobs.sprout import world

WHERE = {place: where for place, where in world.PLACES.items() if where is not None}
EXTRAS = {"greyscale": "black and white", "word": "with text", "border": "with a border"}
VALUES: dict[str, tuple[str, ...]] = {
    "greyscale": ("yes",),
    "size": world.NAMED_SIZES,
    "colour": tuple(world.HUES),
    "object": tuple(world.OBJECTS),
    "place": tuple(WHERE),
    "word": ("yes",),
    "border": ("yes",),
}  # in the order of a caption
PHRASES = {
    (topic, value): EXTRAS.get(topic) or (WHERE[value] if topic == "place" else value)
    for topic, values in VALUES.items()
    for value in values
}
UNCLAIMED, OTHER, UNSEEN = -1, -2, -3  # not claimed; shown, but has no name; cannot be seen in the picture

Claims = Mapping[str, str]


def claims(caption: str) -> dict[str, str]:
    """What a caption of the world claims; `caption_of` gives the caption back."""
    padded = f" {caption} "
    return {topic: value for (topic, value), phrase in PHRASES.items() if f" {phrase} " in padded}


def caption_of(claimed: Claims) -> str:
    """The caption that makes these claims."""
    body = " ".join(PHRASES[topic, claimed[topic]] for topic in VALUES if topic in claimed)
    return f"{'an' if body[0] in 'aeiou' else 'a'} {body}"


def truths(captions: Sequence[str], scenes: Sequence[world.Scene]) -> tuple[Tensor, Tensor]:
    """bool [scenes, captions] each: whether the caption is true of the scene, and whether that cannot be seen.

    The colour of artwork in its own colours, and of greyscale scenes, has no name: nothing claimed of it can be checked.
    """
    claimed = torch.tensor([_claimed(caption) for caption in captions])[None]
    shown = torch.tensor([_shown(scene) for scene in scenes])[:, None]
    fits = (claimed == UNCLAIMED) | (claimed == shown)
    unseen = (claimed != UNCLAIMED) & (shown == UNSEEN)
    return fits.all(2), (fits | unseen).all(2) & unseen.any(2)


def _claimed(caption: str) -> list[int]:
    claimed = claims(caption)
    return [VALUES[topic].index(claimed[topic]) if topic in claimed else UNCLAIMED for topic in VALUES]


def _shown(scene: world.Scene) -> list[int]:
    seen = {
        "object": scene.object,
        "size": scene.size_name,
        "colour": scene.colour,
        "place": scene.place,
        "greyscale": "yes" if scene.greyscale else None,
        "word": None if scene.word is None else "yes",
        "border": "yes" if scene.border else None,
    }
    codes = []
    for topic, values in VALUES.items():
        value = seen[topic]
        unseen = topic == "colour" and (scene.colour is None or scene.greyscale)
        codes.append(UNSEEN if unseen else values.index(value) if value in values else OTHER)
    return codes
