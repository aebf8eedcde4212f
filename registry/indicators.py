"""The indicators that instruments and laboratories report, by code.

The common ones are declared in ``indicators.toml``, others by scenarios (`registry.scenarios`). Physical ranges are
those of common instruments (gross range, QARTOD test 4), not limits.
"""

from collections.abc import Mapping
from typing import Final

from registry.model import Indicator
from registry.scenarios import all_indicators

INDICATORS: Final[Mapping[str, Indicator]] = all_indicators()
"""Every indicator by its code."""
