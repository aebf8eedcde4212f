"""The detector: flags and scores for readings of a whole fleet at once, causal, without labels (pure numpy)."""

from monitor.detector.flags import MULTIVARIATE, TESTS, Flag, RoleCode, Test
from monitor.detector.layout import ChannelSpec, Layout, SiteSpec
from monitor.detector.state import State
from monitor.detector.step import TICK, Closing, Observer, Rows, Step, flush, step

__all__ = [
    "MULTIVARIATE",
    "TESTS",
    "TICK",
    "ChannelSpec",
    "Closing",
    "Flag",
    "Layout",
    "Observer",
    "RoleCode",
    "Rows",
    "SiteSpec",
    "State",
    "Step",
    "Test",
    "flush",
    "step",
]
