"""The catalogue of user-facing strings."""

import string

import pytest

from registry.catalogue import LANGUAGES, Language, clause, counted, entries, indicator_name, text, unit
from registry.indicators import INDICATORS

FORBIDDEN = "违法"


def placeholders(template: str) -> set[str]:
    """The names of a template's fields."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("key", sorted(entries()))
def test_both_languages_say_the_same(key: str) -> None:
    """Each string stands in both languages, not empty, with the same fields, and never calls a lead an offence."""
    chinese, english = (entries()[key][language] for language in LANGUAGES)
    assert chinese.strip()
    assert english.strip()
    assert placeholders(chinese) == placeholders(english)
    assert FORBIDDEN not in chinese
    assert english.isascii() or not any("\u4e00" <= each <= "\u9fff" for each in english)


@pytest.mark.parametrize("indicator", sorted(INDICATORS))
def test_every_indicator_has_a_name_and_a_unit_in_both_languages(indicator: str) -> None:
    """No figure can be shown without its name and its unit."""
    for language in LANGUAGES:
        assert indicator_name(language, indicator)
        assert unit(language, indicator)


def test_an_unknown_key_is_an_error_that_names_it() -> None:
    """A missing string stops loudly instead of showing a blank."""
    with pytest.raises(KeyError, match=r"no\.such\.key"):
        text("zh", "no.such.key")


@pytest.mark.parametrize(
    ("number", "chinese", "english"),
    [
        ("Art 17", "第17条", "Art 17"),
        ("Art 11, 47(2)", "第11, 47(2)条", "Art 11, 47(2)"),
        ("4.4.1 表4", "4.4.1 表4", "4.4.1 Table 4"),
    ],
)
def test_clauses_are_written_as_readers_do(number: str, chinese: str, english: str) -> None:
    """Articles of laws and tables of standards, in either language."""
    assert (clause("zh", number), clause("en", number)) == (chinese, english)


@pytest.mark.parametrize(
    ("language", "count", "said"),
    [("en", 0, "0 bags"), ("en", 1, "1 bag"), ("en", 2, "2 bags"), ("zh", 1, "1 袋"), ("zh", 2, "2 袋")],
)
def test_one_is_said_otherwise_than_many(language: Language, count: int, said: str) -> None:
    """One bag, two bags; Chinese makes no difference."""
    assert counted(language, "waste_page.page.bags", count=count) == said
