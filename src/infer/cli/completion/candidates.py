"""What can stand at the cursor: the words of a command line -> candidates. Pure, but for the names of models."""

import os

from infer.cli.completion.grammar import COMMANDS, Command

_FILES = ("FILE", "PATH", "IN", "OUT", "DIR", "@FILE")
# Where MODEL is one that is here, or one that is not; everywhere else it is any.
_INSTALLED = ("rm", "verify", "update")
_KNOWN = ("pull",)
_NOTHING = Command("")


class Candidates:
    """The answer to one Tab.

    words   what can stand at the cursor -> what it means; not filtered by what has been typed
    files   "any" or "gguf" where a path can stand there too, "" where not
    skip    how many characters of the word at the cursor stand before what is completed: of --file=ab or @ab
    """

    __slots__ = ("files", "skip", "words")

    def __init__(self, words: dict[str, str] | None = None, files: str = "", skip: int = 0) -> None:
        self.words, self.files, self.skip = words or {}, files, skip


def candidates(words: list[str]) -> Candidates:
    """`words` stand after `infer`, up to the cursor; the last one is the beginning of what is typed, perhaps ""."""
    line = _Line()
    for word in words[:-1]:
        line.take(word)
    return line.at(words[-1])


class _Line:
    """A command line as far as it has been read."""

    def __init__(self) -> None:
        self.command = ""  # a key of COMMANDS: "", "run", "cache clear"
        self.known = True  # False after a word that is no command: nothing is known of what follows
        self.arguments = 0
        self.waiting: str | None = None  # the form of the value that the option before the cursor wants
        self.only_arguments = False  # after --
        self.seen: set[str] = set()

    def take(self, word: str) -> None:
        """Read a word that stands before the cursor."""
        if self.waiting is not None:
            self.waiting = None
        elif self.only_arguments or not word.startswith("-") or word == "-":
            self._take_argument(word)
        elif word == "--":
            self.only_arguments = True
        elif word.startswith("--"):
            name, equals, _ = word.partition("=")
            self._take_option(name, not equals)
        else:
            self._take_letters(word)

    def at(self, word: str) -> Candidates:
        """What can stand where `word` has been begun."""
        if not self.known:
            return Candidates()
        if self.waiting is not None:
            return self._value(self.waiting, word, 0)
        if not word.startswith("-") or self.only_arguments:
            return self._argument(word)
        name, equals, _ = word.partition("=")
        if word.startswith("--") and equals:
            form = self._form(name)
            return Candidates() if form is None else self._value(form, word, len(name) + 1)
        if not word.startswith("--") and (form := self._form(word[:2])) is not None and len(word) > 2:
            return self._value(form, word, 2)
        return Candidates(self._options())

    def _take_argument(self, word: str) -> None:
        below = f"{self.command} {word}".strip()
        if self.arguments == 0 and self._subcommands():
            self.command, self.known, self.seen = below, below in COMMANDS, set()
        else:
            self.arguments += 1

    def _take_option(self, name: str, value_follows: bool) -> None:
        self.seen.add(name)
        form = self._form(name)
        self.waiting = form if form is not None and value_follows else None

    def _take_letters(self, word: str) -> None:
        """-q, -qv, -f PATH, -fPATH, -qf PATH."""
        for index, letter in enumerate(word[1:], 2):
            name = f"-{letter}"
            self._take_option(name, index == len(word))
            if self._form(name) is not None:
                return

    def _options(self) -> dict[str, str]:
        """The options that can still be given. One that has been given under any of its names is not offered."""
        free = [
            (names, about)
            for names, form, many, about in COMMANDS[self.command].options
            if many or not self.seen.intersection(names)
        ]
        return {name: about for names, about in free for name in names}

    def _form(self, name: str) -> str | None:
        """The form of an option's value; None: it has none, or there is no such option."""
        found = (form for names, form, _, _ in COMMANDS.get(self.command, _NOTHING).options if name in names)
        return next(found, None)

    def _subcommands(self) -> dict[str, str]:
        depth = len(self.command.split())
        inside = f"{self.command} ".lstrip()
        return {
            name.split()[-1]: command.about
            for name, command in COMMANDS.items()
            if name.startswith(inside) and len(name.split()) == depth + 1
        }

    def _argument(self, word: str) -> Candidates:
        if self.arguments == 0 and (below := self._subcommands()):
            return Candidates(below)
        forms = COMMANDS[self.command].arguments
        if self.arguments < len(forms):
            return self._value(forms[self.arguments], word, 0)
        return self._value(forms[-1], word, 0) if forms and "..." in forms[-1] else Candidates()

    def _value(self, form: str, word: str, skip: int) -> Candidates:
        """A value by the form in which --help shows it: f16|q8_0|q4_0, N|auto|all, PATH[:SCALE], TEXT|@FILE, MODEL."""
        parts = form.strip("[].").split("|")
        if "MODEL" in parts:
            return self._model(word[skip:], skip)
        if "@FILE" in parts and word[skip:].startswith("@"):
            return Candidates(None, "any", skip + 1)
        files = any(part.partition("[")[0] in _FILES for part in parts if part != "@FILE")
        fixed = {part: "" for part in parts if part == part.lower()}
        return Candidates(fixed, "any" if files else "", skip)

    def _model(self, begun: str, skip: int) -> Candidates:
        """Names, and files as long as no name begins like what has been typed."""
        from infer.models import names

        if begun.startswith("file:"):
            return Candidates(None, "gguf", skip + len("file:"))
        if self.command in _INSTALLED:
            found = names.installed(os.environ)
        else:
            found = names.known(os.environ) if self.command in _KNOWN else names.runnable(os.environ)
        named = begun and any(name.startswith(begun) for name in found)
        return Candidates(found, "" if named or self.command in _KNOWN else "gguf", skip)
