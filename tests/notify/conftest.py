"""Fixtures of notification."""

from collections.abc import Iterator

import pytest

from store.connections import connect
from tests.notify.post import Post


@pytest.fixture
def post(database: str) -> Iterator[Post]:
    """A notifier, Wang of Chongchuan, and an empty alarm book."""
    with connect(database, autocommit=True) as connection:
        yield Post(connection)
