"""A thousand HJ 212 instruments at once, as networks and makers treat frames, over a kill -9 of ingest."""

import asyncio
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from ingest.decoders.hj212 import FrameReader, frame
from operations.ports import any_free
from registry.credentials import device_password, hj212_pw
from registry.model import Channel, Device, Dialect, Registry, SamplingPoint, Site, SiteStatus
from tests.brokers import DEVICE_MASTER, NatsBroker
from tests.ingest.world import COUNTY, REGISTERED, SITE, IngestProcess, dead_letters, register, stored

INSTRUMENTS: Final = 1_000
ROUNDS: Final = 3
PERIOD_S: Final = 6.0
"""A minute in the field; shortened, which only makes it harder."""
ANSWER_S: Final = 5.0
PATIENCE_S: Final = 120.0


def city() -> Registry:
    """So many instruments of one channel each."""
    numbers = range(INSTRUMENTS)
    return Registry.of(
        [Site(SITE, COUNTY, SiteStatus.SIMULATED, "池", "Pool", 120.9, 32.0, REGISTERED)],
        [SamplingPoint(SITE, "b1", "池", "Pool")],
        [Device(f"d{each}", SITE, "b1", 60, Dialect.HJ212, identity=f"{each:024d}") for each in numbers],
        [Channel(1 + each, f"d{each}", "ph", ("w01001",)) for each in numbers],
    )


class Instrument:
    """One instrument: sends each upload until it is answered, over as many connections as that takes."""

    def __init__(self, number: int, port: int, first_s: int) -> None:
        self.number = number
        self.port = port
        self.damaged = 0
        self.resent = 0
        self._chance = random.Random(number)  # noqa: S311 - repeatable
        pw = hj212_pw(device_password(DEVICE_MASTER, f"d{number}"))
        self._uploads = [self._upload(first_s + each, pw, each) for each in range(ROUNDS)]
        self._answered: set[bytes] = set()

    def _upload(self, at_s: int, pw: str, number: int) -> tuple[bytes, bytes]:
        at = time.strftime("%Y%m%d%H%M%S", time.gmtime(at_s + 8 * 3600))
        cp = f"DataTime={at};w01001-Rtd={7 + number / 10:.1f},w01001-Flag=N"
        qn = f"{at}{number:03d}"
        upload = frame(f"QN={qn};ST=21;CN=2011;PW={pw};MN={self.number:024d};Flag=5;CP=&&{cp}&&")
        return qn.encode(), upload

    async def live(self, begin: float) -> None:
        """Report in every round; what is not answered in time goes out again."""
        await asyncio.sleep(self._chance.uniform(0, PERIOD_S))
        for number, (qn, upload) in enumerate(self._uploads):
            await asyncio.sleep(max(0.0, begin + number * PERIOD_S - time.monotonic()))
            joined = self._uploads[number + 1][1] if self._chance.random() < 0.2 and number + 1 < ROUNDS else b""
            while qn not in self._answered:
                try:
                    await self._talk(qn, upload, joined)
                except (OSError, TimeoutError):
                    self.resent += 1
                    await asyncio.sleep(0.2)

    async def _talk(self, qn: bytes, upload: bytes, joined: bytes) -> None:
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self.port), ANSWER_S)
        try:
            if self._chance.random() < 0.1:
                writer.write(upload[:-4] + bytes([upload[-4] ^ 1]) + upload[-3:])
                self.damaged += 1
            data = upload + joined + (upload if self._chance.random() < 0.1 else b"")
            at = 0
            while at < len(data):  # in pieces, as cellular networks deliver
                step = self._chance.randint(1, len(data)) if self._chance.random() < 0.5 else len(data)
                writer.write(data[at : at + step])
                await writer.drain()
                at += step
                await asyncio.sleep(0)
            frames = FrameReader()
            while qn not in self._answered:
                got = await asyncio.wait_for(reader.read(4096), ANSWER_S)
                if not got:
                    raise ConnectionResetError
                for each in frames.feed(got):
                    assert b";CN=9014;" in each
                    self._answered.add(each.partition(b"QN=")[2].partition(b";")[0])
        finally:
            writer.close()


async def campaign(instruments: Sequence[Instrument], ingest: IngestProcess) -> None:
    """All instruments live; in the middle of it ingest is killed and started again."""
    begin = time.monotonic()
    lives = asyncio.gather(*(each.live(begin) for each in instruments))
    await asyncio.sleep(PERIOD_S * 1.5)
    ingest.stop(signal.SIGKILL)
    ingest.start()
    await asyncio.wait_for(lives, PATIENCE_S)


@pytest.mark.slow
def test_a_thousand_instruments_lose_nothing_over_kill_9(database: str, tmp_path: Path) -> None:
    """Frames split, joined, repeated and damaged: all that was sent is stored once, damaged frames are dead letters."""
    registry, port = city(), any_free()
    register(database, registry)
    first_s = int(time.time()) - 60
    instruments = [Instrument(number, port, first_s) for number in range(INSTRUMENTS)]
    environment = {"HJ212": f"127.0.0.1:{port}", "MASTER": DEVICE_MASTER}
    with (
        NatsBroker(tmp_path / "nats") as broker,
        IngestProcess(database, broker.ingest_url, hold_s=0.5, more=environment) as ingest,
    ):
        asyncio.run(campaign(instruments, ingest))
        ingest.stop()
    readings = stored(database)
    assert len(readings) == INSTRUMENTS * ROUNDS
    assert {round(value, 6) for value in readings.values()} == {7.0, 7.1, 7.2}
    reasons = [each["reason"] for each in dead_letters(database)]
    assert set(reasons) == {"bad_checksum"}
    # A damaged frame that was on its way when ingest was killed may not have been read.
    assert 0 < len(reasons) <= sum(each.damaged for each in instruments)
    assert sum(each.resent for each in instruments) > 0
