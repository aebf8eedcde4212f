"""Which limit is in force when, at a site with rules of its own."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.limits import FOREVER, Force, Limit, LimitProfile, SiteRule, alike, families, rules_at, timelines
from registry.limits.site_rules import check
from registry.limits.timeline import microseconds, version_at
from registry.model import Disinfection, Registry, SamplingPoint, Site, SiteStatus
from registry.opening import OpeningHours
from registry.scenarios import scenarios
from registry.site_settings import SettingError

NOW = datetime(2026, 5, 1, 4, 0, tzinfo=UTC)
SITE = Site(
    code="s1",
    county="320602",
    status=SiteStatus.LIVE,
    name_zh="测试池",
    name_en="Test pool",
    lon=120.8,
    lat=32.0,
    registered_at=datetime(2026, 1, 1, tzinfo=UTC),
)
POINT = SamplingPoint("s1", "b1", "一号池", "Pool 1")
REGISTRY = Registry.of([SITE], [POINT, SamplingPoint("s1", "b2", "二号池", "Pool 2")], [], [])


def rule(number: int = 1, **changed: object) -> SiteRule:
    """A rule that tightens free chlorine for good from now on."""
    plain = SiteRule(
        id=number,
        site="s1",
        sampling_point=None,
        profile=None,
        indicator="free_chlorine",
        lo=0.4,
        hi=0.8,
        reason="出水口读数偏高",
        since=NOW,
        until=None,
        set_by="admin",
        set_at=NOW,
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def limit_at(at: datetime, *rules: SiteRule, indicator: str = "free_chlorine") -> Limit | None:
    """The limit in force at the first basin."""
    version = rules_at(timelines(SITE, POINT, rules), at).get(indicator)
    return version.limit if version else None


SCENARIO_CODES = st.sampled_from(sorted(scenarios()))
ZONES = st.sampled_from(["Asia/Shanghai", "Europe/Berlin"])
TREATMENTS = st.frozensets(
    st.sampled_from(sorted({each for scenario in scenarios().values() for each in scenario.treatments}))
)
POINT_KINDS = st.sampled_from(sorted({kind for scenario in scenarios().values() for kind in scenario.point_kinds}))


@given(SCENARIO_CODES, ZONES, TREATMENTS, POINT_KINDS, st.data())
def test_standards_limit_alike_places_alike(
    scenario: str, zone: str, treated: frozenset[str], kind: str, data: st.DataObject
) -> None:
    """What standards do not go by (name, county, hours, position, volume) is free; of the rest at most one differs."""
    site = replace(SITE, scenario=scenario, zone=zone, disinfection=treated)
    other = Site("s2", "320682", SiteStatus.OFFLINE, "另一家", "Another", 121.5, 32.4, NOW, zone, scenario)
    other = replace(other, disinfection=treated, opening=OpeningHours.daily(600, 660))
    elsewhere = SamplingPoint("s2", "b9", "九号池", "Pool 9", kind, 7.0)
    match data.draw(st.sampled_from(["nothing", "scenario", "zone", "treatment", "kind"]), label="differing"):
        case "scenario":
            other = replace(other, scenario=data.draw(SCENARIO_CODES))
        case "zone":
            other = replace(other, zone=data.draw(ZONES))
        case "treatment":
            other = replace(other, disinfection=data.draw(TREATMENTS))
        case "kind":
            elsewhere = replace(elsewhere, water_kind=data.draw(POINT_KINDS))
        case _:
            assert alike(site, replace(POINT, water_kind=kind)) == alike(other, elsewhere)
    here = replace(POINT, water_kind=kind)
    assert alike(site, here) != alike(other, elsewhere) or timelines(site, here) == timelines(other, elsewhere)


def test_a_standard_gives_way_to_its_next_version_on_the_day() -> None:
    """GB 9667-1996 until the end of October 2019 in the site's zone, GB 37488-2019 from then on."""
    midnight = datetime(2019, 10, 31, 16, 0, tzinfo=UTC)
    before, after = limit_at(midnight - timedelta(microseconds=1)), limit_at(midnight)
    assert before is not None
    assert after is not None
    assert (before.profile, before.hi) == ("gb9667-1996-pool", 0.5)
    assert (after.profile, after.hi) == ("gb37488-2019-artificial-pool", 1.0)


