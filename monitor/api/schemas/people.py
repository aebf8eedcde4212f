"""Signing in."""

from typing import Literal

from pydantic import BaseModel, Field

from monitor.api.schemas.common import CountyCode, RoleName, SiteCode


class Me(BaseModel):
    """Who is signed in and what they may see."""

    username: str = Field(examples=["admin"])
    name: str = Field(description="Name shown to others", examples=["值班员"])
    role: RoleName = Field(examples=["centre"])
    counties: list[CountyCode] = Field(description="Counties in scope; empty means all")
    site: SiteCode | None = Field(default=None, description="The only site in scope, for the role venue")


class Token(Me):
    """A sign-in: send ``Authorization: Bearer <access_token>`` with every request."""

    access_token: str = Field(description="JWT, HS256")
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the scheme's name, no secret
    expires_in: int = Field(description="Seconds until the token expires", examples=[28800])
