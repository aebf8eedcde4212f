"""Signing in, passwords and tokens."""

from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest

from monitor.api import people, tokens
from monitor.api.scope import Principal
from monitor.api.settings import ApiSettings
from monitor.api.tokens import Brake, TokenError
from store import audit
from store.connections import Connection
from tests.api.conftest import PASSWORD, Served, eventually

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECRET = "s" * 40
SOMEBODY = Principal("li", "李", "inspector", ("320602",), None, "a hash")


def sign_in(api: Served, username: str, password: str) -> httpx.Response:
    """An attempt to sign in."""
    return api.anonymous.post("/api/v1/auth/token", data={"username": username, "password": password})


def test_sign_in_tells_who_somebody_is(api: Served) -> None:
    """The right password gives a bearer token for eight hours, with name, role and scope."""
    answer = sign_in(api, "inspector", PASSWORD).raise_for_status().json()
    assert answer["token_type"] == "bearer"
    assert answer["expires_in"] == 8 * 3600
    assert (answer["username"], answer["role"], answer["counties"]) == ("inspector", "inspector", ["320602"])
    me = api.anonymous.get("/api/v1/me", headers={"Authorization": f"Bearer {answer['access_token']}"})
    assert me.json()["role"] == "inspector"


@pytest.mark.parametrize(("username", "password"), [("inspector", "wrong"), ("nobody", PASSWORD), ("inspector", "")])
def test_wrong_credentials_are_refused_alike(api: Served, username: str, password: str) -> None:
    """A wrong password and an unknown username get the same 401, so that usernames cannot be probed."""
    answer = sign_in(api, username, password or " ")
    assert answer.status_code == 401
    assert answer.json() == {"detail": "wrong username or password", "detail_zh": "用户名或密码不正确"}
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_guessing_is_braked_and_the_right_password_waits_too(api: Served) -> None:
    """After five wrong passwords even the right one gets 429 with Retry-After; other people are not affected."""
    for _ in range(tokens.FAILURES):
        assert sign_in(api, "inspector", "wrong").status_code == 401
    refused = sign_in(api, "inspector", PASSWORD)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.json()["detail_zh"].startswith("此用户名已连续 5 次输错密码")
    assert sign_in(api, "centre", PASSWORD).status_code == 200


def test_the_brake_lets_go_after_its_pause() -> None:
    """A username waits for one minute after its fifth failure, not longer, and then counts anew."""
    brake = Brake()
    for _ in range(tokens.FAILURES):
        assert brake.wait("li", NOW) == timedelta(0)
        brake.failed("li", NOW)
    assert brake.wait("li", NOW + timedelta(seconds=20)) == timedelta(seconds=40)
    later = NOW + timedelta(seconds=61)
    assert brake.wait("li", later) == timedelta(0)
    brake.failed("li", later)
    assert brake.wait("li", later) == timedelta(0)


def test_the_brake_forgets_the_longest_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Made-up usernames cannot fill the memory."""
    monkeypatch.setattr(tokens, "REMEMBERED", 3)
    brake = Brake()
    for _ in range(tokens.FAILURES):
        brake.failed("first", NOW)
    for number in range(3):
        brake.failed(f"made up {number}", NOW)
    assert brake.wait("first", NOW) == timedelta(0)


def test_sign_ins_are_in_the_audit_log(api: Served, db: Connection) -> None:
    """Both a sign-in and a refused one are recorded, and the log's chain holds."""
    sign_in(api, "inspector", PASSWORD)
    sign_in(api, "inspector", "wrong")
    rows = db.execute("SELECT actor, action, subject FROM audit_log ORDER BY id").fetchall()
    assert rows == [
        ("inspector", "sign_in", "person:inspector"),
        ("inspector", "sign_in_refused", "person:inspector"),
    ]
    assert audit.verify(db).ok


def test_a_token_holds_for_its_time_and_with_its_secret_only() -> None:
    """A token is refused once expired, when signed with another secret, and when its algorithm is `none`."""
    token = tokens.issue(SOMEBODY, SECRET, NOW)
    assert tokens.read(token, SECRET, NOW)[:2] == ("li", tokens.fingerprint(SOMEBODY))
    assert tokens.read(token, SECRET, NOW + tokens.LIFETIME - timedelta(seconds=1))[0] == "li"
    with pytest.raises(TokenError, match="expired"):
        tokens.read(token, SECRET, NOW + tokens.LIFETIME)
    with pytest.raises(TokenError, match="not one of this system"):
        tokens.read(token, "t" * 40, NOW)
    unsigned = jwt.encode({"sub": "li", "exp": NOW + timedelta(hours=1), "pwd": "x", "iss": "landun"}, "", "none")
    with pytest.raises(TokenError, match="not one of this system"):
        tokens.read(unsigned, SECRET, NOW)


def test_a_changed_password_ends_tokens(api: Served, db: Connection) -> None:
    """Within seconds of a new password the old token is refused."""
    client = api.client("inspector")
    assert client.get("/me").status_code == 200
    assert people.set_password(db, "inspector", "a new password")
    eventually(lambda: client.get("/me").status_code == 401, "the old token is refused")


def test_the_first_administrator_is_made_once(connection: Connection) -> None:
    """Only where nobody is registered; the password is stored as an argon2id hash."""
    assert people.create_first_administrator(connection, PASSWORD)
    assert not people.create_first_administrator(connection, "another password")
    found = people.find(connection, "admin")
    assert found is not None
    assert found.role == "administrator"
    assert found.password_hash.startswith("$argon2id$")
    assert people.right_password(found, PASSWORD)
    assert not people.right_password(found, "another password")


def test_a_short_password_is_refused() -> None:
    """The message says how long it must be."""
    with pytest.raises(people.PasswordError, match="has 5 characters, must have at least 10"):
        people.hash_password("short")


def test_a_short_token_secret_is_refused() -> None:
    """HS256 with a short key can be guessed, so the API does not start with one."""
    with pytest.raises(ValueError, match="must have at least 32"):
        ApiSettings(database_url="", token_secret="short")
