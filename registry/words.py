"""A sentence in both languages, and errors that say what is wrong in both."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from registry.catalogue import Language, text
from registry.model import HOME_ZONE
from registry.wall_clock import wall_clock


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence in both languages."""

    zh: str
    en: str

    @classmethod
    def of(cls, key: str, /, **fields: object) -> "Words":
        """A string of the catalogue; a field that is `Words` itself is put in in each language."""

        def said(language: Language) -> str:
            own = {name: each.in_(language) if isinstance(each, Words) else each for name, each in fields.items()}
            return text(language, key, **own)

        return cls(said("zh"), said("en"))

    def in_(self, language: Language) -> str:
        """The sentence in a language."""
        return self.zh if language == "zh" else self.en


class WordedError(ValueError):
    """Something is not acceptable; `words` say what, and what would be right. As a string it is English."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.en)
        self.words = words

    @classmethod
    def of(cls, key: str, /, **fields: object) -> Self:
        """The error with a sentence of the catalogue; see `Words.of`."""
        return cls(Words.of(key, **fields))


def listed(items: Iterable[object]) -> Words:
    """Codes, numbers or `Words` one after the other, as each language lists them."""
    found = [each if isinstance(each, Words) else Words(str(each), str(each)) for each in items]
    return Words("、".join(each.zh for each in found), ", ".join(each.en for each in found))


def together(sentences: Iterable[Words]) -> Words:
    """Several sentences as one."""
    found = list(sentences)
    return Words("；".join(each.zh for each in found), "; ".join(each.en for each in found))


def moment(at: datetime, zone: str = HOME_ZONE) -> Words:
    """An instant as the clock of a zone shows it, by default that of the platform."""
    return Words(wall_clock("zh", at, zone), wall_clock("en", at, zone))
