"""Which values of a measurement are good: said by the feature that measures it, and taken by every statistic of seeds."""

from typing import Literal

Better = Literal["higher", "lower"]
