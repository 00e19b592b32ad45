"""The tokenizer: byte-level BPE over any text, and four control tokens.

Run it to train: `python tokenizer.py` writes tokenizer.json beside this file.
"""

import random
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

PATH = Path(__file__).with_name("tokenizer.json")
CONTROLS = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
END, SYSTEM, USER, ASSISTANT = range(4)
VOCABULARY = 2048
SEED = 1
TEMPLATE = (
    "{% for message in messages %}"
    "{% set role = message['role'] if message['role'] in ['system', 'assistant'] else 'user' %}"
    "{{ '<|' + role + '|>' + (message['content'] or '') | trim + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def train(lines):
    """Learn the merges from lines of text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=CONTROLS,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def load():
    """The trained tokenizer."""
    return Tokenizer.from_file(str(PATH))


def encoder(tokenizer):
    """A function from text to ids that never yields a control token."""
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


if __name__ == "__main__":
    from corpus import texts

    train(texts(random.Random(SEED), 30_000)).save(str(PATH))
