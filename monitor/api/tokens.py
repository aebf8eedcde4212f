"""Tokens that say who somebody is (JWT, RFC 7519), and the brake on guessing passwords."""

import hashlib
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

import jwt

from monitor.api.scope import Principal
from registry.words import WordedError

LIFETIME: Final = timedelta(hours=8)
ALGORITHM: Final = "HS256"
ISSUER: Final = "landun"

FAILURES: Final = 5
"""Wrong passwords for one username before it must wait."""
PAUSE: Final = timedelta(minutes=1)
REMEMBERED: Final = 10_000
"""Usernames whose failures are remembered: a bound on memory, the longest untouched is forgotten first."""


class TokenError(WordedError):
    """A token is not acceptable; the message says why without repeating it."""


def issue(principal: Principal, secret: str, now: datetime) -> str:
    """A token for a person who gave the right password."""
    claims = {
        "iss": ISSUER,
        "sub": principal.username,
        "iat": now,
        "exp": now + LIFETIME,
        "pwd": fingerprint(principal),
    }
    return jwt.encode(claims, secret, algorithm=ALGORITHM)


def read(token: str, secret: str, now: datetime) -> tuple[str, str, datetime]:
    """Username, password fingerprint and expiry of a token. Raises `TokenError`."""
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            # Expiry is checked below, by the clock that is given.
            options={"require": ["sub", "exp", "pwd"], "verify_exp": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError as error:
        raise TokenError.of("refusal.tokens.foreign") from error
    expires = datetime.fromtimestamp(claims["exp"], tz=now.tzinfo)
    if expires <= now:
        raise TokenError.of("refusal.tokens.expired")
    return str(claims["sub"]), str(claims["pwd"]), expires


def fingerprint(principal: Principal) -> str:
    """What ties a token to a password: a changed one ends every token issued before."""
    return hashlib.sha256(principal.password_hash.encode()).hexdigest()[:16]


class Brake:
    """Counts wrong passwords by username.

    By username and not by address, since behind the dashboard everybody has the same address. The price is that
    somebody can keep another person out for `PAUSE`, never longer than they go on trying.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, datetime]] = OrderedDict()

    def wait(self, username: str, now: datetime) -> timedelta:
        """How long the username must wait before its next try; zero if it needn't."""
        count, last = self._failures.get(username, (0, now))
        return max(timedelta(0), last + PAUSE - now) if count >= FAILURES else timedelta(0)

    def failed(self, username: str, now: datetime) -> None:
        """A wrong password. Once a pause is over counting begins anew."""
        count, last = self._failures.pop(username, (0, now))
        self._failures[username] = (1 if now - last > PAUSE else count + 1, now)
        if len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, username: str) -> None:
        """The right password."""
        self._failures.pop(username, None)