def test_a_stricter_rule_is_the_platforms_and_a_looser_one_keeps_the_standards_force() -> None:
    """A value outside a tightened limit may still be within the standard, so such a limit is never binding."""
    stricter, looser = limit_at(NOW, rule()), limit_at(NOW, rule(lo=0.2, hi=1.2))
    assert stricter is not None
    assert looser is not None
    assert (stricter.lo, stricter.hi, stricter.force) == (0.4, 0.8, Force.OPERATIONAL)
    assert (looser.lo, looser.hi, looser.force) == (0.2, 1.2, Force.BINDING)
    assert stricter.hazard_hi == 3.0, "what is a hazard stays one"


def test_a_rule_is_in_force_in_its_window_only() -> None:
    """Before it begins, from its end on, and at another site the standard holds."""
    hours = timedelta(hours=1)
    window = rule(since=NOW + hours, until=NOW + 2 * hours)
    found = [limit_at(NOW + after * hours, window) for after in (0.99, 1, 1.99, 2)]
    assert [each.hi if each else None for each in found] == [1.0, 0.8, 0.8, 1.0]
    other = limit_at(NOW + hours, replace(window, site="s2"))
    assert other is not None
    assert other.hi == 1.0


def test_an_ended_rule_leaves_what_it_judged_as_it_was() -> None:
    """Ending a rule cuts it off at that moment; one that has not begun never comes into force."""
    ended = rule().ended(NOW + timedelta(hours=3), "admin", "探头已更换")
    assert [limit.hi if (limit := limit_at(NOW + timedelta(hours=h), ended)) else None for h in (2, 3)] == [0.8, 1.0]
    coming = rule(since=NOW + timedelta(days=1)).ended(NOW, "admin", "不再需要")
    found = limit_at(NOW + timedelta(days=2), coming)
    assert found is not None
    assert found.hi == 1.0


def test_an_adopted_standard_replaces_what_it_names_and_leaves_the_rest() -> None:
    """A site that adopted DIN 19643 is judged by its chlorine, and by GB 37488 on urea, which DIN does not limit."""
    adopted = rule(profile="din19643", indicator=None, lo=None, hi=None)
    chlorine, urea = limit_at(NOW, adopted), limit_at(NOW, adopted, indicator="urea")
    assert chlorine is not None
    assert urea is not None
    assert (chlorine.profile, urea.profile) == ("din19643-1-2023", "gb37488-2019-artificial-pool")
    assert (chlorine.force, urea.force) == (Force.OPERATIONAL, Force.BINDING), "a site's own word is not the law"


def test_the_binding_standard_stays_the_law_whatever_takes_its_place() -> None:
    """What was adopted or tightened judges, but only what GB 37488 forbids is beyond the law."""
    for changed in (rule(), rule(profile="din19643", indicator=None, lo=None, hi=None)):
        law = rules_at(timelines(SITE, POINT, [changed]), NOW)["free_chlorine"].law
        assert law is not None
        assert (law.profile, law.lo, law.hi) == ("gb37488-2019-artificial-pool", 0.3, 1.0)


def test_a_rule_may_limit_what_no_standard_does() -> None:
    """An indicator without a limit gets one of the platform's own."""
    found = limit_at(NOW, rule(indicator="makeup_water", lo=1.0, hi=None), indicator="makeup_water")
    assert found is not None
    assert (found.lo, found.hi, found.force) == (1.0, None, Force.OPERATIONAL)


HOURS = st.integers(0, 40)
RULES = st.lists(
    st.tuples(
        st.sampled_from(["free_chlorine", "ph", None]),
        st.sampled_from([None, "b1", "b2"]),
        HOURS,
        st.one_of(st.none(), st.integers(1, 20)),
        st.one_of(st.none(), HOURS),
    ),
    max_size=7,
)


