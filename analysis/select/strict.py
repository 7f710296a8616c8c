"""The base of everything in a golden list."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Base of everything in a golden list: unknown keys are errors, values do not change, numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
