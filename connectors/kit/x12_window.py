"""A view on a byte stream that finds segments and interchanges in bounded memory."""

from __future__ import annotations

import re
from typing import BinaryIO

from connectors.kit.x12_delimiters import HEADER, LOOK_AHEAD, WHITE, find_header

MAX_SEGMENT_BYTES = 64 * 1024
CHUNK_BYTES = 64 * 1024

_ENVELOPE = re.compile(rb"(?<![A-Za-z0-9])(?:GS|ST|SE|GE|IEA)[^A-Za-z0-9\s]")


class Window:
    """A view on the stream that can look ahead; it holds a few chunks at most."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._buffer = b""
        self._position = 0
        self._taken = 0
        self._ended = False

    @property
    def at_end(self) -> bool:
        return not self.ahead(1)

    def ahead(self, count: int) -> bytes:
        """Up to `count` bytes from here, without taking them."""
        while len(self._buffer) - self._position < count and self._fill():
            pass
        return self._buffer[self._position : self._position + count]

    def take(self, count: int) -> None:
        self._position += count

    def skip_white(self) -> None:
        while True:
            buffer, place = self._buffer, self._position
            while place < len(buffer) and buffer[place] in WHITE:
                place += 1
            self._position = place
            if place < len(buffer) or not self._fill():
                return

    def until(self, mark: bytes) -> bytes | None:
        """The bytes before the mark, taken with it; at the end of the stream what is left.

        None, and nothing taken, when the mark is further away than a segment may be long.
        """
        searched = 0
        while True:
            start = self._position
            found = self._buffer.find(mark, start + searched)
            if found >= 0:
                self._position = found + len(mark)
                self._taken = self._position - start
                return self._buffer[start:found]
            searched = len(self._buffer) - start
            if searched > MAX_SEGMENT_BYTES:
                return None
            if not self._fill():
                self._position = len(self._buffer)
                self._taken = searched
                return self._buffer[start:]

    def whole_pieces(self, mark: bytes) -> list[bytes]:
        """The pieces that end with the mark before the buffer does; none of them is taken."""
        if self._buffer.find(mark, self._position) < 0 and not self._fill():
            return []
        pieces = self._buffer[self._position :].split(mark)
        pieces.pop()
        return pieces

    def back_to(self, offset: int) -> None:
        """Give back what the last `until` took, from this offset on."""
        self._position -= self._taken - offset

    def skip_to_header(self) -> bool:
        """Go to the next ISA or the end; whether there were parts of an envelope on the way."""
        self.skip_white()
        junk = False
        while not HEADER.match(self.ahead(16)):
            part = self.ahead(CHUNK_BYTES)
            found = find_header(part)
            passed = part[: found.start()] if found else part
            junk = junk or bool(_ENVELOPE.search(passed))
            if found or len(part) < CHUNK_BYTES:
                self.take(len(passed))
                break
            self.take(len(passed) - LOOK_AHEAD)
        return junk

    def _fill(self) -> bool:
        if self._ended:
            return False
        chunk = self._stream.read(CHUNK_BYTES)
        self._ended = not chunk
        # What is behind the last segment may be asked back, so that much of the past is kept.
        passed = max(0, self._position - MAX_SEGMENT_BYTES - CHUNK_BYTES)
        self._buffer = self._buffer[passed:] + chunk
        self._position -= passed
        return bool(chunk)
