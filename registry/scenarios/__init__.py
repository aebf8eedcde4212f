"""Scenarios: kinds of venue, each declared in a file of its own. docs/scenarios.md tells how to write one.

Those that ship with the platform are the TOML files of this folder. More are found in the folders that the
environment variable ``LANDUN_SCENARIOS`` names (separated like ``PATH``): each of their sub-folders with a
``scenario.toml`` is a scenario, with its limit profiles in ``limits/*.toml``.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Final

from registry.model import Indicator, RegistryError
from registry.scenarios.model import DeviceKind, Judging, Kind, Scenario, ScenarioPage
from registry.scenarios.reading import load_indicators, load_scenario

__all__ = [
    "DEFAULT",
    "FOLDERS_VARIABLE",
    "DeviceKind",
    "Judging",
    "Kind",
    "Scenario",
    "ScenarioPage",
    "added_limit_files",
    "all_indicators",
    "scenario_of",
    "scenarios",
]

FOLDERS_VARIABLE: Final = "LANDUN_SCENARIOS"
DEFAULT: Final = "pool"


@cache
def scenarios() -> Mapping[str, Scenario]:
    """Every scenario by code. Raises `RegistryError` naming a file that is not acceptable, or a code used twice."""
    found: dict[str, Scenario] = {}
    for scenario in (*_shipped(), *_added()):
        if scenario.code in found:
            raise RegistryError(f"scenario {scenario.code!r} is declared twice; the second is in {scenario.folder}")
        found[scenario.code] = scenario
    _check(found.values(), all_indicators())
    return MappingProxyType(found)


def scenario_of(code: str) -> Scenario:
    """A scenario by the code a site carries. One that is no longer declared judges nothing, and is named by its code.

    So a folder taken away leaves the platform running, with the values of its sites stored and shown.
    """
    return scenarios().get(code) or _undeclared(code)


@cache
def all_indicators() -> Mapping[str, Indicator]:
    """The common indicators and those that scenarios add, by code. Raises `RegistryError` on a code used twice."""
    common = files("registry").joinpath("indicators.toml").read_text(encoding="utf-8")
    found = {each.code: each for each in load_indicators("indicators.toml", common)}
    for scenario in (*_shipped(), *_added()):
        for indicator in scenario.indicators:
            if indicator.code in found:
                raise RegistryError(f"scenario {scenario.code}: indicator {indicator.code!r} is declared already")
            found[indicator.code] = indicator
    return MappingProxyType(found)


def added_limit_files() -> Iterator[Path]:
    """The limit profiles of added scenarios."""
    for scenario in _added():
        if scenario.folder is not None:
            yield from sorted(scenario.folder.joinpath("limits").glob("*.toml"))


@cache
def _shipped() -> tuple[Scenario, ...]:
    folder = files("registry.scenarios")
    return tuple(
        load_scenario(entry.name, entry.read_text(encoding="utf-8"))
        for entry in sorted(folder.iterdir(), key=lambda each: each.name)
        if entry.name.endswith(".toml")
    )


@cache
def _added() -> tuple[Scenario, ...]:
    found: list[Scenario] = []
    for named in filter(None, os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)):
        root = Path(named)
        if not root.is_dir():
            raise RegistryError(f"{FOLDERS_VARIABLE}: {named!r} is not a folder")
        found += [
            load_scenario(str(path), path.read_text(encoding="utf-8"), path.parent)
            for path in sorted(root.glob("*/scenario.toml"))
        ]
    return tuple(found)


@cache
def _undeclared(code: str) -> Scenario:
    nothing: Mapping[str, Kind] = MappingProxyType({})
    return Scenario(
        code=code,
        name_zh=code,
        name_en=code,
        icon="home_work",
        profiles=(),
        adoptable=(),
        point_zh="采样点",
        point_en="Sampling point",
        judging=Judging(while_open=True, running=None, sample_days=90),
        point_kinds=nothing,
        treatments=nothing,
        device_kinds=MappingProxyType({}),
        indicators=(),
        page=ScenarioPage("", "", (), None, ()),
        folder=None,
    )


def _check(every: Iterable[Scenario], known: Mapping[str, Indicator]) -> None:
    for scenario in every:
        named = [*scenario.page.columns, *scenario.page.samples]
        named += [code for kind in scenario.device_kinds.values() for code in kind.indicators]
        if scenario.judging.running is not None:
            named.append(scenario.judging.running)
        for code in named:
            if code not in known:
                raise RegistryError(
                    f"scenario {scenario.code}: indicator {code!r} is not declared; known: {', '.join(known)}"
                )
