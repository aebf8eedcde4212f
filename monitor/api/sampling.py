"""What manual results say: judged by the limits valid when they were taken, and how each site stands by them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from monitor.api.places import Place, lines
from registry.limits import SiteRule, Version
from registry.model import Registry
from registry.samples import Judged, Sample, SampleState, judge, worst
from registry.scenarios import scenario_of, scenarios

Rules = Mapping[str, tuple[SiteRule, ...]]


def judged(samples: Sequence[Sample], registry: Registry, rules: Rules) -> list[Judged]:
    """Judge results; those whose site or sampling point is no longer registered are without a limit.

    Results of one sampling point choose each other's bounds where these depend on another indicator.
    """
    by_point: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        by_point.setdefault((sample.site, sample.sampling_point), []).append(sample)
    return [
        judge(sample, _lines_of(registry, rules, sample), by_point[sample.site, sample.sampling_point])
        for sample in samples
    ]


def site_states(
    samples: Iterable[Sample], registry: Registry, rules: Rules, now: datetime
) -> dict[str, tuple[SampleState, datetime, int, int]]:
    """By site: the worst state of its newest results, when the newest was taken, how many, and how many are suspected.

    Results older than the scenario's `sample_days` say nothing about now; a site with none is not in the answer.
    """
    recent = [
        sample
        for sample in samples
        if (site := registry.sites.get(sample.site)) is not None
        and now - sample.taken_at <= timedelta(days=scenario_of(site.scenario).judging.sample_days)
    ]
    by_site: dict[str, list[Judged]] = {}
    for each in judged(recent, registry, rules):
        by_site.setdefault(each.sample.site, []).append(each)
    found = {}
    for code, results in by_site.items():
        state = worst(each.state for each in results)
        if state is not None:
            newest = max(each.sample.taken_at for each in results)
            suspected = sum(each.state is SampleState.SUSPECTED for each in results)
            found[code] = (state, newest, len(results), suspected)
    return found


def longest_days() -> int:
    """For how many days a result of any scenario says something."""
    return max(scenario.judging.sample_days for scenario in scenarios().values())


def _lines_of(registry: Registry, rules: Rules, sample: Sample) -> Mapping[str, tuple[Version, ...]]:
    site = registry.sites.get(sample.site)
    point = registry.sampling_points.get((sample.site, sample.sampling_point))
    if site is None or point is None:
        return {}
    return lines(Place.of(site, point, rules.get(sample.site, ())))
