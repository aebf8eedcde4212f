"""Sealing text with a key that lies elsewhere, so that a copy of the database opens nothing.

Fernet of the library `cryptography`: AES-128 in CBC mode with an HMAC-SHA256, a random IV each time.
"""

from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

SEALED: Final = "sealed:1:"
"""What a sealed text begins with, followed by the token; anything else lies open, as all did before sealing came."""

KEY_CHARACTERS: Final = 43
"""256 bits in URL-safe base64 without padding, as `landun secrets` writes them."""


class SealError(Exception):
    """A sealed text cannot be opened, or nothing can be sealed; the message never holds the text."""


class Seal:
    """Seals with the first key of several, opens with any; with none it opens only what lies open."""

    def __init__(self, keys: str = "") -> None:
        """Take keys, one a line. Raises `ValueError` naming the line that is none."""
        self._keys = [_fernet(number, line) for number, line in enumerate(keys.split(), start=1)]
        self._all = MultiFernet(self._keys) if self._keys else None

    def __bool__(self) -> bool:
        """Whether there is a key."""
        return self._all is not None

    def close(self, text: str) -> str:
        """Seal a text; nothing, and what is sealed already, stay as they are. Raises `SealError` without a key."""
        if not text or text.startswith(SEALED):
            return text
        if self._all is None:
            raise SealError("there is no key to seal it with")
        return SEALED + self._all.encrypt(text.encode()).decode()

    def open(self, stored: str) -> str:
        """The text that was sealed; what lies open as it is. Raises `SealError` where no key here opens it."""
        if not stored.startswith(SEALED):
            return stored
        if self._all is None:
            raise SealError("it is sealed and no key was given")
        try:
            return self._all.decrypt(stored.removeprefix(SEALED)).decode()
        except InvalidToken as error:
            raise SealError("it was sealed with another key") from error

    def newest(self, stored: str) -> str:
        """The same, sealed with the first key if it lay open or was sealed with a later one. Raises `SealError`."""
        if not stored or (stored.startswith(SEALED) and self._opens_first(stored)):
            return stored
        return self.close(self.open(stored))

    def _opens_first(self, stored: str) -> bool:
        try:
            self._keys[0].decrypt(stored.removeprefix(SEALED))
        except (IndexError, InvalidToken):
            return False
        return True


def _fernet(number: int, line: str) -> Fernet:
    try:
        return Fernet(line + "=" * (len(line) % 4 and 4 - len(line) % 4))
    except ValueError as error:
        raise ValueError(
            f"line {number} is no key: it must be {KEY_CHARACTERS} characters of URL-safe base64 (256 bits)"
        ) from error
