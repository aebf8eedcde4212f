"""Fixtures for every test: databases, the running system, and the marks that say what a test needs."""

from collections.abc import Generator

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test of the running system that fails shows what the system logged: its folder goes away afterwards."""
    report = yield
    system = getattr(item, "funcargs", {}).get("system")
    if report.failed and system is not None:
        report.sections.append(("log of the system", system.log()[-8000:]))
    return report
