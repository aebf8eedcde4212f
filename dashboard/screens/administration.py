"""People and their roles, who did what, and the end of the demonstration."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.formatting import clock, full_time
from dashboard.html import chip_cell, escape, heading, title
from dashboard.keeping import refused, w
from dashboard.keeping_client import Person
from dashboard.language import county_name, fault_name, indicator, language, name_of, t, term
from dashboard.widgets.alarm_table import ZONE
from dashboard.widgets.components import table
from dashboard.widgets.templates import templates_panel
from registry.catalogue import entries
from registry.counties import COUNTIES
from registry.indicators import INDICATORS
from registry.wall_clock import zone_offset

VIEWS: Final = ("people", "roles", "documents", "audit", "demonstration")
ROLES: Final = ("inspector", "centre", "administrator", "venue", "public")
CHOSEN: Final = "person_chosen"
GIVEN: Final = "one_time_password"
AUDIT_ROWS: Final = 100
MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})")
"""A time of RFC 3339 in what the audit log tells of."""
NEW: Final = "*"


def show() -> None:
    """Draw the page."""
    st.html(title(t("nav.administration"), sub=t("alarms.zone", zone=f"{ZONE} {zone_offset(ZONE)}")))
    if not session.may_control():
        st.info(w("import.forbidden"))
        return
    view = st.segmented_control(
        w("admin.view"),
        VIEWS,
        key="admin_view",
        default="people",
        required=True,
        format_func=lambda each: w(f"admin.{each}"),
        label_visibility="collapsed",
    )
    views = {
        "people": _people,
        "roles": _roles,
        "documents": templates_panel,
        "audit": _audit,
        "demonstration": _demonstration,
    }
    views[view or "people"]()


# ---------------------------------------------------------------------- people
def _people() -> None:
    try:
        people = session.keeping().people()
    except (ApiError, ApiUnreachableError) as error:
        refused(error)
        return
    left, right = st.columns([0.62, 0.38], gap="medium")
    chosen = st.session_state.get(CHOSEN, NEW)
    with left:
        answer = table("people", {**_people_table(people), "selected": chosen})
        if answer.open and answer.open != chosen:
            st.session_state[CHOSEN] = answer.open
            st.rerun()
        if chosen != NEW and st.button(w("admin.add"), icon=":material/person_add:", key="person_new"):
            st.session_state[CHOSEN] = NEW
            st.rerun()
    with right, st.container(border=True, key="panel-person"):
        _given()
        person = next((each for each in people if each["username"] == chosen), None)
        _form(person)


def _people_table(people: list[Person]) -> dict[str, Any]:
    names = {each["code"]: name_of(each) for each in session.feed().read().sites}
    columns = [
        {"label": w("admin.username")},
        {"label": w("admin.name")},
        {"label": w("admin.role")},
        {"label": w("admin.counties"), "wrap": True},
        {"label": t("column.state")},
    ]
    rows = [
        {
            "id": each["username"],
            "cells": [
                each["username"],
                each["name"],
                term("dashboard.role", each["role"]),
                _whose(each, names),
                _state_of(each),
            ],
        }
        for each in people
    ]
    return {"columns": columns, "rows": rows, "clickable": True}


def _whose(person: Person, names: Mapping[str, str]) -> str:
    """A venue's own site by its name; the counties of everybody else."""
    own = person["site"]
    return names.get(own, own) if own else _scope(person["counties"])


def _scope(counties: list[str]) -> str:
    joint = "、" if language() == "zh" else ", "
    return joint.join(county_name(each) for each in counties) if counties else t("person.all_counties")


def _state_of(person: Person) -> Any:
    if person["disabled_at"]:
        return chip_cell(w("admin.disabled"), "silent")
    return chip_cell(w("admin.one_time"), "pending") if person["one_time"] else chip_cell(w("admin.active"), "ok")


def _given() -> None:
    """A one-time password, shown once."""
    given = st.session_state.get(GIVEN)
    if given is None:
        return
    st.warning(w("admin.given", username=given[0]), icon=":material/visibility:")
    st.code(given[1], language=None)
    if st.button(w("credential.done"), key="given_done"):
        st.session_state.pop(GIVEN)
        st.rerun()


