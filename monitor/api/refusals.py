"""How a request is refused: with a sentence in both languages that names the field, the value and what would be right.

The body is ``{"detail": "…", "detail_zh": "…"}``: `detail` is English, as programs and their logs have it; a page shows
the sentence of its reader's language. Every sentence is in the catalogue below ``refusal``, but for those that an
error of the domain brings along (`WordedError`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from fastapi import HTTPException, status

from registry.catalogue import entries
from registry.words import WordedError, Words, together

LONGEST_VALUE: Final = 60
_VALIDATION: Final = "refusal.validation"


class Refusal(HTTPException):
    """A request that is refused, and why."""

    def __init__(self, code: int, words: Words, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code, words.en, dict(headers) if headers else None)
        self.words = words


def refused(code: int, why: str | WordedError, /, **fields: object) -> Refusal:
    """A refusal with a status: `why` is a key below ``refusal`` with its `fields`, or the error that was met."""
    return Refusal(code, _words(why, fields))


def unacceptable(why: str | WordedError, /, **fields: object) -> Refusal:
    """A 422: what was sent cannot be taken."""
    return refused(status.HTTP_422_UNPROCESSABLE_CONTENT, why, **fields)


def conflict(why: str | WordedError, /, **fields: object) -> Refusal:
    """A 409: it could be taken, were the matter in another state."""
    return refused(status.HTTP_409_CONFLICT, why, **fields)


def not_found(why: str | WordedError, /, **fields: object) -> Refusal:
    """A 404: it is not there, or not for this person."""
    return refused(status.HTTP_404_NOT_FOUND, why, **fields)


def forbidden(why: str | WordedError, /, **fields: object) -> Refusal:
    """A 403: this person may not."""
    return refused(status.HTTP_403_FORBIDDEN, why, **fields)


def unauthorized(why: str | WordedError, /, **fields: object) -> Refusal:
    """A 401: nobody is known who asks. Says which scheme is expected (RFC 6750)."""
    return Refusal(status.HTTP_401_UNAUTHORIZED, _words(why, fields), {"WWW-Authenticate": "Bearer"})


def _words(why: str | WordedError, fields: Mapping[str, object]) -> Words:
    return why.words if isinstance(why, WordedError) else Words.of(f"refusal.{why}", **fields)


def parameter(name: str) -> Words:
    """What a sentence calls a parameter of the query."""
    return Words.of(f"{_VALIDATION}.at.parameter", where="query", field=name)


def check_zone(name: str | Words, moment: datetime | None) -> None:
    """Raise a 422 on a time that says no zone; `name` is what the request calls it. None passes."""
    if moment is not None and moment.tzinfo is None:
        raise unacceptable("no_zone", field=name, value=moment.isoformat())


def of_validation(errors: Sequence[Mapping[str, Any]]) -> Words:
    """What pydantic found: where, what was given, and what would be right."""
    return together(map(_sentence, errors))


def _sentence(error: Mapping[str, Any]) -> Words:
    where, *path = error["loc"]
    at = "parameter" if where != "body" else "body" if path else "whole_body"
    place = Words.of(f"{_VALIDATION}.at.{at}", where=where, field=".".join(map(str, path)))
    if error["type"] == "missing":
        return Words.of(f"{_VALIDATION}.missing", place=place, problem=_problem(error))
    return Words.of(f"{_VALIDATION}.wrong", place=place, value=_short(error.get("input")), problem=_problem(error))


def _problem(error: Mapping[str, Any]) -> Words:
    """What would be right; an error of ours brings its own words, a rare one of pydantic's is said in English."""
    context = error.get("ctx", {})
    if isinstance(cause := context.get("error"), WordedError):
        return cause.words
    key = f"{_VALIDATION}.type.{error['type']}"
    if key in entries():
        return Words.of(key, **context)
    message = str(error["msg"])
    return Words(message, message)


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= LONGEST_VALUE else f"{shown[: LONGEST_VALUE - 3]}…"
