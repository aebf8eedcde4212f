"""The API over HTTP, typed. Every call has a short time limit; every failure is one of three errors."""

import ssl
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, cast

import httpx

from dashboard.shapes import (
    Alarm,
    AlarmPage,
    BackTest,
    DeadLetterPage,
    DeadLetterSummary,
    FaultKind,
    Fleet,
    Health,
    Me,
    Mistake,
    Overview,
    Picture,
    Sensitivity,
    SequenceGaps,
    Series,
    Site,
    SiteDetail,
    Token,
    Truth,
)
from dashboard.shapes.judging import SamplePage, SampleReport, SiteRules
from registry.words import Words

TIMEOUT: Final = httpx.Timeout(5.0, connect=1.5)
FILE_S: Final = 60.0
"""A file of photos, or a document that is still to be made, over a slow line."""
PREFIX: Final = "/api/v1"


class SiteList(NamedTuple):
    """Sites as the API told them: all in scope, or (not `whole`) those that differ from an earlier answer."""

    sites: list[Site]
    version: str
    whole: bool

    def after(self, before: Sequence[Site]) -> list[Site]:
        """All sites, by what was known before this answer."""
        if self.whole:
            return self.sites
        told = {site["code"]: site for site in self.sites}
        return [told.get(site["code"], site) for site in before]


class ApiError(Exception):
    """The API refused; `words` name what was wrong and what would be right.

    `mistakes` are those of a form, one by one and in both languages.
    """

    def __init__(self, status: int, words: Words, mistakes: Sequence[Mistake] = ()) -> None:
        super().__init__(f"HTTP {status}: {words.en}")
        self.status = status
        self.words = words
        self.mistakes = mistakes


class SignInNeededError(ApiError):
    """The token is missing, expired or refused."""


class ApiUnreachableError(Exception):
    """The API does not answer; it may be starting, or gone."""


@cache
def transport() -> httpx.Client:
    """The process's one connection pool; httpx clients may be used from many threads.

    Proxies of the environment are not for this connection: the API is a neighbour.
    """
    return httpx.Client(timeout=TIMEOUT, trust_env=False, limits=httpx.Limits(max_connections=40), verify=trusted())


@cache
def trusted() -> ssl.SSLContext:
    """The authorities that this machine trusts; ``SSL_CERT_FILE`` names others, as for every program with OpenSSL."""
    return ssl.create_default_context()


