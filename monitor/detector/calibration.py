"""From a false-alarm budget to a threshold, by the site's own past."""

from typing import Final

BINS: Final = 32
