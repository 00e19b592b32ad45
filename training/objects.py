# ruff: noqa: E501  (one template to a line reads better than its pieces)
"""Turning a story into JSON: the requests and the objects."""

import json

from grammar import sample, tidy, upper_first
from questions import slots_for

# {k} is the list of keys, {l} the same in square brackets, {e} an empty object.
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
    "[Turn|Make|Convert|Transform|Change] the [above|story above|text above|tale] into JSON having the keys {k}[.|]",
    "[I'd like|I would like|I want|I wish|We need] to [get|have|see|receive] {k} in JSON[ format|][.|, please.|]",
    "[Produce|Write|Generate|Create|Output] JSON [containing|with|including|that has|having] {k} for [this|the|that] [story|tale|text][ above|][.|]",
    "[Parse|Read|Analyse|Take] the story: {k}[. Format: JSON|. As JSON|. JSON format|. Output JSON| - as JSON][.|]",
    "json[ please|, pls|]: {k}",
    "[Represent|Describe|Express|Show|Write down] the [story|tale] as a JSON object ({k})[.|]",
    "[Give|Hand|Send] [back|me|us] {k}, JSON only[.|, please.|]",
    "[Could|Can|May] I [have|get|see] JSON with {k} [from|for|of|out of] [that|this|the] [story|tale][, please|]?",
    "[Please|Now|] extract {k} and [format|return|output|write|put|send] them [as|in|into] JSON[.|]",
    "Make JSON out of [the story|it|this tale]. [Use the keys|The keys are|Keys:|Include|Only] {k}[.|]",
    "{k} -> JSON[ please|][.|]",
    "{k}[: | - | = ]JSON[, please|, nothing else|][.|]",
    "{k}[, |; |. ][JSON only|only JSON|just JSON|in JSON please|as a JSON object|formatted as JSON|no other text, just JSON][.|]",
    "{k} [from|of|in] [the|this|that] story [as|in|to] JSON[ format|][.|, please.|]",
    "{k} [should|must|shall] be the [keys|fields] of [the|a|your] JSON[ object|][.|]",
    "{k} [are|would be] what I need[, as JSON|, in JSON|. JSON please|. Give me JSON][.|]",
    "JSON only: {k}",
    "[Only|Just|Nothing but|Pure|Plain|Valid] JSON[: |, |, with |, keys: |, fields ]{k}[.|]",
    "output: json, keys: {k}",
    "[format|type|output|answer][=|: ]json[, |; | ][keys|fields|want|need][=|: ]{k}",
    "[A|One|Just a|Give me a|I need a] JSON object ({k})[ for this story|, please|, no other words|][.|]",
    "[Story to JSON|To JSON|Story -> JSON|Into JSON] ({k})[.|, please.|]",
    "[Return|Output|Print|Give me|Write] JSON: {{k}}",
    "[The|A] JSON [should|must|object should|needs to] [have|contain|include|list|hold] {k}[. Nothing else|. Nothing more|, nothing else| and nothing else|][.|]",
    "[Collect|Gather|Find|Get|Pick out|Pull out|Look up] {k} and [give|return|write|output|show|hand] [them|it all|everything] [as|in] JSON[.|]",
    "[Tell|Give|Show] me {k} [of|from|for] [the|this] [story|tale], but [in JSON|as JSON|use JSON|formatted as JSON][.|]",
    "[I need|I want|I am after|I'm looking for] {k}[. |, ][JSON|As JSON|In JSON|JSON format][, please|, thanks|][.|]",
    "[What are|Say|State|Note|Give] {k} in [this|the|that] story[? |, ][JSON please|reply in JSON|answer with a JSON object|as JSON][.|]",
    "[For|From] [this|the|that] story[, |: ][give me|output|list|return|extract|write] {k} [as|in] JSON[.|]",
    "[From|Using] the [story|text] above[, |: ][JSON|make JSON|a JSON object] with {k}[ please|][.|]",
    "[My program|My script|The app|Our tool|My parser] [needs|wants|expects|reads] JSON[ with|: | with the keys| containing] {k}[. Can you make it?|. Please make it.|]",
    "[Fill|Complete|Use] this [template|form|schema|pattern][ for the story|][: | - ]{e}",
    "{e} [fill this in|fill in, please|complete it|<- fill this in|with the values from the story|for this story, please][.|]",
    "[Answer|Reply|Respond] with [exactly|just|only|nothing but|] this object, [filled in|filled|completed]: {e}",
    "[Use|Follow|Keep to] the [format|shape|schema] {e} [for this story|and fill it in|and nothing else|, JSON only][.|]",
    "[Keys|Fields|Attributes|Columns|Properties][: | = | - ]{k}[. |; | | - ][Format|Output|Answer][: ]JSON[.|]",
    "[Keys|The keys|Fields|The fields] [are|shall be|should be] {k}. [Now make the JSON|Make JSON of the story|Write the JSON|JSON, please|Turn the story into JSON][.|]",
    "[Take|Use] {k} as [the keys|keys|fields|the fields] and [make|write|give me|build] [JSON|a JSON object|the JSON][ of the story| for this story|][.|]",
    "[With|Using] {k} as [the keys|keys|fields|the fields], [make|write|give me|build] [JSON|a JSON object][ of the story| for this story|][.|]",
    "JSON: {l}",
    "[Keys|Fields][ =|:|] {l}[. JSON please|, output JSON|, JSON][.|]",
    "[Extract|Return|Give me|Find] {l} [from the story|] [as|in] JSON[.|, please.|]",
    "{l} [as|in|to|->] JSON[, please|, nothing else|][.|]",
    "[Put|Write|Pack|Save|Store|Place|List] {k} [in|into|as] [a JSON object|JSON|one JSON object|an object (JSON)][ for me|, please|, thank you|][.|]",
    "[Please|Kindly|] [provide|deliver|supply|print|dump|list] {k} [of the story|from it|] [in JSON|as JSON|in JSON form|as one JSON object][, no comments|, without explanation|, nothing else|][.|]",
    "[Would|Could|Can] you [put|pack|write|format|give] {k} [in|into|as] [JSON|a JSON object][ for me|, please|]?",
    "[Could|Would] you [be so kind and|please|] [make|build|write|return] a JSON object [with|of|from|holding] {k}[ for this story|, thanks|, please|]?",
    "[JSON|json] ({k})[ please| only| pls|][.|]",
    "[JSON|json][ of| for| about] the story[: |, | with | - ]{k}[.|]",
    "[Structured data|Structured output|Machine readable|Data][, please|][: |, ]{k}[. JSON| as JSON|, in JSON format][.|]",
    "[Break|Split] the story [down|up] into {k}[, as JSON|, in JSON|. Use JSON|. JSON format][.|]",
    "[Who and what|The facts], as JSON, [please, |]with the [keys|fields] {k} [only|and no others|in this order|][.|]",
    "[Convert|Turn|Make|Transform] it[: | to JSON: | into JSON - | to JSON with ]{k}",
    "[I only need|I just want|Only|Just] {k}[, nothing else|. Nothing else|, no more|][, |. ][JSON|In JSON|As JSON][.|]",
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
    "[Turn|Make|Convert|Transform] the [above|story above|text above] into [JSON|a JSON object][.|, please.|]",
    "[I'd like|I want|I need|Give me] [it|this|the story|that] [in|as] JSON[ format|][.|, please.|]",
    "[Could|Can|May] I [have|get|see] [that|this|the story|it] [in|as] JSON[, please|]?",
    "[Same|The same|That|This|It], [but|only] [in|as] JSON[, please|][.|]",
    "[Make|Create|Produce|Build] JSON [out of|from] [the story|it|this tale|that][.|]",
    "[Represent|Describe|Express|Show] [the story|it|this tale] [in|as] JSON[.|, please.|]",
    "[JSON only|Only JSON|JSON format|JSON version|As a JSON object|JSON output][, please|][.|]",
    "[How would|How does] [this|the story|it] look [in|as] JSON?",
    "[story|this|it] [to|->|as|in] json[ pls| plz|]",
    "[Please|Now|] [return|output|print|write] [the facts|the data|the main facts|everything important] [as|in] JSON[, nothing else|][.|]",
    "[My program|My script|The app] [needs|wants] [the story|this|it] [as|in] JSON[.|]",
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
        return upper_first(tidy(sample(rng.choice(WITHOUT_KEYS), rng))), DEFAULT_KEYS
    keys = choose_keys(rng)
    text = tidy(sample(rng.choice(WITH_KEYS), rng)).replace("{l}", "[{k}]")
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
