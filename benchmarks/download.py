"""How fast a file comes from the loopback interface: our transfer against `curl` to a file and `sha256sum` after it.

    python benchmarks/download.py --megabytes 2000 --rounds 5

Both fetch the same file from the same server, in turn, each round both; the first one changes from round to round. The
server is a process of its own that sends with sendfile. Both sync the file to the disk. What counts is the median of
the rounds' ratios. Ours is infer.models.download.pull() in this process: what `infer pull` does with the bytes. The
start of that command and its question to the Hub, paid once for each model, are not in it.
"""

import argparse
import hashlib
import http.server
import os
import statistics
import subprocess
import sys
import tempfile
import time
from multiprocessing import Process, Queue
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

BLOCK = 1 << 20


def make_file(path: Path, size: int) -> str:
    """Random bytes behind a GGUF's magic: the sha256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        block = b"GGUF" + os.urandom(BLOCK - 4)
        while size:
            piece = block[:size]
            file.write(piece)
            digest.update(piece)
            size -= len(piece)
            block = os.urandom(BLOCK)
    return digest.hexdigest()


def serve(path: Path, port: "Queue[int]") -> None:
    """Send the file to whoever asks, until the process is ended."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = path.stat().st_size
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.send_header("ETag", '"one"')
            self.end_headers()
            with path.open("rb") as file:
                offset = 0
                while offset < size:
                    offset += os.sendfile(self.connection.fileno(), file.fileno(), offset, size - offset)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.put(server.server_address[1])
    server.serve_forever()


def ours(url: str, directory: Path, size: int, digest: str) -> float:
    """Seconds of a download by infer.models.download, in this process."""
    from infer.models.download import Item, pull
    from infer.models.transfer import Web

    item = Item("m.gguf", url, size, digest, directory / digest, directory / "lock")
    begin = time.perf_counter()
    pull([item], Web(), lambda _: None)
    return time.perf_counter() - begin


def theirs(url: str, directory: Path, digest: str) -> float:
    """Seconds of curl to a file, and sha256sum over it; synced as ours is."""
    path = directory / "curl.gguf"
    begin = time.perf_counter()
    subprocess.run(["curl", "-sS", "-o", path, url], check=True)
    with path.open("rb") as file:
        os.fsync(file.fileno())
    found = subprocess.run(["sha256sum", path], check=True, capture_output=True, text=True).stdout.split()[0]
    seconds = time.perf_counter() - begin
    assert found == digest
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        source = Path(home) / "source.gguf"
        size = options.megabytes * 10**6
        digest = make_file(source, size)
        port: Queue[int] = Queue()
        server = Process(target=serve, args=(source, port), daemon=True)
        server.start()
        url = f"http://127.0.0.1:{port.get()}/m.gguf"
        ratios = []
        for number in range(options.rounds):
            seconds = {}
            for who in ("infer", "curl") if number % 2 else ("curl", "infer"):
                with tempfile.TemporaryDirectory(dir=home) as place:
                    there = Path(place)
                    seconds[who] = ours(url, there, size, digest) if who == "infer" else theirs(url, there, digest)
            ratios.append(seconds["curl"] / seconds["infer"])
            rates = ", ".join(f"{who} {size / 1e6 / took:,.0f} MB/s" for who, took in sorted(seconds.items()))
            print(f"round {number + 1}: {rates}: {ratios[-1]:.2f} of curl + sha256sum", flush=True)
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"median {statistics.median(ratios):.2f} ({spread}), goal 0.8")
        server.terminate()


if __name__ == "__main__":
    main()
