"""The vocabulary of the detector: QARTOD's flags, the names of the tests, the roles of channels.

Flags are those of the QARTOD manuals (IOOS, "Manual for Real-Time Oceanographic Data Quality Control Flags",
version 1.2, 2020, table 1), which ioos_qc uses too. The tests' names are QARTOD's where QARTOD has the test, and
those of the SPC literature (EWMA, CUSUM) elsewhere.
"""

from enum import IntEnum

from registry.model import Role


class Flag(IntEnum):
    """A QARTOD primary flag: what a test says of a reading."""

    GOOD = 1
    UNKNOWN = 2
    """Not evaluated: too little is known yet."""
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


class Test(IntEnum):
    """A test of the detector; the value is its row in `Step.flags`, the name in lower case is stored and shown."""

    __test__ = False  # not one of pytest's

    GAP = 0
    GROSS_RANGE = 1
    SPIKE = 2
    RATE_OF_CHANGE = 3
    FLAT_LINE = 4
    ATTENUATED_SIGNAL = 5
    CLIMATOLOGY = 6
    EWMA = 7
    """Distance of the reading from the channel's own exponentially weighted level, and how it persists."""
    CUSUM = 8
    """Slow drift: a two-sided cumulative sum of the level against a slow reference."""

    @property
    def code(self) -> str:
        """The name as it is stored and shown."""
        return self.name.lower()


MULTIVARIATE = "multivariate"
"""The site-level test (QARTOD 'multi-variate'): it judges a site's channels together, once a tick."""

TESTS = (*(test.code for test in Test), MULTIVARIATE)
"""Every test's name, in the order of `Step.flags`, the site-level one last."""


class RoleCode(IntEnum):
    """A channel's role as an array element."""

    QUALITY = 0
    OPERATIONAL = 1
    CONTEXT = 2

    @classmethod
    def of(cls, role: Role) -> "RoleCode":
        """The code of a role of the registry."""
        return cls[role.name]
