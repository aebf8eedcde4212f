"""Cutting a TCP stream into the frames of a dialect."""

from abc import ABC, abstractmethod


class FrameCutter(ABC):
    """Cuts a TCP stream into frames, whichever way it was split or joined; memory is bounded.

    What is between frames is skipped and counted in `skipped`, in bytes.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.skipped = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The complete frames, from head to end, that `data` finishes; their checksum is not yet looked at."""
        self._buffer += data
        frames: list[bytes] = []
        while (frame := self._next()) is not None:
            frames.append(frame)
        return frames

    @abstractmethod
    def _next(self) -> bytes | None:
        """Take the next frame off the buffer, past what is none; None while there is none."""

    def _take(self, count: int) -> bytes:
        frame = bytes(self._buffer[:count])
        del self._buffer[:count]
        return frame

    def _skip(self, count: int) -> None:
        self.skipped += count
        del self._buffer[:count]