def _form(person: Person | None) -> None:
    key = person["username"] if person else NEW
    st.html(heading(w("admin.change", username=key) if person else w("admin.add")))
    if person is None:
        username = st.text_input(w("admin.username"), key="person_username", placeholder="zhang.wei")
    else:
        username = person["username"]
    name = st.text_input(w("admin.name"), value=person["name"] if person else "", key=f"person_name_{key}")
    role = st.selectbox(
        w("admin.role"),
        ROLES,
        index=ROLES.index(person["role"]) if person else 0,
        key=f"person_role_{key}",
        format_func=lambda each: term("dashboard.role", each),
    )
    site: str | None = None
    counties: list[str] = []
    if role == "venue":
        sites = {each["code"]: each for each in session.feed().wait_first(4).sites}
        known = list(sites)
        site = st.selectbox(
            w("admin.site"),
            known,
            index=known.index(person["site"]) if person and person["site"] in sites else 0,
            key=f"person_site_{key}",
            format_func=lambda code: f"{name_of(sites[code])} · {code}",
        )
    else:
        counties = st.multiselect(
            w("admin.counties"),
            list(COUNTIES),
            default=person["counties"] if person else [],
            key=f"person_counties_{key}",
            format_func=county_name,
            placeholder=t("person.all_counties"),
        )
    disabled = bool(person and person["disabled_at"])
    if person is not None:
        disabled = st.toggle(w("admin.disable"), value=disabled, key=f"person_disabled_{key}")
    entry: dict[str, object] = {"name": name, "role": role, "counties": counties, "site": site, "disabled": disabled}
    with st.container(horizontal=True, gap="small"):
        if st.button(w("devices.save") if person else w("admin.add"), key=f"person_save_{key}", type="primary"):
            _save(person, username, entry)
        if person and st.button(w("admin.reset"), key=f"person_reset_{key}", icon=":material/lock_reset:"):
            _give(username, lambda: session.keeping().reset_password(username))


def _save(person: Person | None, username: str, entry: dict[str, object]) -> None:
    if person is None:
        _give(username, lambda: session.keeping().add_person({**entry, "username": username}))
        return
    try:
        session.keeping().change_person(username, entry)
    except (ApiError, ApiUnreachableError) as error:
        refused(error)
    else:
        st.toast(w("admin.saved", username=username), icon=":material/check_circle:")
        st.rerun()


def _give(username: str, ask: Callable[[], str]) -> None:
    try:
        password = ask()
    except (ApiError, ApiUnreachableError) as error:
        refused(error)
    else:
        st.session_state[GIVEN] = username, password
        st.session_state[CHOSEN] = username
        st.rerun()


# ---------------------------------------------------------------------- roles
def _roles() -> None:
    try:
        roles = {each["role"]: set(each["permissions"]) for each in session.keeping().roles()}
    except (ApiError, ApiUnreachableError) as error:
        refused(error)
        return
    known = sorted(set().union(*roles.values()), key=lambda each: -sum(each in of for of in roles.values()))
    columns = [{"label": w("admin.permission"), "wrap": True}] + [
        {"label": term("dashboard.role", role), "align": "center"} for role in ROLES
    ]
    rows = [
        {
            "id": each,
            "cells": [
                _permission(each),
                *(chip_cell("✓", "ok") if each in roles.get(role, ()) else "" for role in ROLES),
            ],
        }
        for each in known
    ]
    table("roles", {"columns": columns, "rows": rows, "clickable": False})
    st.html(f"<p class='ld-note'>{escape(w('admin.roles_note'))}</p>")
    shown = "".join(
        f"<li><b>{escape(county_name(each.code))}</b> <code>{each.code}</code></li>" for each in COUNTIES.values()
    )
    st.html(heading(w("admin.counties")) + f"<ul class='ld-list ld-columns'>{shown}</ul>")


