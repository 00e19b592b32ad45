"""See how a file does in the wordings of the corpus, without looking at the exam.

python rehearse.py FILE [--count N] [--temperature T] [--wrong]

Stories about known and made-up nouns, questions and JSON about stories, off-topic messages; their seeds are their own.
What changes the corpus or the training is decided on these; the exam of `evaluate.py` is for the end.
"""

import argparse
import random

import dialogue
import objects
import questions
import talk
from asks import story_request
from engine import Model
from evaluate import judge
from exam import Item, answers, says, tells_of, user
from grammar import a
from stories import Wish, any_pair, known_pair, tell


def stories(rng, count, unknown):
    """Requests for two nouns: both known, or both made up."""
    items = []
    while len(items) < count:
        request = story_request(rng, unknown)
        wish = request.wish
        if wish.hero and wish.thing and not (wish.name or wish.plot) and wish.hero.isalpha():
            items.append(Item(user(request.text), tells_of(wish.hero, wish.thing), f"{wish.hero}+{wish.thing}"))
    return items


def about_stories(rng, count, kind):
    """Questions or JSON requests under a pasted story, above it, or after the model's own."""
    items = []
    while len(items) < count:
        pair = any_pair(rng, 0.4) if rng.random() < 0.5 else known_pair(rng)
        story = tell(Wish(*pair), rng, any_names=rng.random() < 0.5, filler=rng.choice((0, 0, 0.3)))
        if kind == "json":
            text, keys = objects.request(rng)
            right = (lambda truth: lambda out: out == truth)(objects.as_json(story, keys))
        else:
            key = rng.choice(questions.applies(story))
            text, right = questions.question(story, key, rng), answers(story, key)
        if rng.random() < 0.25:
            asked = user(f"Tell me a story about {a(story.slots['h'])} and {a(story.slots['t'])}.")
            messages = [*asked, {"role": "assistant", "content": story.text}, *user(text)]
        else:
            messages = user(dialogue._with_story(story, text, rng))
        items.append(Item(messages, right, text[:40]))
    return items


def main():
    """Print how many of each kind are right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--wrong", action="store_true")
    options = parser.parse_args()
    rng, model = random.Random("rehearsal"), Model(options.file, options.threads)
    parts = {
        "known nouns": stories(rng, options.count, 0.0),
        "made-up nouns": stories(rng, options.count, 1.0),
        "questions": about_stories(rng, options.count, "questions"),
        "json": about_stories(rng, options.count, "json"),
        "off topic": [
            Item(user(talk.off_topic(rng)), lambda out: says(out, "tiny") and talk.PULL in out)
            for _ in range(options.count)
        ],
    }
    for name, items in parts.items():
        given = model.answers([item.messages for item in items], options.temperature)
        print(f"{name:16}{judge(items, given, options.wrong):>4} of {len(items)}", flush=True)


if __name__ == "__main__":
    main()
