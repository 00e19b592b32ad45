# ruff: noqa: SIM905  (word lists read best as text)
"""Made-up nouns and names, so that the model learns to copy what it does not know."""

from heldout import UNSEEN
from words import HEROES, THINGS

ONSETS = """b bl br c ch cl cr d dr f fl fr g gl gr h j k kl kn l m n p ph pl pr qu r s sc sh sk sl sm sn sp st str
sw t th tr tw v w wh y z zw""".split()
ONSETS += ["", ""]  # or none
NUCLEI = "a e i o u ai ea ee oa oo ou a e i o u y".split()
CODAS = """b ck d ff g l ll m n nd ng nk nt p r rd rk rm rn rt s sh ss st t th x zz mp lf lt""".split()
CODAS += [""] * 12
ENDINGS = """er or le el et on in ist ian man ling ard ock ane ine oid ette ical ometer ator ory ing ship ment board
phone case fish bird hound berry stick light horn wheel bug bot""".split()
LETTERS = "aaabcddeeefghiijkklmnnooopqrrsstttuuvwxyz"
KNOWN = sorted(word for word in HEROES + THINGS if len(word) > 3 and word.isalpha())
KNOWN_SET = frozenset(HEROES) | frozenset(THINGS)


def made_up_noun(rng):
    """A noun that is in no list: syllables, halves of known nouns, or letters."""
    while True:
        word = _candidate(rng)
        fresh = word not in UNSEEN and word not in KNOWN_SET
        spoken = any(letter in "aeiouy" for letter in word) or rng.random() < 0.1
        if fresh and spoken and 3 <= len(word) <= 13:
            return word


def _candidate(rng):
    kind = rng.random()
    if kind < 0.4:
        return syllables(rng, rng.choice((1, 2, 2, 2, 3, 3)))
    if kind < 0.55:
        return syllables(rng, rng.choice((1, 2))) + rng.choice(ENDINGS)
    if kind < 0.9:
        return _blend(rng)
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(3, 9)))


def syllables(rng, count):
    """`count` random syllables."""
    return "".join(
        rng.choice(ONSETS) + rng.choice(NUCLEI) + (rng.choice(CODAS) if rng.random() < 0.6 else "")
        for _ in range(count)
    )


def _blend(rng):
    """The front of one known noun and the back of another: as close to English as nonsense gets."""
    front, back = rng.choice(KNOWN), rng.choice(KNOWN)
    return front[: rng.randint(1, len(front) - 1)] + back[rng.randint(1, len(back) - 2) :]


def made_up_name(rng):
    """A capitalised name that is in no list."""
    while True:
        name = syllables(rng, rng.choice((1, 2, 2))) + rng.choice(("", "", "a", "o", "y", "ie"))
        if 3 <= len(name) <= 9 and name not in UNSEEN:
            return name.capitalize()
