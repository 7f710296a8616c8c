"""Which object is looked for in a picture: the option `objects`, for models with labels and for models told by text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from seedscope.analysis.features.layout.object_words import first_named, listed_names, names_of
from seedscope.pipeline.networks.pretrained import Pretrained

NAMED, ANY = "named", "any"
NO_OBJECTS = ("background", "text", "border")
"""Labels that are no objects unless `background` says otherwise."""


@dataclass(frozen=True)
class LabelChoice:
    """The labels that count as objects, by name, and whether all of them are looked for at once."""

    labels: Mapping[int, str]
    counted: Mapping[str, tuple[int, ...]]
    all_at_once: bool

    @classmethod
    def of(cls, model: Pretrained, labels: Mapping[int, str], objects: str, background: str | None) -> LabelChoice:
        """By the options of `layout`. Raises FeatureError for a name that no label of the model has."""
        names = names_of(labels)
        if objects.strip() not in (NAMED, ANY):
            return cls(labels, {name: names[name] for name in _known(model, "objects", objects, names)}, False)
        if background is None:
            nothing = [name for name in names if name.casefold() in NO_OBJECTS]
        else:
            nothing = _known(model, "background", background, names)
        excluded = {index for name in nothing for index in names[name]}
        counted = {name: ids for name, ids in names.items() if not excluded.issuperset(ids)}
        if not counted:
            raise model.error(f"{model.model} has no label that counts as an object")
        return cls(labels, counted, objects.strip() == ANY)

    def wanted(self, prompt: str) -> tuple[int, ...] | None:
        """Ids of the labels to look for."""
        if self.all_at_once:
            return tuple(sorted({index for ids in self.counted.values() for index in ids}))
        name = first_named(prompt, self.counted)
        return None if name is None else self.counted[name]

    def called(self, label: int) -> str:
        """The first name of a label."""
        return listed_names(self.labels[label])[0]


@dataclass(frozen=True)
class PhraseChoice:
    """The names that count as objects; with none, the prompt itself is what is looked for."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, model: Pretrained, objects: str, background: str | None) -> PhraseChoice:
        """By the options of `layout`. Raises FeatureError for those that only models with labels have."""
        if objects.strip() == ANY:
            raise model.error(
                f"{model.model} finds what a text tells it, and `objects: any` needs a model with labels; list the "
                "objects by name"
            )
        if background is not None:
            raise model.error(f"{model.model} has no labels, so `background` is of no use; remove it")
        return cls(() if objects.strip() == NAMED else tuple(listed_names(objects)))

    def wanted(self, prompt: str) -> str | None:
        """The phrase to look for."""
        return first_named(prompt, self.names) if self.names else prompt.strip() or None


def _known(model: Pretrained, option: str, text: str, names: Mapping[str, tuple[int, ...]]) -> list[str]:
    """The listed names as the model's labels spell them."""
    spelled = {name.casefold(): name for name in names}
    for name in listed_names(text):
        if name.casefold() not in spelled:
            near = get_close_matches(name.casefold(), spelled, n=1)
            meant = f"did you mean {spelled[near[0]]!r}?" if near else f"it has {', '.join(sorted(names)[:20])} ..."
            raise model.error(f"`{option}` names {name!r}, but {model.model} has no such label; {meant}")
    return [spelled[name.casefold()] for name in listed_names(text)]