def _permission(code: str) -> str:
    key = code.replace(" ", "_").replace(",", "")
    return w(f"permission.{key}") if f"keeping.permission.{key}" in entries() else code


# ---------------------------------------------------------------------- audit
def _audit() -> None:
    with st.container(horizontal=True, gap="small"):
        actor = st.text_input(w("admin.actor"), key="audit_actor", placeholder="admin")
        subject = st.text_input(w("admin.subject"), key="audit_subject", placeholder="device:nt-cc-201-b1")
    try:
        total, items = session.keeping().audit(
            {"actor": actor.strip(), "subject": subject.strip(), "limit": AUDIT_ROWS}
        )
    except (ApiError, ApiUnreachableError) as error:
        refused(error)
        return
    columns = [
        {"label": w("admin.at")},
        {"label": w("admin.actor")},
        {"label": w("admin.action")},
        {"label": w("admin.subject")},
        {"label": t("system.detail"), "wrap": True},
    ]
    rows = [
        {
            "id": str(each["id"]),
            "cells": [
                clock(each["at"], ZONE),
                each["actor"],
                _action(each["action"]),
                each["subject"],
                _detail(each["detail"]),
            ],
        }
        for each in items
    ]
    note = f"<span class='ld-note'>{escape(t('system.last_of', shown=len(items), total=total))}</span>"
    st.html(heading(w("admin.audit"), note))
    table("audit", {"columns": columns, "rows": rows, "clickable": False, "height": 560})


def _action(code: str) -> str:
    return w(f"action.{code}") if f"keeping.action.{code}" in entries() else code.replace("_", " ")


def _detail(detail: dict[str, Any]) -> str:
    said = {name: value for name, value in detail.items() if value not in (None, "", [], {}, False)}
    return " · ".join(f"{_word(name)}: {_value(name, value)}" for name, value in said.items())


def _word(name: str) -> str:
    return term("keeping.detail", name)


def _value(name: str, value: object) -> str:
    """A value as the reader says it: codes of indicators, counties, roles and faults by their names."""
    if isinstance(value, list):
        return ", ".join(_value(name, each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{_named(inner)} {_value(inner, each)}" for inner, each in value.items() if each is not None)
    said = str(value)
    return _WORDS[name](said) if name in _WORDS else MOMENT.sub(lambda found: full_time(found[0], ZONE), said)


def _named(code: str) -> str:
    if code in INDICATORS:
        return indicator(code)
    return term("waste_tolerance.name", code) if f"waste_tolerance.name.{code}" in entries() else _word(code)


_WORDS: Final[Mapping[str, Callable[[str], str]]] = {
    "indicator": _named,
    "indicators": _named,
    "counties": county_name,
    "role": lambda code: term("dashboard.role", code),
    "fault": fault_name,
    "mode": _word,
    "state": lambda code: term("supervision.state", code),
    "party": lambda code: term("supervision.party", code),
    "outcome": lambda code: term("credit.outcome", code),
}
"""How values of a detail are said, by its name."""


# ---------------------------------------------------------------------- demonstration
def _demonstration() -> None:
    try:
        there = session.keeping().demonstration()
    except (ApiError, ApiUnreachableError) as error:
        refused(error)
        return
    with st.container(border=True, key="panel-demonstration"):
        st.html(heading(w("admin.demonstration")))
        if there["sites"] == 0:
            removed = there["removed_at"]
            st.info(w("demo.gone", at=full_time(removed, ZONE)) if removed else w("demo.never"))
            return
        st.html(f"<p class='ld-note'>{escape(w('demo.there', sites=there['sites']))}</p>")
        sure = st.checkbox(w("demo.sure"), key="demo_sure")
        if st.button(w("demo.remove"), key="demo_remove", type="primary", disabled=not sure, icon=":material/delete:"):
            try:
                deleted = session.keeping().remove_demonstration()
            except (ApiError, ApiUnreachableError) as error:
                refused(error)
            else:
                st.toast(w("demo.removed", sites=deleted["site"]), icon=":material/check_circle:")
                st.rerun()
