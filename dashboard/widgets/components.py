"""The few components of our own: a map, a table, a sound, a cookie.

Each is a small module in ``static/``, loaded by the browser once; only its data travels when it changes.
They change what is on the screen in place, so that nothing flickers and zoom and scroll stay.
"""

from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import streamlit as st

STATIC: Final = Path(__file__).parent.parent / "static"


@cache
def _registered(name: str) -> Callable[..., Any]:
    """The component ``static/<name>.js``, with a loader so small that it may travel with every message."""
    source = (STATIC / f"{name}.js").read_bytes()
    address = f"/landun/{name}.js?{sha256(source).hexdigest()[:12]}"
    # A browser remembers a module that it could not fetch: while this process is restarted it is asked for anew.
    loader = f"""
    const address = new URL({address!r}, window.location.origin).href;
    const load = (round) => import(round ? `${{address}}&again=${{round}}` : address).catch(async (error) => {{
      if (round >= 60) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return load(round + 1);
    }});
    const module = load(0);
    export default async (component) => (await module).default(component);
    """
    return st.components.v2.component(f"landun_{name}", html="<div></div>", js=loader, isolate_styles=False)


def county_map(key: str, data: Mapping[str, Any]) -> Any:
    """The map; `county` in the answer is the code of a county that was clicked. A click on a site leads to its page."""
    return _registered("map")(key=key, data=dict(data), on_county_change=_nothing)


def table(key: str, data: Mapping[str, Any]) -> Any:
    """A table; a clicked row leads to its ``href``, or else `open` in the answer is its id."""
    return _registered("table")(key=key, data=dict(data), on_open_change=_nothing)


def session_cookie(action: str, ticket: str) -> None:
    """Have the browser fetch (``set``) or drop (``end``) the session cookie."""
    _registered("session")(key="session-cookie", data={"action": action, "ticket": ticket})


def siren(alarm: str, *, muted: bool, blocked_text: str) -> None:
    """Sound once for each new `alarm` id; shows `blocked_text` while the browser still forbids sound."""
    _registered("siren")(key="siren", data={"alarm": alarm, "muted": muted, "blocked": blocked_text})


def _nothing() -> None:
    """A component's callback is what declares the name of its answer."""