def reference(rules: list[SiteRule], at: datetime, indicator: str) -> tuple[str, int]:
    """What limits an indicator at the first basin, by the plainest reading: what, and the number of a rule."""
    found = ("standard", 0)
    profile = next(
        each for each in families()["gb37488-artificial-pool"] if each.in_force(at, "Asia/Shanghai")
    )  # 2026: the newest
    assert indicator in {limit.indicator for limit in profile.limits}
    running = [each for each in rules if each.since <= at and (each.until is None or at < each.until)]
    for each in sorted(running, key=lambda one: one.id):
        if each.profile is not None and each.sampling_point in (None, "b1"):
            found = ("adopted", each.id)
    for point in (None, "b1"):
        for each in sorted(running, key=lambda one: one.id):
            if each.indicator == indicator and each.sampling_point == point:
                found = ("own", each.id)
    return found


@given(RULES, st.lists(st.integers(-1, 80), min_size=1, max_size=8), st.sampled_from(["free_chlorine", "ph"]))
def test_the_version_at_an_instant_is_that_of_a_simple_reference(
    drawn: list[tuple[str | None, str | None, int, int | None, int | None]], halves: list[int], indicator: str
) -> None:
    """For any rules, overlapping, ended or not, the line of versions says at any time what the precedence says."""
    rules = []
    for number, (what, point, start, length, ended) in enumerate(drawn, start=1):
        since = NOW + timedelta(hours=start)
        until = None if length is None else since + timedelta(hours=length)
        made = rule(number, indicator=what, profile=None if what else "din19643", sampling_point=point, since=since)
        made = replace(made, until=until, lo=None if not what else 0.31, hi=None if not what else 0.9)
        rules.append(made if ended is None else made.ended(NOW + timedelta(hours=ended), "admin", "结束"))
    line = timelines(SITE, POINT, rules)[indicator]
    for half in halves:
        at = NOW + timedelta(minutes=30 * half)
        version = version_at(line, microseconds(at))
        told = ("standard", 0)
        if version.rule is not None:
            told = ("adopted" if version.rule.profile else "own", version.rule.id)
        assert told == reference(rules, at, indicator)


@given(RULES)
def test_versions_follow_each_other_without_gap_or_overlap(
    drawn: list[tuple[str | None, str | None, int, int | None, int | None]],
) -> None:
    """From before all time until after it exactly one version is in force, and neighbours differ."""
    rules = [
        rule(number, indicator=what or "ph", sampling_point=point, since=NOW + timedelta(hours=start))
        for number, (what, point, start, _, _) in enumerate(drawn, start=1)
    ]
    for line in timelines(SITE, POINT, rules).values():
        assert (line[0].since, line[-1].until) == (-FOREVER, FOREVER)
        for before, after in pairwise(line):
            assert before.until == after.since
            assert (before.limit, before.rule, before.law) != (after.limit, after.rule, after.law)


def test_a_rule_survives_the_journal() -> None:
    """What the journal and the snapshot keep of a rule is all of it."""
    every = rule(sampling_point="b1", until=NOW + timedelta(days=3)).ended(NOW + timedelta(days=1), "admin", "结束原因")
    assert SiteRule.from_json(every.to_json()) == every


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"site": "s9"}, r"site 's9' is not registered"),
        ({"sampling_point": "b9"}, r"sampling_point: 'b9' is not one of site s1: b1, b2"),
        ({"indicator": "acid"}, r"indicator: 'acid' is not an indicator"),
        ({"lo": None, "hi": None}, r"lo, hi: give at least one"),
        ({"lo": 0.9, "hi": 0.8}, r"lo: 0.9 must be less than hi 0.8"),
        ({"hi": 25.0}, r"hi: 25 is outside what free_chlorine can be, 0 to 20 mg/L"),
        ({"profile": "din19643"}, r"either profile"),
        ({"profile": "gb5749", "indicator": None, "lo": None, "hi": None}, r"profile: 'gb5749' must be one of cjt244"),
        ({"reason": "  ok "}, r"reason: 2 characters"),
        ({"since": NOW - timedelta(hours=1)}, r"since: .* is past"),
        ({"until": NOW}, r"until: .* must be after"),
    ],
)
def test_a_rule_that_is_not_acceptable_is_refused_with_what_would_be_right(
    changed: dict[str, object], complaint: str
) -> None:
    """Each mistake names the field, the value and what would be right."""
    with pytest.raises(SettingError, match=complaint):
        check(rule(**changed), REGISTRY, NOW)  # type: ignore[arg-type]  # by name


