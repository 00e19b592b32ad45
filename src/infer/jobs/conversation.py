"""A conversation: a tree of messages, the place in it where one stands, and what holds for all of it. Pure.

    root ─ user 1 ─ assistant 2 ─ user 3 ─ assistant 4        /retry: another answer to 3
                                        └─ assistant 5  <- head
                 └─ assistant 6                               /undo, and another way from there

Nothing is ever taken out of the tree: undo, forget, compact and clear only move the head, or grow another branch.
Whatever happens is a record; records played again in their order make the same conversation (see jobs/sessions.py).
"""

from dataclasses import dataclass, replace
from typing import Any

from infer.errors import UsageError
from infer.types import FinishReason, Message, TextPart, Usage

SUMMARY_QUESTION = "Summarise our conversation so far: the facts, the decisions, the names and what is still open."


@dataclass(frozen=True, slots=True)
class Node:
    """A message in its place. `parent` 0 is the root.

    model, ended, usage   of an answer: who gave it, how it ended, what it took
    time                  seconds since the epoch, given by whoever adds it
    """

    id: int
    parent: int
    message: Message
    time: float = 0.0
    model: str = ""
    ended: FinishReason | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """The head is now at this node; 0: at the root."""

    id: int


@dataclass(frozen=True, slots=True)
class Named:
    """A node has a name."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Changed:
    """Something that holds for the whole conversation: "system", "model", or a setting's key."""

    key: str
    value: Any


Record = Node | Moved | Named | Changed


@dataclass(frozen=True, slots=True)
class Branch:
    """An end of the tree, as /branch lists it. `number` counts from 1, `messages` how many lead to it."""

    number: int
    node: Node
    messages: int
    name: str
    current: bool


