"""A family that gives noise to the call in another form says in which."""

import pytest

from seedscope.pipeline.models.families import FAMILIES
from seedscope.pipeline.models.stock import StockFamily

CALLED_WHOLE = {type(family): family for family in FAMILIES.values() if isinstance(family, StockFamily)}


@pytest.mark.parametrize("family", CALLED_WHOLE.values(), ids=lambda family: family.name)
def test_the_form_is_said_where_there_is_one(family: StockFamily) -> None:
    changed = type(family).shaped is not StockFamily.shaped
    assert changed == (family.form != StockFamily.form)
