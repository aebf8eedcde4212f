"""Who is signed in."""

from typing import NotRequired, TypedDict


class Me(TypedDict):
    """Who is signed in."""

    username: str
    name: str
    role: str
    counties: list[str]
    site: str | None
    one_time: NotRequired[bool]


class Token(Me):
    """A sign-in."""

    access_token: str
    expires_in: int
