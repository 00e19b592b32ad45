"""Turning a story into JSON: the requests and the objects."""

import json

from grammar import sample, upper_first
from questions import slots_for

# {k} is the list of keys.
WITH_KEYS = [
    "[Turn|Convert|Make|Change|Put] [this|the|that] story into JSON with [the keys|keys|the fields|fields] {k}[.|]",
    "Extract {k} as JSON[.|]",
    "Extract {k} [from the story|from this story|] as [a JSON object|JSON][.|]",
    "Give me [the|a] JSON[ object|]: {k}",
    "Give me {k} as JSON[.|]",
    "JSON with {k}[, please|][.|]",
    "[Return|Write|Output|Make|Create|Produce] [a JSON object|JSON] with [the keys |the fields |]{k}[.|]",
    "As JSON: {k}",
    "JSON: {k}",
    "[What are|List|Name|Find] {k}? [Answer in JSON|Use JSON|Answer as JSON|Reply with JSON][.|]",
    "[Write|Give me] the story as JSON with {k}[.|]",
    "[I need|I want] JSON [with the keys|with|containing] {k}[.|]",
    "Fill [in|] this JSON: {e}",
    "[Complete|Fill] the JSON {e}",
    "[Answer|Reply] [only|] [in|with] JSON[.|,|:] [Keys|keys|The keys are|Fields]: {k}",
    "{k} as JSON[, please|][.|]",
    "[Can|Could] you [give me|extract|return] {k} [as|in] JSON?",
    "[Please|] [turn|convert] it into JSON[:| with| with the keys] {k}[.|]",
    "Summarise [it|the story] as a JSON object with {k}[.|]",
    "[Make|Build] an object with {k} [in JSON|as JSON][.|]",
]
WITHOUT_KEYS = [
    "[Turn|Convert|Put|Make] [this|the|that] story into JSON[.|]",
    "[As|In] JSON[, please|][.|]",
    "Give me the JSON[.|]",
    "JSON[ please|][.|]",
    "[Make|Return|Write] a JSON object[ from the story|][.|]",
    "[Please|] [turn|convert] it into JSON[.|]",
    "Extract the facts as JSON[.|]",
    "[Can|Could] you [turn|make] [it|this] into JSON?",
    "The story as JSON[, please|][.|]",
]
DEFAULT_KEYS = ["hero", "name", "thing", "place", "friend"]
UNKNOWN_KEYS = [
    "colour",
    "age",
    "city",
    "price",
    "country",
    "year",
    "weather",
    "author",
    "mother",
    "food",
    "size",
    "language",
    "date",
]


def values(story):
    """Every key's value for a story."""
    slots = slots_for(story)
    return {
        "hero": slots["h"],
        "name": slots["H"],
        "thing": slots["t"],
        "place": slots["p"].removeprefix("the "),
        "friend": slots["F"],
        "feeling": slots["good"],
    }


def choose_keys(rng):
    """Two to five keys in a random order, now and then one that the story can not answer."""
    keys = rng.sample(["hero", "name", "thing", "place", "friend", "feeling"], rng.choice((1, 2, 3, 3, 3, 4, 4, 5)))
    if rng.random() < 0.1:
        keys.insert(rng.randrange(len(keys) + 1), rng.choice(UNKNOWN_KEYS))
    return keys


def as_json(story, keys):
    """The answer: one line of JSON, null where the story does not say."""
    known = values(story)
    return json.dumps({key: known.get(key) for key in keys}, ensure_ascii=False)


def request(rng):
    """A request and the keys that it asks for."""
    if rng.random() < 0.1:
        return upper_first(sample(rng.choice(WITHOUT_KEYS), rng)), DEFAULT_KEYS
    keys = choose_keys(rng)
    text = sample(rng.choice(WITH_KEYS), rng)
    text = text.replace("{k}", key_list(keys, rng)).replace("{e}", _empty_object(keys, rng))
    return (upper_first(text) if rng.random() < 0.8 else text), keys


def key_list(keys, rng):
    """The keys as people list them."""
    kind = rng.random()
    if kind < 0.15:
        keys = [f'"{key}"' for key in keys]
    elif kind < 0.3:
        keys = [f"the {key}" for key in keys]
    if len(keys) > 1 and rng.random() < 0.5:
        return ", ".join(keys[:-1]) + rng.choice((" and ", " and ", ", and ")) + keys[-1]
    return rng.choice((", ", ", ", ",", " ")).join(keys)


def _empty_object(keys, rng):
    blank = rng.choice(('""', "...", "null", '"..."', ""))
    return "{" + ", ".join(f'"{key}": {blank}'.strip() for key in keys) + "}"
