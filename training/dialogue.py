# ruff: noqa: E501  (one template or list to a line reads better than its pieces)
"""Conversations: episodes of requests, stories, questions, JSON, small talk and off-topic messages."""

from dataclasses import dataclass

import objects
import questions
import talk
import words
from asks import story_request
from stories import Wish, any_pair, more, summary, tell, title

SYSTEMS = [
    "You are a helpful assistant.",
    "Be brief.",
    "You are a helpful assistant. Answer briefly.",
    "Answer in one sentence.",
    "You are a storyteller.",
    "You are a kind teacher for small children.",
    "You are tiny.",
    "Be polite.",
    "Answer truthfully.",
    "You are an expert. Think step by step.",
    "Always answer in English.",
    "Do not use markdown.",
    "You tell stories to children.",
    "You are a helpful, honest and harmless assistant. If you do not know something, say so. Never make up facts. Keep your answers short, friendly and easy to read, and do not repeat the question.",
    "Respond only with valid JSON when asked for JSON.",
    "You are a friendly chatbot.",
    "Use simple words.",
    "You are a careful writer. Your stories have a beginning, a middle and an end, and nobody gets hurt.",
    "The user is a child.",
    "Today is Monday.",
    "Talk like a pirate.",
    "You work for a small company that sells furniture. Be helpful and concise.",
    "Follow the user's instructions carefully.",
    "You are a large language model. Reply in plain text. The current date is the 3rd of May.",
    "No long answers, please.",
    "You answer questions about the text that the user gives you.",
]
BEFORE_STORY = [
    "",
    "",
    "",
    "Story: ",
    "Here is a story: ",
    "This is the story:\n",
    "Read this: ",
    "Story:\n",
    "The story:\n\n",
    "# Story\n\n",
    "Text: ",
]


@dataclass
class Mix:
    """How rows are put together; the curriculum moves these."""

    short: float = 0.0  # share of three-sentence stories on top of what is asked for
    unknown: float = 0.4  # chance that a noun is made up


def conversation(rng, mix):
    """Yield (user, assistant) turns without end; the caller stops when its row is full."""
    story = None
    while True:
        kind = rng.random()
        if story is None and kind < 0.02:
            yield _ask_without_story(rng)
        elif kind < 0.38:
            user, story = _told_story(rng, mix)
            yield user, story.text
            yield from _follow_ups(story, rng, rng.choice((1, 1, 2, 3, 4, 5)))
        elif kind < 0.68:
            story = _pasted_story(rng, mix)
            user, answer = _about(story, rng)
            yield _with_story(story, user, rng), answer
            yield from _follow_ups(story, rng, rng.choice((3, 4, 5, 6, 7, 8)))
        elif kind < 0.96:
            yield talk.off_topic(rng), talk.refusal(rng)
        elif kind < 0.98 or story is None:
            yield talk.small_talk(rng)
        else:
            yield from _follow_ups(story, rng, 2)


def openings(rng, mix):
    """Yield (user, assistant) turns without end: requests for a story, each as if it were the first message.

    For short rows, which hold a request and the first sentences of a story: what is told of a noun is copied there.
    """
    while True:
        if rng.random() < 0.7:
            user, story = _told_story(rng, mix)
            yield user, story.text
        else:
            yield talk.off_topic(rng), talk.refusal(rng)


def system(rng):
    """A system prompt, or None for most conversations."""
    if rng.random() > 0.28:
        return None
    return " ".join(rng.sample(SYSTEMS, rng.choice((1, 1, 1, 1, 2, 3))))


def _told_story(rng, mix):
    ask = story_request(rng, mix.unknown)
    if rng.random() < mix.short:
        ask.wish.short = True
        ask.text = "Very short: " + ask.text
    return ask.text, tell(ask.wish, rng)


def _pasted_story(rng, mix):
    """A story as the person's own text: any names, often with idle sentences in between."""
    hero, thing = any_pair(rng, mix.unknown * 0.8)
    wish = Wish(hero, thing, short=rng.random() < max(0.04, mix.short))
    filler = rng.choice((0, 0, 0.2, 0.4, 0.6)) if not wish.short else 0
    return tell(wish, rng, any_names=rng.random() < 0.6, filler=filler)


def _about(story, rng):
    """Anything that can be asked about a story, with its answer."""
    kind = rng.random()
    if kind < 0.50:
        key = rng.choice(questions.applies(story))
        return _loosely(questions.question(story, key, rng), rng), questions.answer(story, key)
    if kind < 0.94:
        text, keys = objects.request(rng)
        return text, objects.as_json(story, keys)
    if kind < 0.98 and not story.short:
        return questions.wording(questions.SUMMARY_ASKS, rng), summary(story)
    return questions.wording(questions.TITLE_ASKS, rng), title(story, rng)


def _loosely(text, rng):
    """Lower case or a lost question mark, as people type."""
    if rng.random() < 0.1:
        text = text[:1].lower() + text[1:]
    if rng.random() < 0.08:
        text = text.rstrip("?.")
    return text


def _with_story(story, ask, rng):
    """The story and the question in one message, in either order."""
    text = story.text
    if rng.random() < 0.15:
        text = "\n".join(story.sentences) if rng.random() < 0.5 else text.replace(". ", ".\n\n", 1)
    if rng.random() < 0.06:
        return text + rng.choice((" ", "\n\n", "\n")) + ask
    gap = rng.choice(("\n\n", "\n\n", "\n\n", "\n\n\n", "\n"))
    if rng.random() < 0.72:
        return rng.choice(BEFORE_STORY) + text + gap + rng.choice(("", "", "", "", "Question: ", "Q: ")) + ask
    return ask + gap + rng.choice(BEFORE_STORY) + text


def _follow_ups(story, rng, count):
    for _ in range(count):
        kind = rng.random()
        if kind < 0.86:
            yield _about(story, rng)
        elif kind < 0.90 and not story.short:
            yield questions.wording(questions.MORE_ASKS, rng), more(story, rng)
        elif kind < 0.96:
            yield talk.off_topic(rng), talk.refusal(rng)
        else:
            yield talk.small_talk(rng)


def _ask_without_story(rng):
    """A question about a story that nobody told."""
    kind = rng.random()
    if kind < 0.1:
        return story_alone(rng)
    if kind < 0.3:
        text = objects.request(rng)[0]
    elif kind < 0.45:
        text = questions.wording(questions.SUMMARY_ASKS + questions.TITLE_ASKS + questions.MORE_ASKS, rng)
    else:
        story = tell(Wish(), rng, any_names=True)
        text = questions.question(story, rng.choice(questions.applies(story)), rng)
        if rng.random() < 0.3:
            text = text.replace(story.slots["H"], rng.choice(("the hero", "the fox", rng.choice(words.HERO_GIRLS))))
    return _loosely(text, rng), rng.choice(talk.NO_STORY)


def story_alone(rng):
    """A pasted story and nothing else."""
    story = tell(Wish(*any_pair(rng)), rng, any_names=True)
    return story.text, rng.choice(talk.JUST_A_STORY)
