"""What of a model's folder shapes pictures: the weights that are loaded, and the settings of what loads them."""

import re
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from seedscope.pipeline.errors import ModelError
from seedscope.pipeline.models.base import Family
from seedscope.pipeline.models.configuration import read_json
from seedscope.pipeline.models.settings import LIBRARIES, class_defaults
from seedscope.pipeline.storage.hashes import sha256_of
from seedscope.pipeline.study.model import PICKLES
from seedscope.pipeline.study.schema import Json

_STEMS = {"transformers": "model"}
"""Library of a component -> what its weights are called; those of others, as diffusers calls them."""
_SETTINGS = (
    "scheduler_config.json",
    "guider_config.json",
    "config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
_VOCABULARIES = (
    "tokenizer.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "spiece.model",
    "tokenizer.model",
    "chat_template.jinja",
    "chat_template.json",
)
_WEIGHTLESS = re.compile(r"Scheduler$|Tokenizer|Processor$|FeatureExtractor$|Guidance$")
"""Classes of components that have settings alone."""
_WORDLESS = {"architectures", "dtype", "torch_dtype", "transformers_version", "name_or_path"}
"""Settings that shape no pixel where the type is given, beside those that begin with `_`."""
INDEX = "model_index.json"
SIZE = "sample_size"
"""Of a UNet the size that it draws by default, and of an autoencoder that of its tiles; others count positions by it."""
_SIZE_ALONE = re.compile(r"UNet|Autoencoder|VQModel|VAE")
"""Classes whose `sample_size` shapes no pixel where the size of the pictures is given, and nothing is decoded in tiles."""
_NOT_YET = {SIZE}
"""Settings that older records leave out."""
_HASHED_AT_A_TIME = 4


def components(index: Mapping[str, Any], family: Family) -> dict[str, tuple[str, str]]:
    """Name of each part that shapes pictures -> the library and the class that load it.

    Args:
        index: the content of `model_index.json`.
    """
    return {
        name: (str(value[0]), str(value[1]))
        for name, value in index.items()
        if _is_part(value) and value[0] is not None and name not in family.unused
    }


def _is_part(value: object) -> bool:
    """Whether an entry of an index names the library and the class of a part; of one that is left out both are null."""
    return isinstance(value, list) and len(value) == 2 and all(isinstance(each, str | None) for each in value)


def weight_files(
    folder: Path, index: Mapping[str, Any], family: Family, variant: str | None, without: Collection[str] = ()
) -> list[Path]:
    """The files that diffusers and transformers load for the components of a folder, in order of name.

    Source: diffusers, `_identify_model_variants` and `ModelMixin.from_pretrained`; transformers,
    `_get_resolved_checkpoint_files`: a component that has files of the variant is loaded from them, every other one without.

    Args:
        index: the content of `model_index.json`.
        without: components whose weights are not loaded from the folder.

    Raises:
        ModelError: a component has no such weights, or only as a pickle, which runs code when it is opened; or none has the
            variant.
    """
    parts = components(index, family)
    libraries = {
        name: library for name, (library, kind) in parts.items() if name not in without and not _WEIGHTLESS.search(kind)
    }
    having = {name for name in libraries if variant is not None and _has_variant(folder / name, variant)}
    if variant is not None and not having:
        raise ModelError(
            f"model.variant: {folder} has no files of the variant {variant!r}. Remove the key, or name another."
        )
    found: set[Path] = set()
    for name, library in libraries.items():
        found |= set(component_files(folder / name, str(library), variant if name in having else None))
    return sorted(found)


def _has_variant(component: Path, variant: str) -> bool:
    return any(f".{variant}." in file.name or f".{variant}-" in file.name for file in component.glob("*"))


def component_files(component: Path, library: str, variant: str | None = None) -> list[Path]:
    """The files of weights that a library loads from the folder of a component.

    Raises:
        ModelError: there are none, or only pickles.
    """
    stem, middle = _stem(component, library), f".{variant}" if variant else ""
    single = component / f"{stem}{middle}.safetensors"
    places = (f"{stem}.safetensors.index{middle}.json", f"{stem}.safetensors{middle}.index.json")
    sharded = next((component / place for place in places if (component / place).is_file()), None)
    # Where there are both, transformers takes the single file, and diffusers the shards.
    if single.is_file() and (sharded is None or library == "transformers"):
        return [single]
    if sharded is not None:
        return _shards(sharded)
    raise _no_weights(component, stem, f" of the variant {variant!r}" if variant else "")


def _stem(component: Path, library: str) -> str:
    """What a component's weights are called. Of a pipeline's own class, which may be of either library, the files say it."""
    if library not in LIBRARIES and any(component.glob("model*.safetensors*")):
        library = "transformers"
    return _STEMS.get(library, "diffusion_pytorch_model")


def _shards(index: Path) -> list[Path]:
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict):
        raise ModelError(f"{index}: does not say in which files the weights are.")
    shards = [index.parent / str(name) for name in set(places.values())]
    if missing := [shard for shard in shards if not shard.is_file()]:
        raise ModelError(f"{missing[0]}: is missing, and {index.name} says that weights are in it.")
    return shards


