"""What the first lines of a batch say about how to compute it."""

from collections.abc import Iterator

from infer.jobs.batch.items import Item
from infer.jobs.batch.outlook import look
from infer.types import Message, Request, TextPart


def items(texts: list[str], answer: int | None) -> Iterator[Item]:
    for number, text in enumerate(texts):
        yield Item(number, str(number), Request((Message("user", (TextPart(text),)),), max_tokens=answer))


def test_a_long_document_with_short_questions_is_alike() -> None:
    document = "word " * 800
    texts = [f"{document} Question {number}?" for number in range(50)]
    assert look(items(texts, 16)).alike
    assert not look(items(texts, None)).alike, "long answers are each one's own"
    assert not look(items(texts[:1], 16)).alike


def test_prompts_of_different_texts_are_not() -> None:
    assert not look(items([f"{number} and what follows" * 40 for number in range(50)], 16)).alike
    assert not look(items([], 16)).alike


def test_only_the_first_lines_are_read() -> None:
    given = items(["x" * 100] * 100_000, 1)
    assert look(given).lines is None
    assert sum(1 for _ in given) > 90_000


def test_few_lines_are_counted() -> None:
    assert [look(items(["x"] * count, 1)).lines for count in (0, 1, 7, 255)] == [1, 1, 7, 255]
