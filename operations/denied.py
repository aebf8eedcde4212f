"""Publishes the broker refused, as dead letters.

MQTT 3.1.1 has no way to tell a device that it may not publish: the broker acknowledges and drops, and only
its log knows. Each refusal is kept as a dead letter `forbidden_publish`, written in batches by a thread of its
own: neither a slow nor an absent database holds up the broker's output. What cannot be kept is counted.
"""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Final

from operations.broker import DeniedPublish, denied_publish
from store.records import DeadLetter

REASON: Final = "forbidden_publish"
WAITING_AT_MOST: Final = 10_000
BATCH: Final = 500
GATHER_S: Final = 0.2
RETRY_FIRST_S: Final = 1.0
RETRY_LONGEST_S: Final = 30.0
END_S: Final = 3.0

_log = logging.getLogger(__name__)

Write = Callable[[Sequence[DeadLetter]], None]


def dead_letter(denied: DeniedPublish) -> DeadLetter:
    """The dead letter of a refusal. The broker does not log the payload, so there is none."""
    levels = denied.topic.split("/")
    return DeadLetter(
        received_at=denied.at,
        topic=denied.topic,
        payload=b"",
        reason=REASON,
        detail=(
            f"client {denied.client} (user {denied.user or 'unknown'}) may not publish on {denied.topic}: "
            "a device publishes below its own topic landun/v1/{county}/{site}/{device}/ only"
        ),
        site=levels[3] if len(levels) > 3 else None,
        device=denied.user or denied.client,
    )


class DeniedPublishes:
    """Takes the broker's log lines (`hear`, never blocks) and writes their refusals with `write`, trying again."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: queue.Queue[DeadLetter] = queue.Queue(WAITING_AT_MOST)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="denied publishes", daemon=True)
        self.dropped = 0

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def hear(self, line: str) -> None:
        """Take note of a line of the broker's log."""
        denied = denied_publish(line)
        if denied is None:
            return
        try:
            self._waiting.put_nowait(dead_letter(denied))
        except queue.Full:
            self.dropped += 1
            if self.dropped % WAITING_AT_MOST == 1:
                _log.warning("%d refused publishes not kept: %d wait already", self.dropped, WAITING_AT_MOST)

    def close(self) -> None:
        """Write what waits, within `END_S` seconds."""
        self._closing.set()
        self._thread.join(timeout=END_S)

    def _work(self) -> None:
        while batch := self._next_batch():
            wait = RETRY_FIRST_S
            while True:
                try:
                    self._write(batch)
                    break
                except Exception as error:  # whatever the database says, the letters are kept
                    _log.warning("%d refused publishes not stored yet: %s", len(batch), error)
                if self._closing.wait(wait):
                    return
                wait = min(wait * 2, RETRY_LONGEST_S)

    def _next_batch(self) -> list[DeadLetter]:
        """Up to `BATCH` letters, at least one; none when closing and nothing waits."""
        batch: list[DeadLetter] = []
        while not batch:
            with contextlib.suppress(queue.Empty):
                batch.append(self._waiting.get(timeout=GATHER_S))
            if not batch and self._closing.is_set():
                return []
        self._closing.wait(GATHER_S)
        with contextlib.suppress(queue.Empty):
            while len(batch) < BATCH:
                batch.append(self._waiting.get_nowait())
        return batch