class Conversation:
    """The tree and its head. `take` hands out the records of what has happened since it was last called."""

    def __init__(self) -> None:
        self.nodes: dict[int, Node] = {}
        self.head = 0
        self.names: dict[str, int] = {}
        self.values: dict[str, Any] = {}
        self._new: list[Record] = []

    def take(self) -> list[Record]:
        """What has happened since this was last called."""
        new, self._new = self._new, []
        return new

    def replay(self, record: Record) -> None:
        """Do what a record tells, without telling it again. Raises ValueError when it cannot follow the others."""
        match record:
            case Node():
                if record.id in self.nodes or record.parent >= record.id or record.parent not in {0, *self.nodes}:
                    raise ValueError(f"message {record.id} cannot follow {record.parent}")
                self.nodes[record.id] = record
                self.head = record.id
            case Moved(id):
                if id not in {0, *self.nodes}:
                    raise ValueError(f"there is no message {id}")
                self.head = id
            case Named(id, name):
                if id not in self.nodes:
                    raise ValueError(f"there is no message {id}")
                self.names[name] = id
            case Changed(key, value):
                self.values[key] = value

    def records(self) -> list[Record]:
        """Everything there is, as records that make it anew."""
        changes = [Changed(key, value) for key, value in self.values.items()]
        names = [Named(id, name) for name, id in self.names.items()]
        return [*changes, *self.nodes.values(), *names, Moved(self.head)]

    @property
    def path(self) -> list[Node]:
        """From the root to the head."""
        return self._path_to(self.head)

    @property
    def turns(self) -> list[list[Node]]:
        """The path in exchanges: each begins with a message of the user."""
        turns: list[list[Node]] = []
        for node in self.path:
            if node.message.role == "user" or not turns:
                turns.append([])
            turns[-1].append(node)
        return turns

    def messages(self, *more: Message) -> tuple[Message, ...]:
        """What the model is to read: the system message, the path, and `more`."""
        system = self.values.get("system")
        first = (said("system", system),) if system else ()
        return (*first, *(node.message for node in self.path), *more)

    def add(self, message: Message, *, time: float = 0.0, **about: Any) -> Node:
        """A message after the head, which moves to it. about: model, ended, usage of an answer."""
        node = Node(max(self.nodes, default=0) + 1, self.head, message, time, **about)
        self._record(node)
        return node

    def set(self, key: str, value: Any) -> None:
        """Note what holds from here on; None takes it back."""
        if self.values.get(key) != value:
            self._record(Changed(key, value))

    def last(self, role: str) -> Node | None:
        """The last message of this role on the path."""
        return next((node for node in reversed(self.path) if node.message.role == role), None)

    def question(self) -> Node:
        """The last question. Raises UsageError when there is none."""
        node = self.last("user")
        if node is None:
            raise UsageError(what="nothing has been asked yet")
        return node

    def undo(self) -> Node:
        """Step back before the last question and return it; the exchange stays a branch."""
        node = self.question()
        self.move(node.parent)
        return node

    def clear(self) -> None:
        """Begin again at the root; what was said stays a branch."""
        self.move(0)

    def forget(self, count: int) -> list[Node]:
        """Go on without the oldest `count` exchanges, on a branch of its own. Returns what is left out.

        Raises UsageError when there are not so many.
        """
        turns = self.turns
        if not 1 <= count <= len(turns):
            raise UsageError(what=f"there are {len(turns)} exchanges, {count} of them cannot be forgotten")
        self._regrow([], turns[count:])
        return [node for turn in turns[:count] for node in turn]

    def compact(self, count: int, summary: Message, **about: Any) -> None:
        """Go on with a summary in the place of the oldest `count` exchanges, on a branch of its own."""
        turns = self.turns
        assert 1 <= count <= len(turns), "somebody counted wrong"
        self._regrow([(said("user", SUMMARY_QUESTION), {}), (summary, about)], turns[count:])

    def move(self, id: int) -> None:
        """Put the head somewhere else in the tree. 0 is the root."""
        if id and id not in self.nodes:
            raise UsageError(what=f"there is no message {id}")
        if id != self.head:
            self._record(Moved(id))

    def name(self, name: str) -> None:
        """Give the head a name for /switch. Raises UsageError for one that would be taken for a branch's number."""
        if not self.head:
            raise UsageError(what="there is nothing to name yet")
        if name.isdigit():
            raise UsageError(what=f"a branch cannot be called {name}: /switch {name} is for its number")
        self._record(Named(self.head, name))

    def branches(self) -> list[Branch]:
        """The ends of the tree, the head and what has a name, in the order they were made."""
        inner = {node.parent for node in self.nodes.values()}
        names = {id: name for name, id in self.names.items()}
        ends = [n for n in self.nodes.values() if n.id not in inner or n.id in names or n.id == self.head]
        return [
            Branch(number, node, len(self._path_to(node.id)), names.get(node.id, ""), node.id == self.head)
            for number, node in enumerate(ends, 1)
        ]

    def switch(self, word: str) -> None:
        """Go to a branch by its number in `branches` or by its name. Raises UsageError when there is none."""
        if word in self.names:
            return self.move(self.names[word])
        branches = self.branches()
        if not word.isascii() or not word.isdigit() or not 1 <= int(word) <= len(branches):
            raise UsageError(what=f"there is no branch {word}", hint="/branch lists them")
        return self.move(branches[int(word) - 1].node.id)

    def _regrow(self, first: list[tuple[Message, dict[str, Any]]], turns: list[list[Node]]) -> None:
        """A new branch from the root: some messages, then exchanges that were said elsewhere in the tree."""
        self.move(0)
        for message, about in first:
            self.add(message, **about)
        for node in (node for turn in turns for node in turn):
            self._record(replace(node, id=max(self.nodes) + 1 if self.nodes else 1, parent=self.head))

    def _path_to(self, id: int) -> list[Node]:
        path = []
        while id:
            path.append(self.nodes[id])
            id = self.nodes[id].parent
        return path[::-1]

    def _record(self, record: Record) -> None:
        self.replay(record)
        self._new.append(record)


def said(role: Any, *texts: str) -> Message:
    """A message made of texts."""
    return Message(role, tuple(map(TextPart, texts)))
