"""What every section of a study is: unknown keys are errors, and values do not change."""

from typing import get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


class Strict(BaseModel):
    """Base of everything in a study: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_no_truth_values(cls, value: object, info: ValidationInfo) -> object:
        kind = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and {int, float} & {kind, *get_args(kind)}:
            raise ValueError("a number stands here, and YAML reads yes, no, on and off as true or false")
        return value
