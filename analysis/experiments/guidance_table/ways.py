"""Ways that draw anew, each a run beside: guided towards the prompt, towards another's text, away from a negative prompt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from seedscope.analysis.experiments.golden_table.fresh_prompts import kept_as_file
from seedscope.analysis.experiments.guidance_table.ground import Ground, towards
from seedscope.analysis.run.beside import run_beside, sharing_reference
from seedscope.analysis.run.drawing_time import drawn_on, seconds_a_picture
from seedscope.analysis.run.run import DrawnRun
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.networks.likeness import PROMPT
from seedscope.pipeline.study.schema import Json, fingerprint

Kind = Literal["guided", "null", "negative"]
PROMPTS_A_UNIT = 8


@dataclass(frozen=True)
class Way:
    """kind: `guided` towards the prompt; `null`, towards the text of another; away from a `negative` prompt. setting: the
    strength. changes: key of `sampling.guidance` -> its value."""

    kind: Kind
    setting: float
    changes: dict[str, Json]

    @property
    def name(self) -> str:
        names = {"guided": "towards the prompt", "null": "towards another text"}
        return "negative prompt" if self.kind == "negative" else f"{names[self.kind]}, {self.setting:g}"


def ways(ground: Ground, strengths: Sequence[float], through: str, negative: str | None) -> list[Way]:
    """Each strength, the strongest towards the text of another prompt too, and the negative prompt, if there is one."""

    def to(text: str, strength: float) -> dict[str, Json]:
        return {"similarity": towards(ground.guide, text, strength, through).model_dump(mode="json")}

    found = [Way("guided", strength, to(PROMPT, strength)) for strength in sorted(strengths)]
    found.append(Way("null", max(strengths), to(ground.other.text, max(strengths))))
    if negative is not None:
        found.append(Way("negative", 1.0, {"negative_prompt": negative}))
    return found


def runs_of(ground: Ground, found: Sequence[Way]) -> list[DrawnRun]:
    """The run of each way, not made yet: the prompts and seeds of `ground`.

    Raises:
        UserError: the model cannot be guided so.
    """
    guidance = ground.run.study.sampling.guidance
    away = [way for way in found if way.kind == "negative"]
    if away and guidance.scale <= 1:
        raise UserError(
            f"--negative: the study's guidance scale is {guidance.scale:g}, at which a negative prompt has no effect. Set one "
            "above 1, or leave --negative out."
        )
    mark = fingerprint({"prompts": [[each.text, each.group] for each in ground.prompts], "seeds": [*ground.drawn]})[:8]
    prompts = kept_as_file(ground.run.folder.path, f"table-guidance-{mark}", ground.prompts)
    return [_beside(ground, way, prompts, mark) for way in found]


def _beside(ground: Ground, way: Way, prompts: Json, mark: str) -> DrawnRun:
    sampling = json.loads(ground.run.study.sampling.model_dump_json())
    sampling["guidance"] |= way.changes
    own = fingerprint({"sampling": sampling, "of": mark})[:8]
    seeds: list[Json] = [*ground.drawn]
    unit: Json = {"prompts": PROMPTS_A_UNIT, "seeds": len(seeds)}
    name = f"guidance-{way.kind}-{way.setting:g}-{own}"
    beside = run_beside(ground.run, name, sampling=sampling, prompts=prompts, seeds=seeds, unit=unit)
    return sharing_reference(beside, ground.run)


def cost_of(run: DrawnRun, plain: DrawnRun) -> tuple[float | None, str]:
    """The seconds of a picture over those of a plain one; None with the reason where receipts do not tell."""
    own, usual = (seconds_a_picture(each.images, each.units) for each in (run, plain))
    here, there = (drawn_on(each.images, each.units) for each in (run, plain))
    if not own or not usual:
        return None, "receipts do not say how long pictures took"
    if here != there:
        return None, f"drawn on {' and '.join(sorted(here))}, plain pictures on {' and '.join(sorted(there))}"
    return own / usual, ""
