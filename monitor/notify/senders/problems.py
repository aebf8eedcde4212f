"""Why a delivery failed, and whether another attempt can help."""

from enum import StrEnum
from http import HTTPStatus
from typing import Final


class Problem(StrEnum):
    """A label that is stored, counted and shown; never a receiver's own words, which may hold a secret."""

    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    BUSY = "busy"
    SERVER_ERROR = "server_error"
    SIGN_IN = "sign_in"
    REJECTED = "rejected"
    MISCONFIGURED = "misconfigured"
    SEALED = "sealed"
    """The channel's secret, or its gateway's, cannot be read: its key is lost."""


RECOVERABLE: Final = frozenset({Problem.UNREACHABLE, Problem.TIMED_OUT, Problem.BUSY, Problem.SERVER_ERROR})
"""What may be over by itself; the rest needs a person, and is not tried again."""


class SendError(Exception):
    """A receiver did not take a message. `detail` is a code of the protocol's, without addresses or secrets."""

    def __init__(self, problem: Problem, detail: str) -> None:
        super().__init__(f"{problem}: {detail}")
        self.problem = problem
        self.detail = detail

    @property
    def recoverable(self) -> bool:
        """Whether it is worth trying again."""
        return self.problem in RECOVERABLE


def problem_of_http(status: int) -> Problem:
    """What an HTTP status other than success means."""
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.TOO_EARLY, HTTPStatus.LOCKED}:
        return Problem.BUSY
    if status == HTTPStatus.REQUEST_TIMEOUT:
        return Problem.TIMED_OUT
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Problem.SERVER_ERROR
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Problem.SIGN_IN
    return Problem.REJECTED


def problem_of_smtp(code: int) -> Problem:
    """What a reply code of SMTP means (RFC 5321, 4.2.1; 53x: RFC 4954)."""
    if code in {530, 534, 535, 538}:
        return Problem.SIGN_IN
    if code in {421, 450, 451, 452}:
        return Problem.BUSY
    return Problem.SERVER_ERROR if code < 500 else Problem.REJECTED
