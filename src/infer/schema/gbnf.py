"""The syntax of GBNF, llama.cpp's notation of grammars: where a text breaks it.

llama.cpp reads the same text again and is the judge of it; but it tells nobody where it stumbled, and a repetition
like {3,1} keeps it busy until memory ends.
"""

import re
from typing import NoReturn

from infer.errors import UsageError

_SPACE = re.compile(r"(?:[ \t]|#[^\r\n]*)*")
_SPACE_AND_LINES = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_CHARACTER = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[trn\\\"\[\]-])|[^\\]", re.DOTALL)
_TOKEN = re.compile(r"!?<(?:\[[0-9]+\]|[^>\[][^>]*)>")
_REPETITION = re.compile(r"\{[ \t]*([0-9]+)[ \t]*(?:,[ \t]*([0-9]*)[ \t]*)?\}")
_MOST_REPETITIONS = 2000  # llama.cpp's own bound


def check_grammar(text: str, name: str) -> None:
    """Raise UsageError with `name`, line and column where the text is no grammar, or names a rule that is not there."""
    _Reader(text, name).grammar()


class _Reader:
    """Reads a grammar from left to right; `_at` is where it stands."""

    def __init__(self, text: str, name: str) -> None:
        self._text, self._name = text, name
        self._at = 0
        self._rules: set[str] = set()
        self._used: dict[str, int] = {}  # rule -> where it is named first

    def grammar(self) -> None:
        """All rules, and whether each that is named is there."""
        if (nul := self._text.find("\0")) >= 0:
            self._at = nul
            self._fail("a NUL character")
        self._take(_SPACE_AND_LINES)
        while self._at < len(self._text):
            self._rule()
            self._take(_SPACE_AND_LINES)
        for rule, at in self._used.items():
            if rule not in self._rules:
                self._at = at
                self._fail(f"there is no rule '{rule}'")
        if "root" not in self._rules:
            raise UsageError(what=f"{self._name}: there is no rule 'root'", hint="an answer is what 'root' describes")

    def _rule(self) -> None:
        name = self._take(_NAME) or self._expected("the name of a rule (letters, digits and -)")
        self._rules.add(name)
        self._take(_SPACE)
        if not self._skip("::="):
            self._expected("'::='")
        self._take(_SPACE_AND_LINES)
        self._alternatives(_SPACE)
        if self._at < len(self._text) and self._text[self._at] not in "\r\n":
            self._expected("the end of the line, or something that can stand in a rule")

    def _alternatives(self, space: re.Pattern[str]) -> None:
        self._sequence(space)
        while self._skip("|"):
            self._take(_SPACE_AND_LINES)
            self._sequence(space)

    def _sequence(self, space: re.Pattern[str]) -> None:
        anything = False
        while self._repetition(anything) or self._item():
            anything = True
            self._take(space)

    def _repetition(self, anything: bool) -> bool:
        if self._text[self._at : self._at + 1] not in ("*", "+", "?", "{"):
            return False
        if not anything:
            self._fail("there is nothing in front that could be repeated")
        if self._text[self._at] == "{":
            self._times()
        else:
            self._at += 1
        return True

    def _times(self) -> None:
        found = _REPETITION.match(self._text, self._at)
        if found is None:
            self._fail("expected a repetition: {2}, {2,} or {2,5}")
        least, most = int(found[1]), int(found[2]) if found[2] else None
        if most is not None and most < least:
            self._fail(f"a repetition from {least} to {most}")
        if max(least, most or 0) > _MOST_REPETITIONS:
            self._fail(f"more than {_MOST_REPETITIONS:,} repetitions")
        self._at = found.end()

    def _item(self) -> bool:
        """A literal, a class of characters, a group, any character, a token, or the name of a rule."""
        match self._text[self._at : self._at + 1]:
            case '"':
                self._characters('"', '"')
            case "[":
                self._characters("[", "]")
            case "(":
                self._group()
            case ".":
                self._at += 1
            case "<" | "!":
                if not self._take(_TOKEN):
                    self._expected("a token: <name> or <[id]>")
            case _:
                return self._reference()
        return True

    def _characters(self, begin: str, end: str) -> None:
        """A literal or a class: characters and escapes up to its end."""
        start = self._at
        self._skip(begin)
        while not self._skip(end):
            if self._at >= len(self._text):
                self._at = start
                self._fail(f"this has no end: {end} is missing")
            if not self._take(_CHARACTER):
                self._fail("there is no such escape")

    def _group(self) -> None:
        start = self._at
        self._at += 1
        self._take(_SPACE_AND_LINES)
        self._alternatives(_SPACE_AND_LINES)
        if self._at >= len(self._text):
            self._at = start
            self._fail("this has no end: ) is missing")
        if not self._skip(")"):
            self._expected("')'")

    def _reference(self) -> bool:
        at = self._at
        name = self._take(_NAME)
        if name:
            self._used.setdefault(name, at)
        return bool(name)

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found[0]

    def _skip(self, text: str) -> bool:
        found = self._text.startswith(text, self._at)
        self._at += len(text) * found
        return found

    def _expected(self, what: str) -> NoReturn:
        found = repr(self._text[self._at]) if self._at < len(self._text) else "the end"
        self._fail(f"expected {what}, found {found}")

    def _fail(self, what: str) -> NoReturn:
        line = self._text.count("\n", 0, self._at) + 1
        column = self._at - (self._text.rfind("\n", 0, self._at) + 1) + 1
        raise UsageError(what=f"{self._name}:{line}:{column}: {what}")
