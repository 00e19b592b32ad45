# ruff: noqa: SIM905  (word lists read best as text)
"""The held-out exam: prompts with a check each, and the proof that training can not have written them."""

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path

import heldout
import objects
import questions
import words
from asks import NO_SUBJECT, WITH_SUBJECT
from grammar import a, expansions, patterns, upper_first
from offtopic import LISTS, NOT_A_STORY, TEMPLATES
from stories import Wish, tell
from talk import PULL, SMALL_TALK

SEED = 2026
CORPUS_MODULES = "words plots asks talk offtopic dialogue questions objects stories nouns grammar".split()


@dataclass
class Item:
    """One conversation and a function that judges the answer."""

    messages: list
    right: object
    note: str = ""


def user(text):
    """A conversation of one message."""
    return [{"role": "user", "content": text}]


def says(text, *needed):
    """Whether all words stand in the text, as words."""
    return all(re.search(rf"\b{re.escape(word.lower())}", text.lower()) for word in needed)


def is_story(text):
    """Several sentences, ended, and not the answer to something off topic."""
    return PULL not in text and len(re.findall(r"[.!?]", text)) >= 4 and text.rstrip()[-1:] in '.!?"'


def tells_of(*needed):
    """A judge: a story in which all of these stand."""
    return lambda out: is_story(out) and says(out, *needed)


def held_out_pairs(rng, count):
    """Pairs of known nouns that the corpus never puts together."""
    pairs = [
        (hero, thing)
        for hero in words.HEROES
        for thing in words.THINGS
        if heldout.pair_is_held_out(hero, thing) and hero not in thing and thing not in hero
    ]
    return rng.sample(pairs, count)


def unseen_pairs(rng, count):
    """Pairs of nouns that stand nowhere in the corpus."""
    return [(rng.choice(heldout.UNSEEN_HEROES), rng.choice(heldout.UNSEEN_THINGS)) for _ in range(count)]


def story_items(pairs):
    """Requests in held-out and common wordings; hero and thing must both be in the story."""
    items = []
    for i, (hero, thing) in enumerate(pairs):
        wording = heldout.REQUESTS[i % len(heldout.REQUESTS)]
        text = upper_first(wording.format(s=f"{a(hero)} and {a(thing)}", b=f"{hero} and {thing}"))
        items.append(Item(user(text), tells_of(hero, thing), f"{hero}+{thing}"))
    return items


def capital_items(pairs):
    """Requests in capitals: to the model another alphabet."""
    return [
        Item([{**message, "content": message["content"].upper()} for message in item.messages], item.right, item.note)
        for item in story_items(pairs)
    ]


def _story(rng, pair=None, **wish):
    """A held-out story to ask about."""
    hero, thing = pair or held_out_pairs(rng, 1)[0]
    any_names = rng.random() < 0.5
    return tell(Wish(hero, thing, **wish), rng, any_names=any_names, filler=rng.choice((0, 0, 0.3)))


def _with_story(story, ask, rng, kind):
    """Ask after the model's own story, under a pasted one, or above it."""
    if kind == 0:
        hero, thing = story.slots["h"], story.slots["t"]
        asked = user(f"Tell me a story about {a(hero)} and {a(thing)}.")
        return [*asked, {"role": "assistant", "content": story.text}, *user(ask)]
    if kind == 1:
        return user(f"{story.text}\n\n{ask}")
    return user(f"{ask}\n\n{story.text}")


