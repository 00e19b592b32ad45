"""Rows of tokens for training: conversations in the chat format, with the mask of what the model says.

A row is (tokens, mask): two lists of equal length; mask[i] is how much tokens[i] weighs in the loss: 0 where it is
not the assistant's, 1 in a story, more in a short answer or in a word that stands in the row already (a noun or name
to be copied), which would else drown in the choices a story is free to make. A row is filled to its last token; the
turn that does not fit is cut.
"""

import re

from asks import story_request
from dialogue import Mix, conversation, openings, system
from stories import tell
from talk import PULL
from tokenizer import ASSISTANT, END, SYSTEM, USER

COPIED = 4
WORD = re.compile(r"[^\W\d_]+")


def weight(answer):
    """What a token of this answer weighs: 1 in a story or a refusal, 3 in a short answer, 4 in JSON."""
    if answer.startswith("{"):
        return 4
    return 3 if len(answer) < 240 and PULL not in answer else 1


def words_of(text):
    """Its words in lower case."""
    return set(WORD.findall(text.lower()))


class Corpus:
    """Endless rows from a seed.

    `encode` turns text into (ids, spans), a span being the (start, end) of a token in characters; `common` are words
    that are no nouns and no names.
    """

    def __init__(self, encode, common, rng, mix=None):
        self.encode = encode
        self.common = common
        self.rng = rng
        self.mix = mix or Mix()

    def row(self, length):
        """One row of at most `length` tokens."""
        if self.rng.random() < 0.02 and length >= 256:
            return self._plain(length)
        while True:
            tokens, mask = self._conversation(length)
            if any(mask):
                return tokens, mask

    def _conversation(self, length):
        tokens, mask, seen = [], [], set()
        prompt = system(self.rng) if length >= 256 else None
        if prompt:
            tokens = [SYSTEM, *self.encode(prompt)[0], END]
            mask = [0] * len(tokens)
        turns = conversation if length >= 256 else openings
        for user, answer in turns(self.rng, self.mix):
            asked = [USER, *self.encode(user)[0], END, ASSISTANT]
            seen |= words_of(user)
            said, weights = self._said(answer, seen)
            tokens += asked + said
            mask += [0] * len(asked) + weights
            if len(tokens) >= length:
                return tokens[:length], mask[:length]
        raise AssertionError("a conversation has no end")

    def _said(self, answer, seen):
        """The answer's tokens and what each weighs; its words join those that were seen."""
        said, spans = self.encode(answer)
        usual = weight(answer)
        weights = [usual] * len(said)
        if usual < COPIED:
            heavy = set()
            for found in WORD.finditer(answer):
                word = found.group().lower()
                if word in seen and word not in self.common:
                    heavy.update(range(*found.span()))
                seen.add(word)
            weights = [COPIED if not heavy.isdisjoint(range(*span)) else usual for span in spans]
        seen |= words_of(answer)
        return [*said, END], [*weights, usual]

    def _plain(self, length):
        """A story without the chat format, for raw completion."""
        story = tell(story_request(self.rng, 0.2).wish, self.rng)
        tokens = [*self.encode(story.text)[0], END][:length]
        return tokens, [0] * 3 + [1] * (len(tokens) - 3)


def texts(rng, count):
    """Plain texts of conversations, to train the tokenizer on."""
    for _ in range(count):
        turns = conversation(rng, Mix())
        for _ in range(4):
            user, answer = next(turns)
            yield user
            yield answer
