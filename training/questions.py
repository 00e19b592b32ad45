"""Questions about a story: per fact its wordings and its answer.

An answer form is one fixed sentence per fact. `needs` in evaluation is derived from the slots named in KEYS.
Slots as in plots.py; `who` is the hero's name or "the fox".
"""

from grammar import fill, sample, upper_first

# fact -> (wordings, answer, slots that a right answer must name, plots it fits; None: all)
QUESTIONS = {
    "about": (
        [
            "[Who|What] is the story about?",
            "Who is [the|this] story about?",
            "Who is the [hero|main character|star] [of the story|]?",
            "Who is the hero [here|in this story|of this tale]?",
            "[Tell me who|Who] the story is about[.|?]",
            "Which [character|one] is the main character?",
            "Who [plays the main part|is it about]?",
            "About whom is the story?",
            "Name the hero[.|]",
            "[So|And] who is the main character?",
        ],
        "The story is about {H} the {h}.",
        "H h",
        None,
    ),
    "name": (
        [
            "What is the {h} called?",
            "What is the name of the {h}?",
            "What's the {h}'s name?",
            "What was the {h} called?",
            "[What is|What's] the [hero|main character] called?",
            "What is the [hero|main character]'s name?",
            "What name does the {h} have?",
            "How is the {h} called?",
            "[Tell me|Give me] the {h}'s name[.|]",
            "[Do you know|Can you tell me] what the {h} is called?",
            "The {h} is called what?",
            "What name did the {h} have?",
            "Name of the [hero|{h}]?",
            "[And|So] what was the name of the {h}?",
        ],
        "The {h} is called {H}.",
        "H",
        None,
    ),
    "kind": (
        [
            "What is {H}?",
            "[What kind of|Which] [animal|creature|hero] is {H}?",
            "What was {H}?",
            "Who is {H}?",
            "Who was {H}?",
            "What [kind|sort] of [creature|character|being] [is|was] {H}?",
            "[Tell me|Say] what {H} is[.|]",
            "Is {H} [an animal|a person]?",
            "[Do you know|Can you say] what {H} is?",
        ],
        "{H} is {ah0}.",
        "H h",
        None,
    ),
    "friend": (
        [
            "What is the friend called?",
            "What is the [friend's name|name of the friend]?",
            "What was the friend called?",
            "[What is|What's] the name of {H}'s friend?",
            "Who is {H}'s friend?",
            "Who did {H} meet?",
            "Whom did {H} meet?",
            "Who [does|did] the {h} meet?",
            "What is {H}'s friend called?",
            "What is the other [one|character|animal] called?",
            "Who else is in the story?",
            "Who is the [other|second] character?",
            "[Tell me|Give me] the name of the friend[.|]",
            "Who became {H}'s friend?",
            "Which friend [does|did] {H} have?",
            "With whom did {H} make friends?",
            "Name the friend[.|]",
            "[And|So] who is the friend?",
            "Does {H} have a friend?",
            "What name did the friend have?",
        ],
        "The friend is {F} the {f}.",
        "F f",
        None,
    ),
    "friend_kind": (
        [
            "What is {F}?",
            "What kind of [animal|creature|character] is {F}?",
            "Who is {F}?",
            "Who was {F}?",
            "What was {F}?",
            "[Which|What] animal is {F}?",
            "What sort of [creature|being] [is|was] {F}?",
            "[Tell me|Say] what {F} is[.|]",
            "[Do you know|Can you say] what {F} is?",
        ],
        "{F} is {af}.",
        "F f",
        None,
    ),
    "place": (
        [
            "Where does the story [happen|take place|play]?",
            "Where is the story set?",
            "Where did it [all|] happen?",
            "Where are we in this story?",
            "Where does it take place?",
            "What is the place of the story?",
            "Where did this happen?",
            "[Tell me|Say] where it happened[.|]",
            "Where is it set?",
            "Where does this [story|tale] happen?",
            "In which place does it happen?",
        ],
        "It happens {place}.",
        "place",
        None,
    ),
    "home": (
        [
            "Where did {H} live?",
            "Where does {H} live?",
            "Where [does|did] the {h} live?",
            "Where is {H}'s home?",
            "In [what|which] place does {H} live?",
            "Where can {H} be found?",
            "Where was {H}?",
            "Where was the {h}?",
            "[Tell me|Say] where {H} lived[.|]",
            "[Do you know|Can you tell me] where {H} lives?",
            "Where would I find {H}?",
            "Where was {H} at home?",
            "[And|So] where does {H} live?",
            "Where is {H}?",
            "Where was the home of the {h}?",
        ],
        "{H} lived {place}.",
        "place",
        None,
    ),
    "thing": (
        [
            "What thing is in the story?",
            "[Which|What] [thing|object] is [important|in the story]?",
            "What [object|thing] does the story talk about?",
            "[Which|What] object is it about?",
            "What is the important [thing|object]?",
            "What thing is the story about?",
            "[Name|Tell me] the [thing|object] in the story[.|]",
            "Which thing matters most?",
            "What object plays a part?",
            "What is the story about, apart from {H}?",
            "What item is in the story?",
        ],
        "The thing in the story is {at0}.",
        "t",
        None,
    ),
    "lost": (
        [
            "What did {H} lose?",
            "What did the {h} lose?",
            "What was lost?",
            "What got lost?",
            "What is missing?",
            "What was missing?",
            "What has {H} lost?",
            "[Which|What] [thing|object] did {H} lose?",
            "What could {H} not find?",
            "What was {H} looking for?",
            "What was gone?",
            "What did they look for?",
            "What did they search for?",
            "[Tell me|Say] what {H} lost[.|]",
            "What disappeared?",
        ],
        "{H} lost the {t}.",
        "t",
        ["lose"],
    ),
    "found": (
        [
            "What did {H} find?",
            "What did the {h} find?",
            "What was found?",
            "[Which|What] [thing|object] did {H} find?",
            "What has {H} found?",
            "What was lying {spot}?",
            "What did {H} see {spot}?",
            "[Tell me|Say] what {H} found[.|]",
            "What did {H} discover?",
        ],
        "{H} found the {t}.",
        "t",
        ["owner"],
    ),
    "spot": (
        [
            "Where was the {t}?",
            "Where was the {t} found?",
            "Where did they find the {t}?",
            "Where did {F} find the {t}?",
            "In [what|which] spot was the {t}?",
            "Where had the {t} been?",
            "Where was it found?",
            "Where was it hidden?",
            "Where did the {t} turn up?",
            "[Tell me|Say] where the {t} was[.|]",
            "[Do you know|Can you tell me] where the {t} was?",
            "Where was it?",
        ],
        "The {t} was {spot}.",
        "spot",
        ["lose", "owner"],
    ),
    "helper": (
        [
            "Who helped {H}?",
            "Who helps {H}?",
            "Who helped the {h}?",
            "Who helped?",
            "Who came to help?",
            "Who gave {H} help?",
            "Who was the helper?",
            "By whom was {H} helped?",
            "[Did|Does] [anyone|somebody] help {H}?",
            "[Tell me|Say] who helped[.|]",
            "[Do you know|Can you tell me] who helped {H}?",
            "Who was there for {H}?",
            "Who lent {H} a hand?",
        ],
        "{F} the {f} helped {H}.",
        "F f",
        ["lose", "plan", "show", "mend"],
    ),
    "helped": (
        [
            "Who did {H} help?",
            "Whom did {H} help?",
            "Who was helped?",
            "Who needed help?",
            "Who did the {h} help?",
            "Who got help?",
            "Whom does {H} help?",
            "[Tell me|Say] whom {H} helped[.|]",
            "Who was in trouble?",
            "Who had a problem?",
        ],
        "{H} helped {F} the {f}.",
        "F f",
        ["help"],
    ),
    "problem": (
        [
            "What was the problem?",
            "What was {F}'s problem?",
            "What problem did {F} have?",
            "What was wrong with {F}?",
            "Why did {F} need help?",
            "Why was {F} {bad}?",
            "Why did {F} feel {bad}?",
            "What had happened to {F}?",
            "What trouble was {F} in?",
            "[Do you know|Can you tell me] why {F} was {bad}?",
            "For what reason was {F} {bad}?",
        ],
        "{F} was {bad}, because {problem}.",
        "problem",
        ["help"],
    ),
    "owner": (
        [
            "Whose {t} was it?",
            "Who had lost the {t}?",
            "Who lost the {t}?",
            "To whom did the {t} belong?",
            "Who owned the {t}?",
            "Who was the owner?",
            "Whose was it?",
            "Who got the {t} back?",
            "Who was missing the {t}?",
            "Who did the {t} belong to?",
            "Who is the owner of the {t}?",
        ],
        "The {t} belonged to {F} the {f}.",
        "F f",
        ["owner"],
    ),
    "gift": (
        [
            "What did {H} give {F}?",
            "What was the present?",
            "What was the gift?",
            "What present did {F} get?",
            "What did {F} get?",
            "What did {F} get from {H}?",
            "Which present did {H} bring?",
            "What did {H} bring?",
            "What was in the present?",
            "What did {H} give to the {f}?",
        ],
        "{H} gave {F} the {t}.",
        "t",
        ["gift"],
    ),
    "broke": (
        [
            "What broke?",
            "What was broken?",
            "What did {H} break?",
            "What did the {h} break?",
            "[Which|What] thing broke?",
            "What got broken?",
            "What did they mend?",
            "What had to be mended?",
            "What did {H} borrow?",
        ],
        "{H} broke the {t}.",
        "t",
        ["mend"],
    ),
    "used": (
        [
            "How did {H} help {F}?",
            "What did {H} use to help?",
            "With what did {H} help?",
            "What did {H} help {F} with?",
            "What did {H} do?",
            "What did {H} use?",
            "What did {H} do for {F}?",
            "How was {F} helped?",
            "How did the {h} help?",
            "How did {H} solve the problem?",
        ],
        "{H} helped {F} with the {t}.",
        "t",
        ["help"],
    ),
    "bad": (
        [
            "How did {B} feel at first?",
            "How did {B} feel in the beginning?",
            "How was {B} feeling at first?",
            "How was {B} at first?",
            "What did {B} feel at first?",
            "How did {B} feel before that?",
            "Was {B} happy at first?",
            "How did {B} feel before it got better?",
            "How did {B} feel at the beginning?",
            "What was {B}'s feeling at first?",
            "In what mood was {B} at first?",
        ],
        "At first, {B} felt {bad}.",
        "B bad",
        None,
    ),
    "good": (
        [
            "How did {C} feel [at the end|in the end]?",
            "How does {C} feel [at the end|in the end|now]?",
            "How was {C} feeling [at the end|in the end]?",
            "What did {C} feel at the end?",
            "Was {C} happy in the end?",
            "How did {C} feel when it was over?",
            "How did it end for {C}?",
            "How did {C} feel afterwards?",
            "How did {C} feel after that?",
            "What was {C}'s feeling at the end?",
            "In what mood was {C} at the end?",
        ],
        "At the end, {C} felt {good}.",
        "C good",
        None,
    ),
    "lesson": (
        [
            "What did {H} learn?",
            "What is the [lesson|moral] [of the story|]?",
            "What does {H} learn?",
            "What did the {h} learn?",
            "What can we learn from [it|this|the story]?",
            "What does {H} know now?",
            "[And|So] what is the moral?",
            "What does the story teach [us|]?",
            "What lesson did {H} learn?",
        ],
        "{H} learned that {lesson}.",
        "lesson",
        None,
    ),
    "when": (
        [
            "When did it happen?",
            "When does the story happen?",
            "When was that?",
            "When did it [start|begin]?",
            "[On what day|At what time] did it happen?",
            "When was it?",
            "[Tell me|Say] when it happened[.|]",
        ],
        "It happened {time0}.",
        "time0",
        None,
    ),
}
# Who feels bad and who feels good, by plot.
FRIEND_IS_SAD = ("owner", "help", "wish")
SUMMARY_ASKS = [
    "Summarise the story[.|]",
    "Sum up the story[ in one sentence|][.|]",
    "Give me a [short|] summary[ of the story|][.|]",
    "What happens in the story?",
    "Tell me the story in one sentence[.|]",
    "Can you summarise [it|this story|the story]?",
    "Summarize [this|the|it][ story|][.|]",
    "What is this story about in short?",
    "Make it shorter[.|]",
    "Retell it in one sentence[.|]",
    "What happened?",
    "TLDR",
    "Short version[?|, please.]",
]
TITLE_ASKS = [
    "Give it a title[.|]",
    "What would be a good title?",
    "[Find|Think of|Suggest] a title[ for the story|][.|]",
    "What is the title?",
    "What should we call the story?",
    "A title, please[.|]",
    "Title?",
]
MORE_ASKS = [
    "What happens next?",
    "And then?",
    "Then what?",
    "Go on[.|]",
    "[Please|] continue[ the story|][.|]",
    "Tell me more[.|]",
    "What did they do [then|next]?",
    "More[,| ] please[.|]",
    "How does it go on?",
    "Keep going[.|]",
    "What happened after that?",
]


