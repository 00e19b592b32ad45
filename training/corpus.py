"""Rows of tokens for training: conversations in the chat format, with the mask of what the model says.

A row is (tokens, mask): two lists of equal length; mask[i] is how much tokens[i] weighs in the loss: 0 where it is
not the assistant's, 1 in a story, more in a short answer, which would else drown in the choices a story is free
to make. A row holds as many turns as fit.
"""

from asks import story_request
from dialogue import Mix, conversation, system
from stories import tell
from tokenizer import ASSISTANT, END, SYSTEM, USER


def weight(answer):
    """What a token of this answer weighs: 1 in a story, 3 in a short answer, 4 in JSON."""
    if answer.startswith("{"):
        return 4
    return 3 if len(answer) < 240 else 1


class Corpus:
    """Endless rows from a seed; `encode` turns text into a list of ids."""

    def __init__(self, encode, rng, mix=None):
        self.encode = encode
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
        tokens, mask = [], []
        prompt = system(self.rng)
        if prompt:
            tokens = [SYSTEM, *self.encode(prompt), END]
            mask = [0] * len(tokens)
        for user, answer in conversation(self.rng, self.mix):
            asked = [USER, *self.encode(user), END, ASSISTANT]
            said = [*self.encode(answer), END]
            if len(tokens) + len(asked) + len(said) > length:
                break
            tokens += asked + said
            mask += [0] * len(asked) + [weight(answer)] * len(said)
        return tokens, mask

    def _plain(self, length):
        """A story without the chat format, for raw completion."""
        story = tell(story_request(self.rng, 0.2).wish, self.rng)
        tokens = [*self.encode(story.text), END][:length]
        return tokens, [0] * 3 + [1] * (len(tokens) - 3)


def texts(rng, count):
    """Plain texts of conversations, to train the tokenizer on."""
    for _ in range(count):
        turns = conversation(rng, Mix())
        for _ in range(4):
            user, answer = next(turns)
            yield user
            yield answer
