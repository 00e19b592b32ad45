"""Templates with alternatives: `[a|b|]` is a choice, `{slot}` is filled in afterwards.

The same templates can be sampled (to write the corpus), listed and turned into a regular expression
(to prove that a held-out sentence can not be written by them).
"""

import re
from functools import cache
from itertools import product


@cache
def parse(template):
    """Parse into a tuple of parts; a part is a string or a tuple of alternatives (parsed in turn)."""
    parts, end = _sequence(template, 0, "")
    if end != len(template):
        raise ValueError(f"unbalanced template: {template!r}")
    return parts


def _sequence(text, at, stops):
    """Parse from `at` up to one of `stops` (or the end); return the parts and the position."""
    parts, literal = [], []
    while at < len(text) and text[at] not in stops:
        if text[at] == "[":
            if literal:
                parts.append("".join(literal))
                literal = []
            options, at = _alternatives(text, at + 1)
            parts.append(options)
        else:
            literal.append(text[at])
            at += 1
    if literal:
        parts.append("".join(literal))
    return tuple(parts), at


def _alternatives(text, at):
    """Parse `a|b]` after an opening bracket."""
    options = []
    while True:
        parts, at = _sequence(text, at, "|]")
        if at >= len(text):
            raise ValueError(f"missing ] in {text!r}")
        options.append(parts)
        if text[at] == "]":
            return tuple(options), at + 1
        at += 1


def sample(template, rng):
    """One random expansion; slots stay as they are."""
    return _sample(parse(template), rng)


def _sample(parts, rng):
    out = []
    for part in parts:
        if isinstance(part, str):
            out.append(part)
        else:
            out.append(_sample(part[int(rng.random() * len(part))], rng))
    return "".join(out)


def fill(template, rng, slots):
    """One random expansion with its slots filled and its spaces tidied."""
    return tidy(sample(template, rng).format_map(slots))


def tidy(text):
    """Collapse the double spaces that empty alternatives leave behind."""
    while "  " in text:
        text = text.replace("  ", " ")
    return text.replace(" ,", ",").replace(" .", ".").replace(" ?", "?").strip()


def expansions(template):
    """Every expansion of a template, slots left in place."""
    return [tidy(text) for text in _expansions(parse(template))]


def _expansions(parts):
    columns = [
        [part] if isinstance(part, str) else [text for option in part for text in _expansions(option)] for part in parts
    ]
    return ["".join(row) for row in product(*columns)]


def patterns(template, slots):
    """(opening words, regular expression) for each expansion; `slots` maps a slot's name to an expression."""
    for text in expansions(template):
        pieces = re.split(r"(\{\w+\})", text)
        body = "".join(
            slots(piece[1:-1].rstrip("0123456789")) if piece.startswith("{") else re.escape(piece) for piece in pieces
        )
        yield pieces[0].lower(), body + r"\W*"


def a(noun):
    """The noun (or noun phrase) with its indefinite article."""
    word = noun.lower()
    if word.startswith(("uni", "uku", "use", "eu", "one")) and not word.startswith("unin"):
        return "a " + noun
    if word.startswith(("hour", "heir")) or word[:1] in "aeiou":
        return "an " + noun
    return "a " + noun


def upper_first(text):
    """Capitalise the first letter only."""
    return text[:1].upper() + text[1:]
