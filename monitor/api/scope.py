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


_INSPECTOR: Final = frozenset(
    {Permission.READ_ALARMS, Permission.ACT_ON_ALARMS, Permission.EXPORT, Permission.SEE_SIMULATORS}
)

PERMISSIONS: Final[Mapping[RoleName, frozenset[Permission]]] = MappingProxyType(
    {
        "administrator": frozenset(Permission),
        "centre": frozenset(Permission),
        "inspector": _INSPECTOR,
        "venue": frozenset({Permission.READ_ALARMS, Permission.EXPORT}),
        "public": frozenset(),
    }
)
"""What each role may do beyond looking at sites."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in person. `counties` empty means all of them; `site` is the only one a venue sees.

    `password_hash` lets a token end when the password is changed.
    """

    username: str
    name: str
    role: RoleName
    counties: tuple[str, ...]
    site: str | None
    password_hash: str

    def may(self, permission: Permission) -> bool:
        """Whether the role allows it."""
        return permission in PERMISSIONS[self.role]

    def sees(self, site: Site) -> bool:
        """Whether a site is in scope."""
        if self.role == "venue":
            return site.code == self.site
        return not self.counties or site.county in self.counties

    @property
    def scope_key(self) -> tuple[object, ...]:
        """Equal for two people who see the same: what answers may be cached by."""
        return self.role, self.counties, self.site
