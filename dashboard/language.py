"""The reader's language: every string through the catalogue, names of things in the chosen language."""

from collections.abc import Mapping
from typing import Any, Final, Literal, cast

import streamlit as st

from registry.catalogue import LANGUAGES, Language, clause, entries, indicator_name, text, unit
from registry.counties import COUNTIES

KEY: Final = "language"


def language() -> Language:
    """The reader's language; Chinese until they choose otherwise."""
    return cast(Language, st.session_state.get(KEY, "zh"))


def adopt_language() -> None:
    """Take the language from the address on the first run; keep it in the address ever after."""
    if KEY not in st.session_state:
        asked = st.query_params.get("lang", "zh")
        st.session_state[KEY] = asked if asked in LANGUAGES else "zh"
    if st.query_params.get("lang") != language():
        st.query_params["lang"] = language()


def t(key: str, /, **fields: object) -> str:
    """A string of the dashboard's catalogue in the reader's language."""
    return text(language(), f"dashboard.{key}", **fields)


def term(table: str, code: str, /, **fields: object) -> str:
    """The name of a code by a table of the catalogue, e.g. ``term("alarm.state", "acknowledged")``.

    A code the catalogue doesn't know (a newer API may send one) is shown as it is.
    """
    key = f"{table}.{code}"
    return text(language(), key, **fields) if key in entries() else code.replace("_", " ")


def name_of(thing: Mapping[str, Any], prefix: str = "name") -> str:
    """The name in the reader's language of anything that has ``name_zh`` and ``name_en``."""
    return str(thing.get(f"{prefix}_{language()}") or "")


def name_field() -> Literal["name_zh", "name_en"]:
    """Where the name in the reader's language stands: for those who look at thousands of things."""
    return "name_zh" if language() == "zh" else "name_en"


def county_name(code: str) -> str:
    """The name of a county; its code if it is not in the registry."""
    county = COUNTIES.get(code)
    if county is None:
        return code
    return county.name_zh if language() == "zh" else county.name_en


def indicator(code: str) -> str:
    """The name of an indicator."""
    return indicator_name(language(), code)


def unit_of(code: str) -> str:
    """The unit of an indicator as the reader writes it."""
    return unit(language(), code)


def with_unit(code: str) -> str:
    """The name of an indicator and its unit, for labels of fields; pH is its own."""
    if unit_of(code) in indicator(code):
        return indicator(code)
    return f"{indicator(code)}（{unit_of(code)}）" if language() == "zh" else f"{indicator(code)} ({unit_of(code)})"


def clause_of(number: str) -> str:
    """The number of a standard's clause as the reader writes it."""
    return clause(language(), number)


def fault_name(code: str) -> str:
    """The name of a simulated fault."""
    key = f"fault.{code}.name"
    return text(language(), key) if key in entries() else code.replace("_", " ")


def fault_effect(code: str) -> str:
    """What a simulated fault does."""
    key = f"fault.{code}.effect"
    return text(language(), key) if key in entries() else ""


def fault_group(code: str) -> str:
    """Where a kind of fault is: in the water, in an instrument, in the device."""
    return text(language(), f"fault.group.{code}")


def fault_unit(code: str) -> str:
    """The unit of a fault's size."""
    key = f"fault.unit.{code}"
    return text(language(), key) if key in entries() else code
