"""Find: the longest stored prefix of a token sequence. Reads names and headers, never a payload.

First whole blocks, each by its name, without listing anything; then, in the window where these end, the tails; last a
piece that has some of the next tokens and then others. Every token is compared with those in the files' headers.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from infer.engine.prefix.files import Folder
from infer.engine.prefix.header import Header
from infer.engine.prefix.keys import BLOCK, MIN_SHARED, Name, Path, opening_in, parent_in, parse_name
from infer.engine.prefix.window import reachable

_MOST_SIBLINGS = 16  # headers read in search of a piece to cut; names tell those that share nothing


@dataclass(frozen=True, slots=True)
class Branch:
    """A piece whose first `usable` tokens are the next of the prompt; `after` pieces of the hit come before it."""

    after: int
    piece: Header
    usable: int

    @property
    def end(self) -> int:
        """The position after its last usable row."""
        return self.piece.start + self.usable


@dataclass(frozen=True, slots=True)
class PrefixHit:
    """A stored prefix: pieces that follow each other from position 0, and perhaps a branch that reaches further.

    A memory type that cannot drop the last rows of a state declines the branch.

    shared      how far anything stored has the prompt's tokens, usable or not: a state saved there will be used again
    """

    pieces: tuple[Header, ...] = ()
    branch: Branch | None = None
    shared: int = 0

    @property
    def length(self) -> int:
        """Tokens of the whole pieces."""
        return self.pieces[-1].end if self.pieces else 0

    @property
    def reach(self) -> int:
        """Tokens with the branch."""
        return self.branch.end if self.branch else self.length

    def uses(self, *, cut: bool) -> tuple[tuple[Header, int], ...]:
        """The pieces to load, in order, and how many rows of each; only with `cut` is one not used whole."""
        chosen = self.pieces[: self.branch.after] if cut and self.branch else self.pieces
        whole = tuple((piece, piece.name.count) for piece in chosen)
        return (*whole, (self.branch.piece, self.branch.usable)) if cut and self.branch else whole

    def payload(self, *, cut: bool) -> int:
        """Bytes that loading reads at most."""
        return sum(piece.base + piece.part for piece, _ in self.uses(cut=cut))


def complete(pieces: Sequence[Header], window: int) -> bool:
    """Whether all pieces that touch the last `window` positions have a PART."""
    return not pieces or all(piece.part for piece in pieces if piece.end > pieces[-1].end - window)


def find(folder: Folder, path: Path, limit: int, window: int) -> PrefixHit:
    """The longest stored prefix of the first `limit` tokens of a path.

    window: positions at the end whose pieces must have a PART: 0 full attention, the window's size for sliding-window
    attention, 1 recurrent. The branch is not held to it: whether a PART can be cut, the engine knows.
    """
    chain: list[Header] = []
    branch = None
    position = 0
    while position % BLOCK == 0 and position < limit:
        block = position + BLOCK
        header = folder.header(path.name(position, block)) if block <= limit else None
        tails, sibling = ([header], None) if header else _last_window(folder, path, position, limit)
        if sibling:
            branch = Branch(len(chain) + sibling[0], sibling[1], sibling[2])
        if not tails:
            break
        chain += tails
        position = chain[-1].end
    shared = branch.end if branch else position
    whole = _with_parts(folder, path, chain, window)
    if branch and whole[: branch.after] != chain[: branch.after]:
        branch = None
    return PrefixHit(tuple(whole), branch, shared)


def _last_window(
    folder: Folder, path: Path, border: int, limit: int
) -> tuple[list[Header], tuple[int, Header, int] | None]:
    """The longest chain of tails in a window, and the sibling that reaches further: (pieces before it, it, usable)."""
    texts = folder.window(path.boundary(border))
    edges = set(path.pieces(texts, border, min(limit, border + BLOCK)))
    tails = _longest(folder, edges, border)
    nodes = {border: 0} | {tail.end: index for index, tail in enumerate(tails, 1)}
    farthest = max(nodes)
    if farthest == border + BLOCK:
        return tails, None
    strangers = {*texts} - {name.text for name in edges}
    best, far = None, farthest + MIN_SHARED - 1
    for header in siblings(folder, path, strangers, nodes, limit):
        usable = min(header.shares(path.window(border, limit)), limit - header.start)
        if header.start + usable > far:
            best, far = (nodes[header.start], header, usable), header.start + usable
    return tails, best


def _longest(folder: Folder, edges: set[Name], border: int) -> list[Header]:
    """The chain of pieces that reaches furthest; those that do not verify are taken out of `edges`."""
    while True:
        chains = reachable(edges, border)
        headers = []
        for name in chains[max(chains)]:
            header = folder.header(name)
            if header is None:
                edges.discard(name)
                break
            headers.append(header)
        else:
            return headers


def siblings(folder: Folder, path: Path, texts: Iterable[str], nodes: Iterable[int], limit: int) -> Iterator[Header]:
    """Pieces with these file names that hang at one of these positions of a path and have eight of the next tokens."""
    openings = {
        (path.key(node).hex(), path.name(node, node + MIN_SHARED).opening.hex())
        for node in nodes
        if node % BLOCK + MIN_SHARED <= BLOCK and node + MIN_SHARED <= limit
    }
    near = (text for text in texts if (parent_in(text), opening_in(text)) in openings)
    for text in islice(near, _MOST_SIBLINGS):
        if (name := parse_name(text)) and (header := folder.header(name)):
            yield header


def _with_parts(folder: Folder, path: Path, chain: list[Header], window: int) -> list[Header]:
    """The longest stored chain, no longer than `chain`, that has a PART wherever the memory type needs one."""
    while window and not complete(chain, window):
        limit = chain[-1].end
        border = (limit - 1) // BLOCK * BLOCK
        head = [piece for piece in chain if piece.end <= border]
        names = path.pieces(folder.window(path.boundary(border)), border, limit)
        chain = _best_tails(folder, names, head, border, window) or head
    return chain


def _best_tails(folder: Folder, names: list[Name], head: list[Header], border: int, window: int) -> list[Header]:
    """`head` and the longest chain of these pieces that is complete; empty when none is."""
    verified = {name: header for name in names if (header := folder.header(name))}
    for end in sorted({name.end for name in verified}, reverse=True):
        usable = [name for name, header in verified.items() if name.end <= end - window or header.part]
        whole = [*head, *(verified[name] for name in reachable(usable, border).get(end, ()))]
        if len(whole) > len(head) and complete(whole, window):
            return whole
    return []
