"""HJ 212-2017: the standard's own frame, the stream cut anywhere, and what its packets mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decoders import hj212
from ingest.decoders.hj212 import Command, FrameReader
from ingest.decoders.model import Decoded
from tests.ingest.decoders.examples import readings_of

STANDARD = "QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&"
"""The data segment of the standard's own example (appendix A)."""

HEAD = "QN=20260115101500000;ST=21;CN=2011;PW=123456;MN=320600SWIM00000000000001;Flag=5;CP=&&"
UPLOAD = hj212.frame(f"{HEAD}DataTime=20260115101500;w01001-Rtd=7.42,w01001-Flag=N&&")


def read(frame: bytes) -> Decoded:
    """One frame, decoded."""
    return hj212.decode(frame)


def test_the_standards_example_has_its_checksum() -> None:
    """The checksum of the standard's example is 1C80; Modbus's would be 0759."""
    assert hj212.frame(STANDARD) == f"##0101{STANDARD}1C80\r\n".encode()


def test_a_command_is_the_standards_own_frame() -> None:
    """The command that sets the real-time interval is, byte for byte, the standard's example."""
    built = hj212.command(
        "010000A8900016F000169DC0",
        "100000",
        "20160801085857223",
        Command.SET_REALTIME_INTERVAL,
        {"RtdInterval": "30"},
        st="32",
    )
    assert built == f"##0101{STANDARD}1C80\r\n".encode()


def test_an_upload_is_answered_with_its_own_number() -> None:
    """The answer to an upload is CN 9014 with the same QN, MN and version, and asks for no answer itself."""
    decoded = Decoded()
    packet = hj212.read_packet(UPLOAD, decoded)
    assert packet is not None
    assert packet.wants_answer
    answer = hj212.read_packet(hj212.answer(packet), decoded)
    assert answer is not None
    assert (answer.qn, answer.mn, answer.cn, answer.st) == (packet.qn, packet.mn, Command.DATA_ANSWER, "91")
    assert not answer.wants_answer
    assert answer.version == packet.version == 1
    assert decoded.rejections == []


@pytest.mark.parametrize(("flag", "version"), [(4, 1), (5, 1), (7, 1), (8, 2), (9, 2), (0, 0)])
def test_the_version_is_read_from_the_flag(flag: int, version: int) -> None:
    """Bits V5 to V0 tell HJ/T 212-2005, HJ 212-2017 and HJ 212-2025 apart."""
    packet = hj212.read_packet(hj212.frame(HEAD.replace("Flag=5", f"Flag={flag}") + "&&"), Decoded())
    assert packet is not None
    assert packet.version == version


@given(st.lists(st.integers(0, 1), min_size=1, max_size=5), st.data())
def test_frames_survive_any_cutting_and_joining(kinds: list[int], data: st.DataObject) -> None:
    """However TCP splits or joins a stream of frames with noise between them, each frame comes out once, in order."""
    frames = [UPLOAD if kind else hj212.frame(STANDARD) for kind in kinds]
    stream = b"".join(b"\r\n?" + each for each in frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader = FrameReader()
    found = [
        each
        for first, last in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for each in reader.feed(stream[first:last])
    ]
    assert found == frames
    assert reader.skipped == 3 * len(frames)


@given(st.binary(max_size=200))
def test_a_good_frame_behind_garbage_is_found(garbage: bytes) -> None:
    """A frame is read after any garbage, once another frame's worth of bytes has come."""
    reader = FrameReader()
    frames = reader.feed(garbage.replace(b"##", b"") + UPLOAD * 8)
    assert UPLOAD in frames


def test_a_wrong_length_does_not_swallow_the_next_frame() -> None:
    """A frame that states a wrong length is skipped; the good one behind it is read."""
    reader = FrameReader()
    assert reader.feed(UPLOAD.replace(b"##0", b"##1", 1)[:60] + UPLOAD * 9)[-1] == UPLOAD


@given(st.integers(6, len(UPLOAD) - 7), st.integers(0, 7))
def test_a_changed_bit_is_noticed(at: int, bit: int) -> None:
    """Any flipped bit of the data segment makes the checksum wrong, and nothing of the frame is stored."""
    changed = bytearray(UPLOAD)
    changed[at] ^= 1 << bit
    decoded = read(bytes(changed))
    assert decoded.samples == []
    assert decoded.rejections[0].reason == "bad_checksum"


def test_a_lower_case_checksum_is_right() -> None:
    """Makers print the checksum in either case."""
    assert read(UPLOAD[:-6] + UPLOAD[-6:-2].lower() + b"\r\n").rejections == []


def test_flags_part_the_factors() -> None:
    """Only what is flagged N may be judged: factors of other flags come as samples of their own."""
    decoded = read(
        hj212.frame(
            f"{HEAD}DataTime=20260115101500;w01001-Rtd=7.42,w01001-Flag=N;w01010-Rtd=27.3,w01010-Flag=C;"
            "w01014-Rtd=512.5,w01014-Flag=N,w01014-SampleTime=20260115101430&&"
        )
    )
    assert [(each.flag, list(each.values)) for each in decoded.samples] == [
        ("N", ["w01001"]),
        ("C", ["w01010"]),
        ("N", ["w01014"]),
    ]
    assert decoded.samples[0].ts == 1_768_443_300_000_000
    assert decoded.samples[2].ts == 1_768_443_270_000_000


@pytest.mark.parametrize(
    ("cp", "wrong"),
    [
        ("DataTime=20261315101500;w01001-Rtd=7.4", "DataTime is '20261315101500'"),
        ("w01001-Rtd=7.4", "DataTime is missing"),
        ("DataTime=20260115101500;w01001-Rtd=7,4", "7"),
        ("DataTime=20260115101500;w01001-Flag=N", "w01001 has no value"),
        ("DataTime=20260115101500;w01001-Rtd=1,w01002-Flag=N", "share its code"),
        ("DataTime=20260115101500", "no factor"),
        ("", "no factor"),
    ],
)
def test_wrong_data_says_what_is_wrong(cp: str, wrong: str) -> None:
    """A packet whose data can't be used says which field and why."""
    decoded = read(hj212.frame(f"{HEAD}{cp}&&"))
    assert any(wrong in each.detail for each in decoded.rejections)
    if "7,4" not in cp:
        assert readings_of(decoded) == []
