"""Why a message, or a field of one, could not be stored as a reading."""

from dataclasses import dataclass
from enum import StrEnum

_LONGEST_TEXT = 500


class Reason(StrEnum):
    """The reason codes of dead letters; `registry/catalogue/dead_letter.toml` names each for people."""

    BAD_TOPIC = "bad_topic"
    UNKNOWN_DEVICE = "unknown_device"
    UNKNOWN_INDICATOR = "unknown_indicator"
    MALFORMED_JSON = "malformed_json"
    MALFORMED_CBOR = "malformed_cbor"
    MALFORMED_PROTOBUF = "malformed_protobuf"
    MALFORMED_FRAME = "malformed_frame"
    BAD_CHECKSUM = "bad_checksum"
    BEFORE_BIRTH = "before_birth"
    WRONG_UNIT = "wrong_unit"
    WRONG_IDENTITY = "wrong_identity"
    WRONG_SHAPE = "wrong_shape"
    NOT_A_NUMBER = "not_a_number"
    NOT_FINITE = "not_finite"
    BAD_TIMESTAMP = "bad_timestamp"
    TOO_OLD = "too_old"
    IN_FUTURE = "in_future"
    BEFORE_REGISTRATION = "before_registration"
    TOO_LARGE = "too_large"
    CONFLICT = "conflict"
    FORBIDDEN_PUBLISH = "forbidden_publish"
    REJECTED_BY_DATABASE = "rejected_by_database"


@dataclass(frozen=True, slots=True)
class Rejection:
    """One thing wrong with a message. `field` is the payload's field at fault, None for the whole message."""

    reason: Reason
    detail: str
    field: str | None = None


def shown(value: object) -> str:
    """A value as an error message shows it: one line, short, whatever a device sent."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 1024:
        # Python refuses to print integers of more than 4 300 digits.
        return f"an integer of about {int(value.bit_length() * 0.30103) + 1} digits"
    try:
        text = repr(value)
    except (RecursionError, ValueError):
        text = f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def storable(text: str) -> str:
    """Text as PostgreSQL can keep it: no NUL, no lone surrogates, not endless."""
    if len(text) > _LONGEST_TEXT:
        text = f"{text[: _LONGEST_TEXT - 3]}..."
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")