def applies(story):
    """The facts that can be asked about this story."""
    keys = []
    for key, (_, _, _, plots) in QUESTIONS.items():
        if (plots is None or story.plot in plots) and _told(story, key):
            keys.append(key)
    return keys


def _told(story, key):
    """Whether the story's text holds the answer."""
    if story.short:
        return key in ("about", "name", "kind", "friend", "friend_kind", "place", "home", "thing", "good")
    if key == "spot":
        return story.spot_used
    if key == "lesson":
        return story.lesson_used
    return True


def slots_for(story):
    """The story's slots with the few that only questions and answers need."""
    slots = dict(story.slots)
    slots["B"] = slots["F"] if story.plot in FRIEND_IS_SAD else slots["H"]
    good_is_friend = story.plot in ("owner", "help", "wish") and not story.short
    slots["C"] = slots["F"] if good_is_friend else slots["H"]
    time = slots["time"]
    slots["time0"] = time[:1].lower() + time[1:]
    slots["ah0"], slots["at0"] = slots["ah"], slots["at"]
    return slots


def question(story, key, rng):
    """A wording of the question."""
    return upper_first(fill(rng.choice(QUESTIONS[key][0]), rng, slots_for(story)))


def answer(story, key):
    """The answer, one short sentence."""
    return upper_first(QUESTIONS[key][1].format_map(slots_for(story)))


def needed(story, key):
    """The words that a right answer must hold."""
    slots = slots_for(story)
    return [slots[name] for name in QUESTIONS[key][2].split()]


def wording(templates, rng):
    """One of several templates without slots."""
    return upper_first(sample(rng.choice(templates), rng))