def question_items(rng, count):
    """Questions in held-out wordings about held-out stories."""
    items = []
    keys = list(heldout.QUESTIONS)
    while len(items) < count:
        key = keys[len(items) % len(keys)]
        story = _story(rng)
        if key not in questions.applies(story):
            continue
        wording = heldout.QUESTIONS[key][(len(items) // len(keys)) % len(heldout.QUESTIONS[key])]
        ask = upper_first(wording.format_map(questions.slots_for(story)))
        messages = _with_story(story, ask, rng, (0, 1, 1, 2)[len(items) % 4])
        items.append(Item(messages, answers(story, key), key))
    return items


def answers(story, key):
    """A judge: all needed words, and no name that the right answer does not have."""
    truth = questions.answer(story, key)
    wrong = [story.slots[name] for name in "HF" if story.slots[name] not in truth]
    needed = questions.needed(story, key)
    return lambda out: says(out, *needed) and not any(says(out, name) for name in wrong)


def object_items(rng, count):
    """JSON in held-out wordings: parsed, exactly the keys, exactly the values."""
    items = []
    for i in range(count):
        story = _story(rng)
        keys = rng.sample(["hero", "name", "thing", "place", "friend", "feeling"], rng.choice((2, 3, 3, 4)))
        listed = ", ".join(keys[:-1]) + " and " + keys[-1]
        ask = heldout.OBJECTS[i % len(heldout.OBJECTS)].format(k=listed if i % 2 else ", ".join(keys))
        known = objects.values(story)
        messages = _with_story(story, ask, rng, (0, 1, 1, 2)[i % 4])
        items.append(Item(messages, _same_object({key: known[key] for key in keys}), listed))
    return items


def _same_object(truth):
    def right(out):
        try:
            return json.loads(out) == truth
        except ValueError:
            return False

    return right


def off_topic_items():
    """Messages that are no story request: the answer names itself and the command."""
    return [Item(user(text), lambda out: "tiny" in out and PULL in out) for text in heldout.OFF_TOPIC]


def small_talk_items():
    """Hello, thanks, who are you."""
    items = [
        Item(user(text), lambda out, w=any_of: any(word in out for word in w))
        for text, any_of in heldout.SMALL_TALK.items()
    ]
    return items + [Item(user(text), lambda out: "no story" in out) for text in heldout.NO_STORY]


def opening_items():
    """No noun at all: still a story."""
    return [Item(user(text), is_story) for text in heldout.OPENINGS]


def detail_items(rng, count):
    """Adjectives and names that were asked for are in the story, and no other adjective before the thing."""
    items = []
    for i, (hero, thing) in enumerate(held_out_pairs(rng, count)):
        brave, shiny = rng.choice(words.HERO_ADJECTIVES), rng.choice(words.THING_ADJECTIVES)
        name = rng.choice(words.HERO_GIRLS + words.HERO_BOYS)
        text = (
            f"Tell me a story about {a(hero)} named {name} and {a(f'{shiny} {thing}')}."
            if i % 2
            else f"Write a story about {a(f'{brave} {hero}')} and {a(f'{shiny} {thing}')}"
        )
        needed = (name, hero, f"{shiny} {thing}") if i % 2 else (f"{brave} {hero}", f"{shiny} {thing}")
        items.append(Item(user(text), tells_of(*needed), text))
    return items


def one_noun_items(rng, count):
    """A single noun, known or not."""
    items = []
    for i in range(count):
        noun = (rng.choice(words.HEROES), rng.choice(words.THINGS), rng.choice(heldout.UNSEEN_HEROES))[i % 3]
        wordings = ("Tell me a story about {}.", "{} story", "I would love a tale with {} in it", "A bedtime story: {}")
        text = wordings[i % 4].format(noun if i % 2 else a(noun))
        items.append(Item(user(text), tells_of(noun), noun))
    return items


def long_items(rng, count, length, tokens):
    """A question at the end of a conversation of more than `tokens` tokens about its latest story."""
    items = []
    while len(items) < count:
        messages, size = [], 0
        while size < tokens:
            story = _story(rng)
            turn = _with_story(story, "Tell me another story.", rng, 0)[:2]
            messages, size = messages + turn, length(messages + turn)
        usable = [key for key in questions.applies(story) if key in heldout.QUESTIONS]
        key = rng.choice(usable)
        ask = upper_first(rng.choice(heldout.QUESTIONS[key]).format_map(questions.slots_for(story)))
        items.append(Item(messages + user(ask), answers(story, key), key))
    return items


def variety(stories):
    """How different the stories are: names of heroes and friends, places, and heroes with their friend's name."""
    names = [re.findall(r"(?:named|called|name was) ([A-Z][a-z]+)", story) for story in stories]
    pairs = [found[:2] for found in names if len(found) > 1]
    same = sum(first == second for first, second in pairs)
    heroes, friends = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    starts = ["".join(story.split(".")[:2]) for story in stories]
    places = {place for place in words.PLACES if any(place in start for start in starts)}
    return f"{len(heroes)} heroes' names, {len(friends)} friends', {len(places)} places, {same} namesakes"


def normal(text):
    """Case and final punctuation do not make a wording new."""
    return re.sub(r"\W+$", "", text.lower()).strip()


def overlaps():
    """Everything held out that the corpus could have written; empty when the exam is fair."""
    found = []
    here = Path(__file__).parent
    source = " ".join((here / f"{name}.py").read_text() for name in CORPUS_MODULES)
    spoken = set(re.findall(r"[a-z]+", source.lower()))
    found += [f"noun {noun}" for noun in heldout.UNSEEN if noun in spoken]
    wordings = [template for entry in questions.QUESTIONS.values() for template in entry[0]]
    known = {normal(line) for template in wordings for line in expansions(template)}
    for templates in heldout.QUESTIONS.values():
        found += [f"question {text}" for text in templates if normal(text) in known]
    known = {normal(line) for template in objects.WITH_KEYS for line in expansions(template)}
    found += [f"json {text}" for text in heldout.OBJECTS if normal(text) in known]
    known = {normal(line) for template in WITH_SUBJECT + NO_SUBJECT for line in expansions(template)}
    found += [f"request {text}" for text in heldout.REQUESTS if normal(text) in known]
    small = [message for messages, _ in SMALL_TALK.values() for message in messages]
    found += _messages_written_by(TEMPLATES + NOT_A_STORY + small)
    return found


def _messages_written_by(templates):
    """Held-out messages that one of the templates could write, with any word at all in its slots."""
    messages = heldout.OFF_TOPIC + list(heldout.SMALL_TALK)
    found = []
    for template in templates:
        if not re.sub(r"\{\w+\}|\W", "", template):
            continue  # slots and nothing else
        for opening, body in patterns(template, _slot_expression):
            for text in messages:
                if text.lower().startswith(opening) and re.fullmatch(body, text, re.IGNORECASE):
                    found.append(f"message {text} ~ {body}")
    return found


def _slot_expression(name):
    """What can stand in a slot: digits, a word of its list, or one made-up word."""
    if name == "n":
        return r"[\d.]+"
    listed = "|".join(re.escape(word) for word in LISTS.get(name, []))
    return r"(?:an? )?(?:[\w'-]+" + (f"|{listed})" if listed else ")")


def exam(length):
    """Name -> items, the five goals first. `length` counts the tokens of a conversation."""
    rng = random.Random(SEED)
    return {
        "known nouns": story_items(held_out_pairs(rng, 100)),
        "unseen nouns": story_items(unseen_pairs(rng, 100)),
        "story questions": question_items(rng, 100),
        "json": object_items(rng, 100),
        "off topic": off_topic_items(),
        "in capitals": capital_items(held_out_pairs(rng, 40)),
        "long conversation": long_items(rng, 40, length, 720),
        "one noun": one_noun_items(rng, 40),
        "adjectives, names": detail_items(rng, 40),
        "no noun": opening_items(),
        "small talk": small_talk_items(),
    }


GOALS = {"known nouns": 0.98, "unseen nouns": 0.85, "story questions": 0.90, "json": 0.95, "off topic": 0.95}