def test_an_acceptable_rule_passes() -> None:
    """The rule that the others are changed from is right, and so is adopting a standard for one basin."""
    check(rule(), REGISTRY, NOW)
    check(rule(profile="mahc", indicator=None, lo=None, hi=None, sampling_point="b2"), REGISTRY, NOW)


def every_profile() -> list[LimitProfile]:
    """All versions of all standards."""
    return [profile for versions in families().values() for profile in versions]


@pytest.mark.parametrize("profile", every_profile(), ids=lambda each: each.code)
def test_every_profile_says_where_it_is_from(profile: LimitProfile) -> None:
    """Source, titles in both languages and a plausible first day are there; a foreign or old one has a note."""
    assert profile.source_zh
    assert profile.source_en
    assert profile.title_zh
    assert profile.title_en
    assert date(1990, 1, 1) < profile.valid_from < date(2026, 12, 31)


def test_din_orp_depends_on_ph_and_is_least_demanding_where_ph_is_not_known() -> None:
    """750 mV up to pH 7.3, 770 above, nothing outside 6.5–7.5, and 750 where no pH is known (DIN 19643-1:2023)."""
    orp = limit_at(NOW, rule(profile="din19643", indicator=None, lo=None, hi=None), indicator="orp")
    assert orp is not None
    found = {
        ph: limit.lo if (limit := orp.at(ph)) else None for ph in (6.4, 6.46, 6.5, 7.3, 7.34, 7.36, 7.5, 7.6, None)
    }
    assert found == {
        6.4: None, 6.46: 750, 6.5: 750, 7.3: 750, 7.34: 750, 7.36: 770, 7.5: 770, 7.6: None, None: 750,
    }  # fmt: skip


def test_drinking_water_has_another_minimum_at_each_sampling_point() -> None:
    """GB 5749-2022: 0.3 mg/L free chlorine leaving the works, 0.05 mg/L at the tap."""
    (profile,) = families()["gb5749"]
    site = replace(SITE, disinfection=frozenset({Disinfection.CHLORINE}))
    found = {
        kind: profile.applicable(site, replace(POINT, water_kind=kind))["free_chlorine"].lo
        for kind in ("works", "network", "tap")
    }
    assert found == {"works": 0.3, "network": 0.05, "tap": 0.05}


def test_a_standard_does_not_apply_to_pools_it_excludes() -> None:
    """CJ/T 244-2016 is not for infant pools, and GB 37488's artificial-pool table not for natural ones."""
    for family, kind in (("cjt244", "infant"), ("gb37488-artificial-pool", "natural")):
        assert not families()[family][-1].applicable(SITE, replace(POINT, water_kind=kind))


@pytest.mark.parametrize("profile", every_profile(), ids=lambda each: each.code)
def test_the_document_lists_every_limit_with_its_certainty(profile: LimitProfile) -> None:
    """docs/standards.md says of every limit what it is, its clause, its force and how sure it is."""
    document = (Path(__file__).parents[2] / "docs" / "standards.md").read_text(encoding="utf-8")
    section = document.split(f"`{profile.code}`", 1)[1].split("\n### ", 1)[0]
    for limit in profile.limits:
        kinds = ", ".join(sorted(limit.condition.water_kinds)) or "all"
        row = next(
            (
                line
                for line in section.splitlines()
                if line.startswith(f"| {limit.indicator} | {written(limit)} | {kinds.split('; ')[0]}")
                and f"| {limit.clause} | {limit.force.value} | {limit.certainty.value}" in line
            ),
            None,
        )
        assert row, f"{profile.code}: {limit.indicator} {written(limit)} is not in docs/standards.md"


def written(limit: Limit) -> str:
    """A limit as the document writes it."""
    if limit.bands:
        return "; ".join(
            f"≥ {band.lo:g} {limit.unit} at {limit.depends_on} {band.least:g}–{band.greatest:g}" for band in limit.bands
        )
    return "not detected" if limit.lo is None and limit.hi == 0 else limit.interval()