def _no_weights(component: Path, stem: str, variant: str) -> ModelError:
    pickled = next((file.name for file in sorted(component.glob("*")) if file.suffix in PICKLES), None)
    if pickled is not None:
        return ModelError(
            f"{component}: has its weights{variant} only as a pickle ({pickled}), which could run any code. Load it once where "
            "you trust it and call `pipe.save_pretrained(folder, safe_serialization=True)`."
        )
    others = sorted(
        file.name.removeprefix(f"{stem}.").split(".")[0] for file in component.glob(f"{stem}.*.safetensors")
    )
    hint = f" There are some of the variant {others[0]!r}: say so under model.variant." if others else ""
    return ModelError(f"{component}: has no weights{variant} ({stem}.safetensors).{hint}")


def hashes(folder: Path, files: list[Path]) -> dict[str, Json]:
    """Path in the folder -> sha256."""
    with ThreadPoolExecutor(_HASHED_AT_A_TIME) as threads:
        found = list(threads.map(_known_sha256, files))
    return {file.relative_to(folder).as_posix(): sha256 for file, sha256 in zip(files, found, strict=True)}


def configuration(
    folder: Path, index: Mapping[str, Any], family: Family, without: Collection[str] = ()
) -> dict[str, Json]:
    """File -> its settings, or, of a vocabulary, its sha256; what shapes no pixel is left out.

    Args:
        index: the content of `model_index.json`.
        without: components that are not loaded from the folder.
    """
    parts = [part for part in components(index, family) if part not in without]
    kept = {key: value for key, value in index.items() if not _is_part(value) and key not in family.options}
    found: dict[str, Json] = {INDEX: shaping(kept) | {name: index[name] for name in parts}}
    for file in _files(folder, parts):
        name = file.relative_to(folder).as_posix()
        found[name] = _known_sha256(file) if file.name in _VOCABULARIES else shaping(read_json(file))
    return found


def without_defaults(one: Json, other: Json, pipeline: str | None = None) -> tuple[Json, Json]:
    """Two configurations without those settings that only one of them names, at the value which the other takes by default.

    Folders that diffusers has written again, or another version of it, differ by such settings. Of what older records leave
    out, the value is not known where `one`, the recorded side, lacks it.

    Args:
        pipeline: the class that loads both, where it is known.
    """
    if not isinstance(one, dict) or not isinstance(other, dict):
        return one, other
    index = one.get(INDEX)
    cut: tuple[dict[str, Json], dict[str, Json]] = ({**one}, {**other})
    for file in one.keys() & other.keys():
        here, there = one[file], other[file]
        if isinstance(here, dict) and isinstance(there, dict) and here != there:
            loaded_by = index.get(file.partition("/")[0]) if isinstance(index, dict) else None
            if file == INDEX:
                loaded_by = ["diffusers", pipeline]
            kept = {key: value for key, value in there.items() if key in here or key not in _NOT_YET}
            usual = class_defaults(*map(str, loaded_by)) if isinstance(loaded_by, list) and _is_part(loaded_by) else {}
            for side, settings in zip(cut, _without_usual(here, kept, usual), strict=True):
                side[file] = settings
    return cut


def _without_usual(
    one: Mapping[str, Json], other: Mapping[str, Json], usual: Mapping[str, Json]
) -> tuple[dict[str, Json], dict[str, Json]]:
    """Two sides without what only one of them says, as `usual` has it, at any depth."""
    plain = {key for key in one.keys() ^ other.keys() if key in usual and {**one, **other}[key] == usual[key]}
    here, there = ({key: value for key, value in side.items() if key not in plain} for side in (one, other))
    for key in here.keys() & there.keys():
        inside, beside, nested = here[key], there[key], usual.get(key)
        if isinstance(inside, dict) and isinstance(beside, dict) and isinstance(nested, dict):
            here[key], there[key] = _without_usual(inside, beside, nested)
    return here, there


def _files(folder: Path, parts: list[str]) -> Iterator[Path]:
    for part in parts:
        yield from (file for name in (*_SETTINGS, *_VOCABULARIES) if (file := folder / part / name).is_file())


def shaping(settings: Mapping[str, Any]) -> dict[str, Json]:
    """The settings without those that say where a file came from, or what is given otherwise."""
    without = _WORDLESS | ({SIZE} if _SIZE_ALONE.search(str(settings.get("_class_name"))) else set())
    return {key: value for key, value in settings.items() if not key.startswith("_") and key not in without}


def _known_sha256(file: Path) -> str:
    return _sha256(file, file.stat().st_size, file.stat().st_mtime_ns)


@cache
def _sha256(file: Path, _size: int, _modified: int) -> str:
    return sha256_of(file)
