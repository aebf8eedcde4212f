"""Download links; what they lead to is streamed from the API when it is clicked (`dashboard.exports`)."""

from urllib.parse import urlencode

from dashboard.html import escape
from dashboard.language import t


def export_links(path: str, query: dict[str, str]) -> str:
    """Links to ``/export/<path>.csv`` and ``.xlsx`` with the query of what is on the screen."""
    asked = f"?{urlencode(query)}" if query else ""
    links = "".join(
        f"<a href='/export/{escape(path)}.{ending}{escape(asked)}' download target='_self' data-export='{ending}'>"
        f"{escape(t('export.' + ending))}</a>"
        for ending in ("csv", "xlsx")
    )
    return f"<div class='ld-links'>{links}</div>"
