"""A story: its cast and facts, its sentences, and what can be asked about it."""

from dataclasses import dataclass, field, replace
from zlib import crc32

import words
from grammar import a, expansions, fill, sample, tidy, upper_first
from heldout import pair_is_held_out
from nouns import made_up_name, made_up_noun
from plots import ENDS, FILLERS, HOMES, INTROS, LEARNED, MORE, PLOTS, SUMMARIES, USES, WISH_PROBLEMS

TIMES = [time for template in words.TIMES for time in expansions(template)]


@dataclass
class Wish:
    """What the person asked for; None where the story may choose."""

    hero: str | None = None
    thing: str | None = None
    hero_adjective: str | None = None
    thing_adjective: str | None = None
    name: str | None = None
    place: str | None = None
    plot: str | None = None
    friend: str | None = None
    friend_name: str | None = None
    topic: str | None = None
    twins: bool = False
    short: bool = False


@dataclass
class Story:
    """A told story: `slots` holds the cast and facts, `plot` its skeleton's name."""

    plot: str
    slots: dict
    sentences: list = field(default_factory=list)
    spot_used: bool = False
    lesson_used: bool = False
    short: bool = False

    @property
    def text(self):
        """The story as one paragraph."""
        return " ".join(self.sentences)


def lean(rng, options, key, chance=0.5):
    """An option at random, but with `chance` the one that `key` points to.

    Without a lean greedy decoding would tell every story with the same plot, place and time.
    """
    if rng.random() < chance:
        return options[crc32(key.encode()) % len(options)]
    return rng.choice(options)


def known_pair(rng):
    """A known hero and a known thing that are not a held-out pair."""
    while True:
        hero = rng.choice(words.TWO_WORD_HEROES) if rng.random() < 0.03 else rng.choice(words.HEROES)
        thing = rng.choice(words.THINGS)
        if hero != thing and not pair_is_held_out(hero, thing):
            return hero, thing


def any_pair(rng, unknown=0.4):
    """A hero and a thing, each made up with the probability `unknown`."""
    hero, thing = known_pair(rng)
    if rng.random() < unknown:
        hero = made_up_noun(rng)
    if rng.random() < unknown:
        thing = made_up_noun(rng)
    return hero, thing


def _gender(noun, rng):
    last = noun.split()[-1]
    if last in words.FEMALE_NOUNS:
        return "she"
    if last in words.MALE_NOUNS:
        return "he"
    return rng.choice(("she", "he"))


def _pick_name(lists, noun, rng):
    """A name from the right list, two times in three one with the noun's first letter."""
    alike = [name for name in lists if name[0].lower() == noun[0].lower()]
    return rng.choice(alike) if alike and rng.random() < 0.67 else rng.choice(lists)


def _cast(wish, rng, any_names):
    """Choose hero and friend: nouns, names and pronouns."""
    hero = wish.hero
    pronoun = _gender(hero, rng)
    if wish.name in words.HERO_GIRLS + words.FRIEND_GIRLS:
        pronoun = "she"
    elif wish.name in words.HERO_BOYS + words.FRIEND_BOYS:
        pronoun = "he"
    heroes = words.HERO_GIRLS if pronoun == "she" else words.HERO_BOYS
    name = wish.name or _pick_name(heroes, hero, rng)
    friend = wish.friend or (hero if wish.twins else lean(rng, words.ANIMALS + words.PEOPLE, name))
    while friend == hero and not wish.twins and not wish.friend:
        friend = rng.choice(words.ANIMALS)
    friend_pronoun = _gender(friend, rng)
    friends = words.FRIEND_GIRLS if friend_pronoun == "she" else words.FRIEND_BOYS
    if any_names:  # in a pasted story nothing has to be predicted, so any name may stand anywhere
        friends = friends + heroes
    friend_name = wish.friend_name or lean(rng, friends, friend + name[0])
    while friend_name == name:
        friend_name = rng.choice(friends)
    if any_names and not wish.name and rng.random() < 0.25:
        name, friend_name = made_up_name(rng), made_up_name(rng) + "o"
    return hero, name, pronoun, friend, friend_name, friend_pronoun


OBJECT = {"she": "her", "he": "him"}
POSSESSIVE = {"she": "her", "he": "his"}


def tell(wish, rng, any_names=False, filler=0.0):
    """Write a story for a wish; `filler` is the chance of an idle sentence after each sentence."""
    hero, thing = known_pair(rng)
    while wish.hero and wish.thing is None and pair_is_held_out(wish.hero, thing):
        thing = rng.choice(words.THINGS)
    while wish.thing and wish.hero is None and pair_is_held_out(hero, wish.thing):
        hero = rng.choice(words.HEROES)
    plot = wish.plot or _plot(wish.hero or hero, wish.thing or thing, rng)
    wish = replace(wish, hero=wish.hero or hero, thing=wish.thing or thing, plot=plot)
    slots = _slots(wish, rng, any_names)
    story = Story(plot, slots, short=wish.short)
    story.sentences = (_short if wish.short else _full)(story, rng)
    story.spot_used = any(slots["spot"] in line for line in story.sentences)
    story.lesson_used = any(slots["lesson"] in line for line in story.sentences)
    if filler:
        story.sentences = _with_fillers(story.sentences, rng, filler)
    return story