class ApiClient:
    """The API as one signed-in person sees it. `base` is its address, e.g. ``http://127.0.0.1:8000``."""

    def __init__(self, base: str, token: str | None = None) -> None:
        self.base = base.rstrip("/")
        self.token = token

    # ------------------------------------------------------------------ signing in
    def sign_in(self, username: str, password: str) -> Token:
        """Exchange a password for a token."""
        form = {"username": username, "password": password}
        return cast(Token, self._call("POST", f"{PREFIX}/auth/token", data=form))

    def me(self) -> Me:
        """Who the token belongs to."""
        return cast(Me, self._get("/me"))

    # ------------------------------------------------------------------ state
    def health(self) -> Health:
        """How the platform is doing; needs no token."""
        return cast(Health, self._call("GET", "/health"))

    def overview(self) -> Overview:
        """The live page's figures."""
        return cast(Overview, self._get("/overview"))

    def sites(self, since: str = "") -> SiteList:
        """All sites in scope, or those that differ from the answer of version `since`."""
        answer = self._send("GET", f"{PREFIX}/sites", params=_given({"since": since}))
        sites = cast(list[Site], answer.json())
        weeks: dict[str, list[list[list[str]]]] = {}
        for site in sites:
            # Thousands of venues keep the same hours: one week in memory for all of them.
            site["opening"] = weeks.setdefault(repr(site["opening"]), site["opening"])
        return SiteList(sites, answer.headers.get("Landun-Version", ""), "Landun-Since" not in answer.headers)

    def site(self, code: str) -> SiteDetail:
        """A site with its channels."""
        return cast(SiteDetail, self._get(f"/sites/{code}"))

    def readings(self, channels: Sequence[int], since: str, until: str, points: int = 600) -> list[Series]:
        """Readings of channels between two RFC 3339 times, in at most about `points` buckets each."""
        if not channels:
            return []
        query = {"channel": list(channels), "from": since, "to": until, "points": points}
        return cast(list[Series], self._get("/readings", query))

    # ------------------------------------------------------------------ rules and manual results
    def site_rules(self, code: str, at: str | None = None) -> SiteRules:
        """Every rule in force at a site, and the site's own."""
        return cast(SiteRules, self._get(f"/sites/{code}/rules", {"at": at}))

    def set_rule(self, code: str, rule: Mapping[str, object]) -> None:
        """Set a rule of a site's own."""
        self._post(f"/sites/{code}/rules", rule)

    def end_rule(self, code: str, number: int, reason: str) -> None:
        """End a rule of a site's own."""
        self._post(f"/sites/{code}/rules/{number}/end", {"reason": reason})

    def samples(self, **query: object) -> SamplePage:
        """A page of manual results; `query` are the parameters of ``GET /samples`` (``from_`` for ``from``)."""
        return cast(SamplePage, self._get("/samples", query))

    def enter_samples(self, samples: Mapping[str, object]) -> dict[str, int]:
        """Enter the results of a sampling."""
        return cast(dict[str, int], self._post("/samples", samples))

    def import_samples(self, name: str, content: bytes, *, dry_run: bool) -> SampleReport:
        """Check a file of results, or import it."""
        form = {"files": {"file": (name, content)}, "data": {"dry_run": str(dry_run).lower()}}
        return cast(SampleReport, self._call("POST", f"{PREFIX}/samples/import", **form))

    def withdraw_sample(self, number: int, reason: str) -> None:
        """Withdraw a result that is wrong."""
        self._post(f"/samples/{number}/withdraw", {"reason": reason})

    # ------------------------------------------------------------------ alarms
    def alarms(self, **query: object) -> AlarmPage:
        """A page of alarms; `query` are the parameters of ``GET /alarms`` (``from_`` for ``from``)."""
        return cast(AlarmPage, self._get("/alarms", query))

    def alarm(self, number: int) -> Alarm:
        """An alarm with its history."""
        return cast(Alarm, self._get(f"/alarms/{number}"))

    def acknowledge(self, number: int, comment: str | None) -> bool:
        """Take note of an alarm; false when it is recorded but the monitor is away."""
        return self._act(f"/alarms/{number}/acknowledge", {"comment": comment} if comment else {})

    def comment(self, number: int, text: str) -> bool:
        """Add a remark to an alarm; false when it is recorded but the monitor is away."""
        return self._act(f"/alarms/{number}/comment", {"text": text})

    # ------------------------------------------------------------------ the detector
    def picture(self, number: int) -> Picture:
        """An alarm's picture; the values come from `readings`."""
        return cast(Picture, self._get(f"/alarms/{number}/picture"))

    def give_feedback(self, number: int, answer: str) -> bool:
        """Say that an alarm was true or false; false when it is recorded but the monitor is away."""
        return self._act(f"/alarms/{number}/feedback", {"answer": answer})

    def undo_feedback(self, number: int, feedback: int) -> bool:
        """Take an answer back; false when it is recorded but the monitor is away."""
        return self._act(f"/alarms/{number}/feedback/undo", {"feedback": feedback})

    def sensitivity(self, site: str) -> Sensitivity:
        """How easily the detector speaks at a site, and its feedback."""
        return cast(Sensitivity, self._get(f"/sites/{site}/sensitivity"))

    def budget(self) -> float:
        """Expected false alarms a site and week."""
        return float(self._get("/detector/budget")["per_site_week"])

    def set_budget(self, value: float) -> None:
        """Set the expected false alarms a site and week."""
        self._put("/detector/budget", {"per_site_week": value})

    def start_back_test(self, asked: Mapping[str, object]) -> BackTest:
        """Begin to judge stored history under changed rules."""
        return cast(BackTest, self._post("/back-tests", asked))

    def back_test(self, number: str) -> BackTest:
        """How far a back-test is, and what it found."""
        return cast(BackTest, self._get(f"/back-tests/{number}"))

    def cancel_back_test(self, number: str) -> None:
        """Stop a back-test."""
        self._delete(f"/back-tests/{number}")

    # ------------------------------------------------------------------ operation
    def dead_letters(self, reason: str | None, limit: int) -> DeadLetterPage:
        """The newest messages that were not stored."""
        return cast(DeadLetterPage, self._get("/dead-letters", {"reason": reason, "limit": limit}))

    def sequence_gaps(self, limit: int) -> list[SequenceGaps]:
        """Devices of whose messages some are missing, newest first."""
        return cast(list[SequenceGaps], self._get("/sequence-gaps", {"limit": limit}))

    def dead_letter_summary(self) -> DeadLetterSummary:
        """Messages that were not stored, by reason."""
        return cast(DeadLetterSummary, self._get("/dead-letters/summary"))

    # ------------------------------------------------------------------ simulators
    def fleet(self) -> Fleet:
        """The simulated fleet."""
        return cast(Fleet, self._get("/simulators"))

    def start_simulators(self, sites: Sequence[str] | None) -> None:
        """Start the chosen simulated sites, or all."""
        self._post("/simulators/start", {"sites": list(sites)} if sites else {})

    def stop_simulators(self, sites: Sequence[str] | None) -> None:
        """Stop the chosen simulated sites, or all."""
        self._post("/simulators/stop", {"sites": list(sites)} if sites else {})

    def set_speed(self, speed: float) -> None:
        """Run the physics `speed` times as fast as real time."""
        self._post("/simulators/speed", {"speed": speed})

    def fault_kinds(self) -> list[FaultKind]:
        """The faults that can be injected, with the ranges of their sizes."""
        return cast(list[FaultKind], self._get("/simulators/kinds"))

    def inject(
        self, site: str, sampling_point: str, fault: str, minutes: float | None, size: float | None = None
    ) -> None:
        """Put a fault into a simulated basin or store, for `minutes` or until it is ended."""
        body: dict[str, object] = {"site": site, "sampling_point": sampling_point, "fault": fault}
        if minutes is not None:
            body["minutes"] = minutes
        if size is not None:
            body["size"] = size
        self._post("/simulators/faults", body)

    def end_fault(self, fault_id: str) -> None:
        """End a running fault."""
        self._delete(f"/simulators/faults/{fault_id}")

    def truth(self) -> list[Truth]:
        """What was really wrong, and when."""
        answer = self._get("/simulators/truth")
        return cast(list[Truth], answer["items"] if isinstance(answer, dict) else answer)

    # ------------------------------------------------------------------ plumbing
    def _get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        return self._call("GET", PREFIX + path, params=_given(query or {}))

    def _file(self, path: str, query: Mapping[str, object] | None = None) -> bytes:
        return self._send("GET", PREFIX + path, params=_given(query or {}), timeout=FILE_S).content

    def _post(self, path: str, body: Mapping[str, object]) -> Any:
        return self._call("POST", PREFIX + path, json=dict(body))

    def _put(self, path: str, body: Mapping[str, object]) -> Any:
        return self._call("PUT", PREFIX + path, json=dict(body))

    def _delete(self, path: str) -> None:
        self._call("DELETE", PREFIX + path)

    def _act(self, path: str, body: Mapping[str, object]) -> bool:
        return self._send("POST", PREFIX + path, json=dict(body)).status_code != httpx.codes.ACCEPTED

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self._send(method, path, **arguments)
        return answer.json() if answer.content else None

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            answer = transport().request(method, self.base + path, headers=headers, **arguments)
        except httpx.HTTPError as error:
            raise ApiUnreachableError(f"{method} {path}: {error or type(error).__name__}") from error
        if answer.is_success:
            return answer
        words = _words(answer)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise SignInNeededError(answer.status_code, words)
        raise ApiError(answer.status_code, words, _mistakes(answer))


def _mistakes(answer: httpx.Response) -> list[Mistake]:
    try:
        return cast(list[Mistake], answer.json().get("mistakes", []))
    except (ValueError, AttributeError):
        return []


def _given(parameters: Mapping[str, object]) -> dict[str, Any]:
    """The filters that are set; a trailing underscore keeps a name that Python wants for itself out of the way."""
    return {name.rstrip("_"): value for name, value in parameters.items() if value not in (None, "", [])}


def _words(answer: httpx.Response) -> Words:
    """The API's sentence; what stands before it, such as a proxy, has one language."""
    try:
        body = answer.json()
        detail = str(body["detail"])
    except (ValueError, KeyError, TypeError):
        detail = answer.text[:200]
        return Words(detail, detail)
    return Words(str(body.get("detail_zh", detail)), detail)
