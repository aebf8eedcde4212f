"""Fixtures for every test: databases, the running system, and the marks that say what a test needs."""

import pytest

pytest_plugins = ["tests.databases", "tests.system"]


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks of our own (markers are strict)."""
    config.addinivalue_line(
        "markers",
        "needs(*capabilities): run only on database engines that have them: copy, concurrency, hypertables, partitions",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the running system share one, so they go to one worker when tests run side by side."""
    for item in items:
        if item.get_closest_marker("system"):
            item.add_marker(pytest.mark.xdist_group("system"))
