"""`-x`, `--extract-lang` and `--extract-all`: the code of an answer instead of the answer."""

from infer.errors import ConstraintUnmet, UsageError
from infer.types import Completion


class Extraction:
    """The code blocks of one answer. `text`: what has come of them."""

    def __init__(self, language: str | None, every: bool) -> None:
        from infer.chat.extract import Extractor

        self._blocks = Extractor(language=language, every=every)
        self._kind = "code block" if language is None else f"code block in {language}"
        self._text: list[str] = []

    @property
    def text(self) -> str:
        """The code so far."""
        return "".join(self._text)

    def feed(self, content: str) -> str:
        """The code in a piece of the answer."""
        return self._kept(self._blocks.feed(content))

    def finish(self) -> str:
        """The code that was held back, now that the answer has ended."""
        return self._kept(self._blocks.finish())

    def check(self, completion: Completion) -> None:
        """Raise ConstraintUnmet when there is no such block, or when the answer was cut inside one."""
        if not self._blocks.found:
            raise ConstraintUnmet(what=f"the answer has no {self._kind}", hint="-x takes fenced blocks: ```")
        if self._blocks.inside and completion.finish_reason in ("length", "loop"):
            what = f"the code block was cut after {completion.usage.completion:,} tokens of the answer"
            raise ConstraintUnmet(what=what, hint="a larger --max-tokens or --ctx lets it go on")

    def _kept(self, code: str) -> str:
        self._text.append(code)
        return code


def read_extraction(first: bool, language: str | None, every: bool) -> Extraction | None:
    """What is to be taken out of the answer; each of the options asks for it. Raises UsageError."""
    if language is not None and not language.strip():
        raise UsageError(what="--extract-lang is empty", hint="--extract-lang python")
    return Extraction(language, every) if first or every or language is not None else None
