"""What a shell hands over -> words; candidates -> what that shell takes. No shell ever evaluates a name.

    infer __complete bash LINE BREAKS        the line up to the cursor; COMP_WORDBREAKS
    infer __complete zsh|fish WORD...        the words after `infer`; the last one as far as it is typed
    infer __complete powershell BASE64       the same words, joined by newlines, as UTF-8: no quoting to go wrong

The answer's first line: whether paths can stand at the cursor too (any, gguf, none; for bash also more: a directory to
go on in), a tab, how many characters of the word stand before what is completed. Then a candidate a line.
"""

import os
from collections.abc import Iterator
from contextlib import suppress

from infer.cli.completion.candidates import Candidates, candidates

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+=")
_ENDS_A_WORD = " \t\n;|&()"


def main(arguments: list[str]) -> None:
    """Answer a shell. Whatever goes wrong there is no answer: a Tab writes no error into the line being typed."""
    try:
        lines = _SHELLS[arguments[0]](arguments[1:])
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
        with open(1, "wb", closefd=False) as stdout:
            stdout.write(data)
    except Exception:
        if os.environ.get("INFER_DEBUG"):
            raise


class BashLine:
    """A line of bash up to the cursor, taken apart as bash and readline do it.

    words   those that are complete, unquoted, without redirections
    word    the one at the cursor, unquoted
    quote   the quote that is open at the cursor, or ""
    kept    how many characters of `word` readline keeps; what is completed replaces those after them
    file    whether `word` is the file of a redirection
    """

    def __init__(self, line: str, breaks: str) -> None:
        self.words: list[str] = []
        self.word, self.quote, self.kept, self.file = "", "", 0, False
        self._breaks = breaks
        self._begun = False  # '' is a word too
        self._outside = 0  # `kept` before the open quote
        rest = iter(line)
        for character in rest:
            if self.quote:
                self._quoted(character, rest)
            else:
                self._plain(character, rest)

    def _plain(self, character: str, rest: Iterator[str]) -> None:
        if character in _ENDS_A_WORD:
            self._end()
        elif character in "<>":
            self._begun = self._begun and not self.word.isdigit()  # the 2 of 2> is no word
            self._end()
            self.file = True
        elif character in "\"'":
            self.quote, self._outside, self.kept, self._begun = character, self.kept, len(self.word), True
        else:
            self._add(next(rest, "") if character == "\\" else character)
            if character in self._breaks and character != "\\":
                self.kept = len(self.word) - (character in "$@")  # readline's special prefixes stay with the rest

    def _quoted(self, character: str, rest: Iterator[str]) -> None:
        if character == self.quote:
            self.quote, self.kept = "", self._outside
        elif character == "\\" and self.quote == '"':
            escaped = next(rest, "")
            self._add(escaped if escaped in '"\\$`' else character + escaped)
        else:
            self._add(character)

    def _add(self, text: str) -> None:
        self.word, self._begun = self.word + text, True

    def _end(self) -> None:
        if self._begun and not self.file:
            self.words.append(self.word)
        self.file = self.file and not self._begun  # blanks before the file's name
        self.word, self.kept, self._begun = "", 0, False


def _bash(arguments: list[str]) -> Iterator[str]:
    line = BashLine(arguments[0], arguments[1])
    found = Candidates(files="any") if line.file else candidates([*line.words[1:], line.word])
    if line.word[: found.skip].endswith("@"):  # readline does not see a path behind it
        found = Candidates(dict.fromkeys(_paths(line.word[found.skip :]), ""), "", found.skip)
    texts = [text for text in _whole(found, line.word) if text.startswith(line.word)]
    # bash would take a name for a file's if both stood in one list, so the names come first
    files = found.files if not texts else "more" if len(texts) == 1 and texts[0].endswith("/") else ""
    yield f"{files or 'none'}\t{found.skip}"
    yield from (_in_bash(text[line.kept :], line.quote) for text in texts)


def _paths(begun: str) -> list[str]:
    """The paths that begin so, a slash behind a directory's."""
    folder, slash, name = begun.rpartition("/")
    with suppress(OSError, ValueError), os.scandir(folder + slash or ".") as entries:
        found = [(entry.name, "/" if entry.is_dir() else "") for entry in entries if entry.name.isprintable()]
        return sorted(folder + slash + text + end for text, end in found if name[:1] == "." or text[0] != ".")
    return []


def _in_bash(text: str, quote: str) -> str:
    if quote == "'":
        return text.replace("'", "'\\''")
    if quote:
        return "".join(f"\\{character}" if character in '"\\$`' else character for character in text)
    return "".join(character if character in _PLAIN else f"\\{character}" for character in text)


def _zsh(arguments: list[str]) -> Iterator[str]:
    """In the form of _describe, NAME:MEANING; zsh quotes the name itself."""
    found = candidates(arguments)
    yield f"{found.files or 'none'}\t{found.skip}"
    for text, about in found.words.items():
        name = text.replace("\\", "\\\\").replace(":", "\\:")
        yield f"{name}:{about}" if about else name


def _fish(arguments: list[str]) -> Iterator[str]:
    """NAME, a tab, MEANING; fish quotes the name itself."""
    found = candidates(arguments)
    yield f"{found.files or 'none'}\t{found.skip}"
    for text, about in zip(_whole(found, arguments[-1]), found.words.values(), strict=True):
        yield f"{text}\t{about}"


def _powershell(arguments: list[str]) -> Iterator[str]:
    """What is inserted, what the list shows, what it means."""
    import binascii

    words = binascii.a2b_base64(arguments[0]).decode().split("\n")
    found = candidates(words)
    yield f"{found.files or 'none'}\t{found.skip}"
    for text, (name, about) in zip(_whole(found, words[-1]), found.words.items(), strict=True):
        if text.startswith(words[-1]):
            yield f"{_in_powershell(text)}\t{name}\t{about or name}"


def _in_powershell(text: str) -> str:
    if all(character in _PLAIN for character in text) and not text.startswith("@"):
        return text
    # the typographic ones end a text in single quotes too
    return "'" + "".join(character * 2 if character in "'‘’‚‛" else character for character in text) + "'"


def _whole(found: Candidates, word: str) -> list[str]:
    """The candidates with what stands before them in the word at the cursor: --color=auto."""
    return [word[: found.skip] + text for text in found.words]


_SHELLS = {"bash": _bash, "zsh": _zsh, "fish": _fish, "powershell": _powershell}
