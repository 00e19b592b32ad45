"""What the prompt cache takes on disk, beside what one file per prompt would take.

    python benchmarks/prompt_cache_disk.py [--row BYTES] [--json FILE]

Two scenarios, stored by the store itself with a process's worth of state for each prompt: twenty questions on one
document (1,450 tokens; a question of 50, an answer of 100), and a chat of twenty turns. Bytes are those of the files.
A perfect cache would keep each distinct prefix's row once. "One file per prompt" is the same prompt stored alone, in an
empty cache: what a tool that saves a whole state after each prompt leaves behind when it overwrites none.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from infer.engine.prefix.about import Identity
from infer.engine.prefix.keys import Path as TokenPath
from infer.engine.prefix.store import PrefixStore
from infer.engine.prefix.survey import survey

ROW = 114_688  # bytes a token: 28 layers, 8 KV heads of 128, f16 (the Qwen3-0.6B shape)
TIMES = 20
_UNLIMITED = 1 << 50  # bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """Bytes of the cache, of one file per prompt, and of every distinct row once."""

    scenario: str
    cache: int
    one_file_per_prompt: int
    distinct_rows: int


def tokens(count: int, seed: int) -> list[int]:
    """A text that no other begins like."""
    generator = random.Random(seed)
    return [generator.randrange(30_000) for _ in range(count)]


def questions() -> Iterator[tuple[list[int], list[int]]]:
    """(prompt, answer) of each run."""
    document = tokens(1450, 1)
    for number in range(TIMES):
        yield [*document, *tokens(50, 100 + number)], tokens(100, 200 + number)


def chat() -> Iterator[tuple[list[int], list[int]]]:
    """(prompt, answer) of each turn; a prompt is all that was said before, and the next message."""
    said: list[int] = []
    for turn in range(TIMES):
        prompt, answer = [*said, *tokens(30 + 7 * turn, turn)], tokens(90, 100 + turn)
        yield prompt, answer
        said = [*prompt, *answer]


def keep(place: Path, prompt: list[int], answer: list[int], row: int) -> TokenPath:
    """What a run with full attention stores: the prompt but for its last token, then everything."""
    store = PrefixStore(place, Identity("disk", __file__), _UNLIMITED)
    path = store.path(prompt)
    for end in (len(prompt) - 1, len(prompt) + len(answer)):
        path.extend(answer[: end - path.length] if end > path.length else [])
        for span in store.missing(path, end, cut=True):
            assert store.store(span, bytes(row * span.name.count))
            store.flush()
    store.close(60)
    return path


def held(place: Path) -> int:
    """Bytes of the files of the pieces."""
    return sum(piece.size for piece in survey(place))


def measure(name: str, runs: Iterator[tuple[list[int], list[int]]], row: int) -> Taken:
    """Store all of it in one cache, and each alone in one of its own."""
    distinct: set[bytes] = set()
    alone = 0
    with tempfile.TemporaryDirectory() as shared:
        for prompt, answer in runs:
            path = keep(Path(shared), prompt, answer, row)
            distinct |= {path.key(position) for position in range(1, path.length + 1)}
            with tempfile.TemporaryDirectory() as single:
                keep(Path(single), prompt, answer, row)
                alone += held(Path(single))
        return Taken(name, held(Path(shared)), alone, len(distinct) * row)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--row", type=int, default=ROW)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    scenarios = (("20 questions on one document", questions()), ("a chat of 20 turns", chat()))
    rows = [measure(name, runs, options.row) for name, runs in scenarios]
    print("| | prompt cache | / distinct rows | one file per prompt | / prompt cache |\n|---|---|---|---|---|")
    for row in rows:
        share, times = row.cache / row.distinct_rows, row.one_file_per_prompt / row.cache
        cache, alone = row.cache / 1e6, row.one_file_per_prompt / 1e6
        print(f"| {row.scenario} | {cache:,.0f} MB | {share:.3f} | {alone:,.0f} MB | {times:.1f} |")
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
