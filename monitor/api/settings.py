"""What `landun serve` is told."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

VERSION: Final = "0.1.0"
"""Version of the HTTP interface, shown in its OpenAPI document and by /health."""

SECRET_CHARACTERS: Final = 32
"""Least length of the token secret: HS256 needs a key as long as its digest (RFC 7518, 3.2)."""


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Settings of the API.

    `simulators_url` is None where no simulators run; `data` is the folder whose free disk space /health
    reports. Raises `ValueError` on a secret too short to sign tokens with.
    """

    database_url: str = field(repr=False)
    token_secret: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    simulators_url: str | None = None
    data: Path = Path("/")

    def __post_init__(self) -> None:
        if len(self.token_secret) < SECRET_CHARACTERS:
            raise ValueError(
                f"token secret has {len(self.token_secret)} characters, must have at least {SECRET_CHARACTERS}"
            )
