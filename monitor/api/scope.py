"""Who may see and do what: a role's permissions, and the sites in a person's scope."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from monitor.api.schemas import RoleName
from registry.model import Site


class Permission(StrEnum):
    """Something a role may do; the state and values of sites in scope are open to every role."""

    READ_ALARMS = "read alarms"
    ACT_ON_ALARMS = "acknowledge and comment on alarms"
    EXPORT = "export readings"
    READ_DEAD_LETTERS = "read dead letters"
    SEE_SIMULATORS = "see the simulators"
    COMMAND_SIMULATORS = "command the simulators"
    SET_LIMITS = "set limits of a site"
    ENTER_SAMPLES = "enter manual results"
    SEE_DEVICES = "see the devices"
    EDIT_REGISTRY = "change sites and devices"
    TUNE_DETECTOR = "set the detector's budget and test changes on history"
    READ_CASES = "read cases"
    WORK_CASES = "open cases and work on them"
    DIRECT_CASES = "reopen cases and extend deadlines after filing"
    EXPORT_EVIDENCE = "make and audit evidence packages"
    ANNOUNCE = "announce closures, calibration and maintenance"
    SEE_ALARM_FIGURES = "see the figures of alarms"
    SEE_NOTIFICATIONS = "see who is told of alarms"
    SET_NOTIFICATIONS = "set who is told of alarms"
    ADMINISTER = "administer people and the demonstration"
    READ_CREDIT = "see a site's credit"
    HOLD_DRAWS = "set credit weights, announce draws and hold them"
    ANSWER_AS_VENUE = "answer for the venue"
    ENTER_CALIBRATIONS = "enter calibrations"
    MANAGE_DISPLAYS = "make links to the public display"


_INSPECTOR: Final = frozenset(
    {
        Permission.READ_ALARMS,
        Permission.ACT_ON_ALARMS,
        Permission.EXPORT,
        Permission.SEE_SIMULATORS,
        Permission.SEE_DEVICES,
        Permission.ENTER_SAMPLES,
        Permission.ENTER_CALIBRATIONS,
        Permission.ANNOUNCE,
        Permission.SEE_ALARM_FIGURES,
        Permission.SEE_NOTIFICATIONS,
        Permission.READ_CASES,
        Permission.WORK_CASES,
        Permission.READ_CREDIT,
        Permission.EXPORT_EVIDENCE,
    }
)

PERMISSIONS: Final[Mapping[RoleName, frozenset[Permission]]] = MappingProxyType(
    {
        "administrator": frozenset(Permission),
        "centre": frozenset(Permission),
        "inspector": _INSPECTOR,
        "venue": frozenset(
            {
                Permission.READ_ALARMS,
                Permission.EXPORT,
                Permission.ANNOUNCE,
                Permission.ANSWER_AS_VENUE,
                Permission.ENTER_CALIBRATIONS,
                Permission.READ_CREDIT,
                Permission.MANAGE_DISPLAYS,
                Permission.READ_CASES,
            }
        ),
        "public": frozenset(),
    }
)
"""What each role may do beyond looking at sites.

A venue answers for itself: it comments on its alarms and acknowledges those that are its own work. It gives no feedback
on verdicts, because that moves the sensitivity by which the venue itself is watched.
"""


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in person. `counties` empty means all of them; `site` is the only one a venue sees.

    `password_hash` lets a token end when the password is changed. With a `one_time` password a person may do nothing
    but choose another.
    """

    username: str
    name: str
    role: RoleName
    counties: tuple[str, ...]
    site: str | None
    password_hash: str
    one_time: bool = False

    def may(self, permission: Permission) -> bool:
        """Whether the role allows it."""
        return permission in PERMISSIONS[self.role]

    @property
    def sees_all(self) -> bool:
        """Whether every site is in scope."""
        return self.role != "venue" and not self.counties

    def sees(self, site: Site) -> bool:
        """Whether a site is in scope."""
        if self.role == "venue":
            return site.code == self.site
        return not self.counties or site.county in self.counties

    @property
    def scope_key(self) -> tuple[object, ...]:
        """Equal for two people who see the same: what answers may be cached by."""
        return self.role, self.counties, self.site


CANARY: Final = Principal("landun:canary", "canary", "public", counties=("-",), site=None, password_hash="")
"""The platform's own viewer of the live feed (`operations.canary`): it sees no site, and its own readings only.

No person can have its name, and only who holds the secret that tokens are signed with can speak for it.
"""
