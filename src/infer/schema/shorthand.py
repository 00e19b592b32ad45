"""The short form of a schema: `name, age int, tags [str]` becomes a JSON Schema.

    fields    field, field, ...             a comma or the end of a line between them
    field     NAME[?] [TYPE] [: description]   `?`: it may be left out; no TYPE: str
    TYPE      str | int | float | bool      also: string, integer, number, boolean
              [TYPE]                        a list
              {fields}                      an object
              one|two|three                 one of these words

Nothing but these fields may come out, in this order.
"""

import re
from typing import Any, NoReturn

from infer.errors import UsageError

Schema = dict[str, Any]
_TYPES = {
    "str": "string",
    "string": "string",
    "int": "integer",
    "integer": "integer",
    "float": "number",
    "number": "number",
    "bool": "boolean",
    "boolean": "boolean",
}
_WORD = re.compile(r"[^\W\d]\w*(?:-\w+)*")
_CHOICE = re.compile(r"[\w.+-]+")
_DESCRIPTION = re.compile(r"[^,\n{}\[\]]*")
_BLANKS = re.compile(r"[^\S\n]*")
_GAP = re.compile(r"\s*")
_EXAMPLE = "for example: name, age int, tags [str], size small|large"


def expand(text: str) -> Schema:
    """The JSON Schema that the short form means. Raises UsageError with the column where it cannot be read."""
    reader = _Reader(text)
    schema = reader.fields()
    reader.end()
    return schema


class _Reader:
    """Reads the text from left to right; `_at` is where it stands."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def fields(self) -> Schema:
        """Fields up to a closing brace or the end."""
        properties: dict[str, Schema] = {}
        required = []
        while True:
            self._take(_GAP)
            start = self._at
            name = self._take(_WORD) or self._fail("the name of a field")
            if name in properties:
                self._at = start
                self._fail(f"another name than '{name}', which is there already")
            if not self._skip("?"):
                required.append(name)
            properties[name] = self._type_and_description()
            if not self._separator():
                return {
                    "type": "object",
                    "properties": properties,
                    "required": required,
                    "additionalProperties": False,
                }

    def end(self) -> None:
        """Raises UsageError when something is left."""
        if self._at < len(self._text):
            self._fail("a comma, a type or the end")

    def _type_and_description(self) -> Schema:
        self._take(_BLANKS)
        following = self._text[self._at : self._at + 1]
        schema = {"type": "string"} if following in ("", ",", ":", "\n", "}") else self._type()
        self._take(_BLANKS)
        if self._skip(":"):
            description = self._take(_DESCRIPTION).strip()
            schema = {**schema, "description": description} if description else schema
        return schema

    def _type(self) -> Schema:
        if self._skip("["):
            self._take(_GAP)
            items = self._type()
            self._take(_GAP)
            if not self._skip("]"):
                self._fail("']'")
            return {"type": "array", "items": items}
        if self._skip("{"):
            schema = self.fields()
            if not self._skip("}"):
                self._fail("'}'")
            return schema
        return self._named()

    def _named(self) -> Schema:
        start = self._at
        words = [self._take(_CHOICE) or self._fail("a type")]
        while self._skip("|"):
            words.append(self._take(_CHOICE) or self._fail("a word"))
        if len(words) > 1:
            return {"enum": words}
        if words[0] not in _TYPES:
            self._at = start
            self._fail("a type: str, int, float, bool, [str], {field, field} or one|two")
        return {"type": _TYPES[words[0]]}

    def _separator(self) -> bool:
        """Step over a comma or the end of a line; False where the fields end."""
        self._take(_BLANKS)
        found = self._skip(",") or self._skip("\n")
        self._take(_GAP)
        return found and self._text[self._at : self._at + 1] not in ("", "}")

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            return ""
        self._at = found.end()
        return found[0]

    def _skip(self, character: str) -> bool:
        if not self._text.startswith(character, self._at):
            return False
        self._at += 1
        return True

    def _fail(self, expected: str) -> NoReturn:
        line = self._text.count("\n", 0, self._at) + 1
        column = self._at - (self._text.rfind("\n", 0, self._at) + 1) + 1
        place = f"column {column}" if "\n" not in self._text.strip() else f"line {line}, column {column}"
        found = repr(self._text[self._at]) if self._at < len(self._text) else "the end"
        raise UsageError(what=f"--schema, {place}: expected {expected}, found {found}", hint=_EXAMPLE)
