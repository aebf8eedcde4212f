"""Secrets: who may read them, and that they stay what they were."""

import base64
import hashlib
import hmac
import stat
from pathlib import Path

import pytest

from operations.secrets import ensure_secret, sign_in_password, write_secret
from registry.credentials import device_password


def mode(path: Path) -> int:
    """Permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_secret_is_generated_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    """The first call generates, the second reads; file 0600 in folder 0700."""
    file = tmp_path / "secrets" / "token-secret"
    first = ensure_secret(file)
    assert ensure_secret(file) == first
    assert len(first) >= 43  # 256 bits in base64
    assert mode(file) == 0o600
    assert mode(file.parent) == 0o700
    assert [each.name for each in file.parent.iterdir()] == ["token-secret"]


def test_loose_permissions_are_put_right(tmp_path: Path) -> None:
    """A file that others could read is closed to them at the next start."""
    file = tmp_path / "secrets" / "device-master"
    ensure_secret(file)
    file.chmod(0o644)
    file.parent.chmod(0o755)
    ensure_secret(file)
    assert mode(file) == 0o600
    assert mode(file.parent) == 0o700


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    """An empty file is an accident, not a secret."""
    file = tmp_path / "secrets" / "token-secret"
    write_secret(file, "")
    with pytest.raises(ValueError, match=r"token-secret is empty"):
        ensure_secret(file)


def test_device_passwords_are_the_hmac_of_the_device_code() -> None:
    """The rule that broker, simulators and installers of real devices share."""
    expected = hmac.digest(b"master", b"device:nt-cc-001-b1", hashlib.sha256)
    assert device_password("master", "nt-cc-001-b1") == base64.urlsafe_b64encode(expected).decode()[:32]
    assert device_password("master", "a") != device_password("master", "b")
    assert device_password("other", "a") != device_password("master", "a")


def test_sign_in_passwords_have_no_look_alikes() -> None:
    """What a person types from a screen holds no 0, O, 1, l, I or i, and differs every time."""
    passwords = {sign_in_password() for _ in range(200)}
    assert len(passwords) == 200
    assert not set("".join(passwords)) & set("0O1lIio")
