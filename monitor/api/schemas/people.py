"""Signing in, and the people who do."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from monitor.api.schemas.common import CountyCode, RoleName, SiteCode, Time


class Me(BaseModel):
    """Who is signed in and what they may see."""

    username: str = Field(examples=["admin"])
    name: str = Field(description="Name shown to others", examples=["值班员"])
    role: RoleName = Field(examples=["centre"])
    counties: list[CountyCode] = Field(description="Counties in scope; empty means all")
    site: SiteCode | None = Field(default=None, description="The only site in scope, for the role venue")
    one_time: bool = Field(default=False, description="The password was given out: choose another before anything else")


class Token(Me):
    """A sign-in: send ``Authorization: Bearer <access_token>`` with every request."""

    access_token: str = Field(description="JWT, HS256")
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the scheme's name, no secret
    expires_in: int = Field(description="Seconds until the token expires", examples=[28800])


class PasswordChange(BaseModel):
    """A new password of one's own."""

    old: str = Field(max_length=1000)
    new: str = Field(min_length=10, max_length=1000, description="At least 10 characters")


class PersonInfo(BaseModel):
    """Somebody who may sign in, or might once."""

    username: str
    name: str
    role: RoleName
    counties: list[CountyCode]
    site: SiteCode | None
    one_time: bool = Field(description="Has a password that was given out and not yet replaced")
    disabled_at: Time | None


class PersonRequest(BaseModel):
    """What an administrator decides about a person."""

    name: str = Field(min_length=1, max_length=100)
    role: RoleName
    counties: list[CountyCode] = Field(default_factory=list, description="Empty means all")
    site: SiteCode | None = Field(default=None, description="Needed for the role venue")
    disabled: bool = False


class NewPerson(PersonRequest):
    """A person to add."""

    username: str = Field(pattern=r"^[A-Za-z0-9._@-]{2,60}$", examples=["zhang.wei"])


class OneTimePassword(BaseModel):
    """A password shown once; whoever signs in with it chooses another."""

    username: str
    password: str


class RoleInfo(BaseModel):
    """What a role may do."""

    role: RoleName
    permissions: list[str]


class AuditEntry(BaseModel):
    """Something a person did."""

    id: int
    at: Time
    actor: str
    action: str = Field(examples=["device_revoked"])
    subject: str = Field(examples=["device:nt-cc-201-b1"])
    detail: dict[str, Any]


class AuditPage(BaseModel):
    """Newest first."""

    total: int
    items: list[AuditEntry]


class DemonstrationInfo(BaseModel):
    """Whether invented sites are there."""

    sites: int = Field(description="Invented sites in the registry, simulated ones and those without devices")
    removed_at: Time | None
