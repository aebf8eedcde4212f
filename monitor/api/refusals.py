"""How a request is refused whose values are not acceptable."""

from datetime import datetime

from fastapi import HTTPException, status


def unacceptable(detail: str) -> HTTPException:
    """A 422 that names the field, the value and what would be right."""
    return HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, detail)


def check_zone(name: str, moment: datetime | None) -> None:
    """Raise a 422 on a time that says no zone; `name` is what the request calls it. None passes."""
    if moment is not None and moment.tzinfo is None:
        raise unacceptable(f"{name}: {moment.isoformat()} has no time zone: end it with Z or an offset")
