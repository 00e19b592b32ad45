"""One JSON message per line over a pair of file descriptors."""

import json
import os

_READ_BYTES = 1 << 16


class Wire:
    """Both ends of the line between parent and worker. Any pair of stream descriptors will do.

    A line that is not a JSON object is a bug on the other side and raises ValueError.
    """

    def __init__(self, reader: int, writer: int) -> None:
        self.reader = reader
        self._writer = writer
        self._unfinished: list[bytes] = []  # what has come of the message that is not complete yet

    def send(self, message: dict[str, object]) -> None:
        """Write one message whole. Raises BrokenPipeError when the other side is gone."""
        data = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        view = memoryview(data)
        while view:
            view = view[os.write(self._writer, view) :]

    def receive(self) -> list[dict[str, object]] | None:
        """Wait for bytes and return the messages that are now complete (perhaps none); None at the end."""
        data = os.read(self.reader, _READ_BYTES)
        if not data:
            return None
        self._unfinished.append(data)
        if b"\n" not in data:  # joining what has come each time would be quadratic in a large message
            return []
        *lines, rest = b"".join(self._unfinished).split(b"\n")
        self._unfinished = [rest]
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """Close both descriptors."""
        os.close(self.reader)
        os.close(self._writer)