def _plot(hero, thing, rng):
    """A plot that suits the thing, or one that the hero's first letter leans to."""
    suited = words.PLOTS_FOR.get(words.USE_OF.get(thing))
    if suited and rng.random() < 0.6:
        return lean(rng, suited, hero[0])
    return lean(rng, list(PLOTS), hero[0] + thing[0], 0.4)


def _place(hero, rng):
    """At home where the hero belongs; others lean by their first letters."""
    homes = words.HOME_OF.get(hero.split()[-1])
    if homes and rng.random() < 0.7:
        return rng.choice(homes)
    return lean(rng, words.PLACES, hero[:2])


def _slots(wish, rng, any_names):
    hero, name, he, friend, friend_name, fhe = _cast(wish, rng, any_names)
    thing = wish.thing
    adjective = wish.hero_adjective
    if adjective is None:
        adjective = rng.choice(words.HERO_ADJECTIVES) if rng.random() < 0.3 else ""
    thing_adjective = wish.thing_adjective
    if thing_adjective is None:
        thing_adjective = rng.choice(words.THING_ADJECTIVES) if rng.random() < 0.25 else ""
    place = wish.place or (rng.choice(words.PLACES) if any_names else _place(hero, rng))
    place2 = rng.choice([other for other in words.PLACES if other != place])
    slots = {
        "H": name,
        "h": hero,
        "ah": a(f"{adjective} {hero}".strip()),
        "F": friend_name,
        "f": friend,
        "af": a(friend),
        "t": thing,
        "T": f"{thing_adjective} {thing}".strip(),
        "a_t": a(thing),
        "A_t": upper_first(a(thing)),
        "at": a(f"{thing_adjective} {thing}".strip()),
        "he": he,
        "He": he.capitalize(),
        "his": POSSESSIVE[he],
        "him": OBJECT[he],
        "fhe": fhe,
        "Fhe": fhe.capitalize(),
        "fhis": POSSESSIVE[fhe],
        "fhim": OBJECT[fhe],
        "place": place,
        "p": place.split(" ", 1)[1],
        "place2": place2,
        "to_place2": "to " + place2.split(" ", 1)[1],
        "time": lean(rng, TIMES, thing[0] + name[0]),
        "spot": lean(rng, words.SPOTS, thing[:1] + friend_name[0]),
        "bad": lean(rng, words.BAD_FEELINGS[wish.plot], name[0]),
        "good": lean(rng, words.GOOD_FEELINGS, name[:2]),
    }
    if wish.topic:
        slots["topic"] = wish.topic
    return slots | _problem(slots, rng)


def _problem(slots, rng):
    """The friend's trouble and what the thing can do about it."""
    uses = USES[words.USE_OF.get(slots["t"], "any")]
    if rng.random() < 0.2:
        uses = USES["any"]
    problem, fix = rng.choice(uses)
    problem = problem.replace("{F}'s", "{fhis}", 1) if problem.startswith("{F}'s") else problem
    problem = "{fhe}" + problem[3:] if problem.startswith("{F} ") else problem
    return {
        "problem": problem.format_map(slots),
        "fix": fix.format_map(slots),
        "problem0": rng.choice(WISH_PROBLEMS).format_map(slots),
    }


def _full(story, rng):
    """Introduction, the plot's moments, perhaps a lesson, an ending."""
    slots = story.slots
    lesson = words.LESSONS[story.plot]
    slots["lesson"] = rng.choice(lesson)
    intro = lean(rng, INTROS, slots["h"][0])
    lines = ["This is a story about {topic}.", intro] if "topic" in slots else [intro]
    if "{place}" not in intro:
        lines.append(rng.choice(HOMES))
    moments = [lean(rng, moment, slots["F"][0] + slots["t"][0], 0.3) for moment in PLOTS[story.plot]]
    lines += [line.replace(" {place}", "") for line in moments]
    if rng.random() < 0.6:
        lines.append(rng.choice(LEARNED))
    lines.append(lean(rng, ENDS, slots["F"][0]))
    return [upper_first(fill(line, rng, slots)) for line in lines]


def _short(story, rng):
    """Three sentences: who and where, the thing, the end."""
    slots = story.slots
    slots["lesson"] = rng.choice(words.LESSONS[story.plot])
    lines = [
        "Once upon a time, {ah} named {H} lived {place}.",
        rng.choice(
            [
                "{time}, {H} found {at} {spot} and showed it to {F}, {af}.",
                "{H} had {at}, but felt {bad} until {af} named {F} came to play.",
            ]
        ),
        rng.choice(
            [
                "They shared the {t}, and {H} felt {good}.",
                "Together they had fun with the {t}, and {H} felt {good}.",
            ]
        ),
    ]
    return [upper_first(fill(line, rng, slots)) for line in lines]


def _with_fillers(lines, rng, chance):
    out = []
    for line in lines:
        out.append(line)
        while rng.random() < chance:
            out.append(tidy(sample(rng.choice(FILLERS), rng)))
    return out


def summary(story):
    """The story in one sentence."""
    return SUMMARIES[story.plot].format_map(story.slots)


def title(story, rng):
    """A title with the hero's name and the thing."""
    return f"{story.slots['H']} and the {upper_first(story.slots['t'])}"


def more(story, rng):
    """What happens next."""
    slots = dict(story.slots)
    third = rng.choice(words.ANIMALS)
    slots |= {"af2": a(third), "G": rng.choice([name for name in words.FRIEND_GIRLS if name != slots["F"]])}
    return fill(rng.choice(MORE), rng, slots)
