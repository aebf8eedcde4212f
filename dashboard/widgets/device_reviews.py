"""A device's reviews by 行政处罚法 Art 41, and entering one."""

import re
from datetime import date
from typing import Final

import streamlit as st

from dashboard import session
from dashboard.client import ApiError, ApiUnreachableError
from dashboard.evidence_client import Review
from dashboard.formatting import today_in
from dashboard.html import escape, heading
from dashboard.language import language
from dashboard.problems import failed
from dashboard.widgets.alarm_table import ZONE
from registry.catalogue import text

FOUND: Final = ("legal", "technical", "sited", "marked")


def w(key: str) -> str:
    """A string about reviews."""
    return text(language(), f"evidence.review.{key}")


def show(device: str, *, editable: bool) -> None:
    """Draw the reviews, and the form where the person may enter one."""
    st.html(heading(w("title")))
    try:
        reviews = session.evidence().reviews(device)
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    lines = "".join(f"<li>{_line(each)}</li>" for each in reviews[:5])
    st.html(f"<ul class='ld-list'>{lines}</ul>" if lines else f"<p class='ld-note'>{escape(w('none'))}</p>")
    if editable:
        _enter(device)


def _line(review: Review) -> str:
    met = [f"{'✓' if review[name] else '✗'} {w(name)}" for name in FOUND]
    met += [f"{'✓' if review[name] else '✗'} {w(name)} {review[name]}" for name in ("standard", "published")]
    return (
        f"{escape(review['reviewed_on'])} {escape('、'.join(review['reviewers']))}"
        f"<br><span class='ld-note'>{escape(' · '.join(met))} {escape(review['note'])}</span>"
    )


def _enter(device: str) -> None:
    today = today_in(ZONE)
    with (
        st.popover(w("enter"), icon=":material/fact_check:"),
        st.form(f"review-{device}", border=False),
    ):
        on = st.date_input(w("on"), value=today, max_value=today, format="YYYY-MM-DD")
        found = {name: st.checkbox(w(name), key=f"review-{device}-{name}") for name in FOUND}
        said = {name: st.text_input(w(name), max_chars=200) for name in ("standard", "published", "reviewers", "note")}
        if not st.form_submit_button(w("save"), type="primary") or not isinstance(on, date):
            return
    reviewers = [each.strip() for each in re.split("[、,，]", said.pop("reviewers")) if each.strip()]
    try:
        session.evidence().enter_review(
            device, {"reviewed_on": on.isoformat(), **found, **said, "reviewers": reviewers}
        )
    except (ApiError, ApiUnreachableError) as error:
        failed(error)
        return
    st.toast(w("saved"))
    st.rerun()
