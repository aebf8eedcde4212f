"""How one page leads to another: by addresses that may also be sent to a colleague."""

from urllib.parse import urlencode

from dashboard.language import language


def address(page: str, **query: object) -> str:
    """The address of a page, with what it is to show and the reader's language."""
    return f"/{page}?{urlencode({**query, 'lang': language()})}"
