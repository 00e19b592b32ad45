"""The tokenizer: byte-level BPE over any text, and four control tokens.

A word is cut into the same pieces wherever it stands: " lantern" in a story and `"lantern"` in JSON are both spelled
with the piece `lantern`, so that copying a word is copying its tokens. Merges of GPT-2's kind would glue the space to
the word's first letters and give the two nothing in common. The space is merged only with frequent words that nobody
copies (" the", " and"), and last of all.

Run it to train: `python tokenizer.py` writes tokenizer.json beside this file.
"""

import json
import random
from collections import Counter
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import words

PATH = Path(__file__).with_name("tokenizer.json")
CONTROLS = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
END, SYSTEM, USER, ASSISTANT = range(4)
VOCABULARY = 4096
SPACED = 512  # of these, pieces that begin with a space
BOOST = 1_500  # lines in which a noun or name is added to the text, so that it becomes one piece
SPACE = "\u0120"  # how byte-level BPE writes a space
SEED = 1
TEMPLATE = (
    "{% for message in messages %}"
    "{% set role = message['role'] if message['role'] in ['system', 'assistant'] else 'user' %}"
    "{{ '<|' + role + '|>' + (message['content'] or '') | trim + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def copied_words():
    """Words that answers copy from what was said: (nouns, names, the rest: places, feelings, keys of JSON)."""
    nouns = " ".join(words.HEROES + words.THINGS + words.TWO_WORD_HEROES).split()
    names = words.HERO_GIRLS + words.HERO_BOYS + words.FRIEND_GIRLS + words.FRIEND_BOYS
    rest = " ".join(words.PLACES + words.GOOD_FEELINGS + words.BAD_FEELINGS["lose"]).split()
    keys = ["hero", "name", "thing", "place", "friend", "feeling"]
    skip = {"in", "the", "at", "on", "by", "old"}
    return sorted(set(nouns)), sorted(set(names)), sorted((set(rest) | set(keys)) - skip)


def train(lines):
    """Learn the merges from lines of text: first inside words, then of the space with frequent words."""
    lines = list(lines)
    nouns, names, rest = copied_words()
    boosted = [word for word in nouns + [noun.capitalize() for noun in nouns] + names + rest for _ in range(BOOST)]
    tokenizer = Tokenizer(models.BPE())
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(" ", "isolated"), gpt2])
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - SPACED,
        special_tokens=CONTROLS,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(lines + boosted, trainer)
    return _with_spaces(tokenizer, lines, gpt2, set(nouns + names + rest))


def _with_spaces(tokenizer, lines, gpt2, copied):
    """Add pieces of a space and a frequent word that is one piece and never copied, merged last."""
    state = json.loads(tokenizer.to_str())
    vocabulary = state["model"]["vocab"]
    counts = Counter(piece for line in lines for piece, _ in gpt2.pre_tokenize_str(line) if piece[0] == SPACE)
    for spaced, _ in counts.most_common():
        word = spaced[1:]
        if len(vocabulary) == VOCABULARY:
            break
        if word in vocabulary and word not in copied and word.lower() not in copied:
            vocabulary[spaced] = len(vocabulary)
            state["model"]["merges"].append([SPACE, word])
    model = models.BPE(vocabulary, [tuple(merge) for merge in state["model"]["merges"]])
    finished = Tokenizer(model)
    finished.pre_tokenizer = gpt2
    finished.decoder = decoders.ByteLevel()
    finished.add_special_tokens(CONTROLS)
    return finished


def load():
    """The trained tokenizer."""
    return Tokenizer.from_file(str(PATH))


def encoder(tokenizer):
    """A function from text to (ids, spans in characters) that never yields a control token."""

    def encode(text):
        encoding = tokenizer.encode(text, add_special_tokens=False)
        return encoding.ids, encoding.offsets

    return encode


def common_words(tokenizer):
    """The words that are one piece together with the space before them, in lower case."""
    return {piece[1:].lower() for piece in tokenizer.get_vocab() if piece[0] == SPACE and piece[1:].isalpha()}


if __name__ == "__main__":
    from corpus import texts

    train(texts(random.Random(SEED), 30_000)).save(str(PATH))
