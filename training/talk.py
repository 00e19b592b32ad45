# ruff: noqa: E501  (one template or list to a line reads better than its pieces)
"""Small talk about itself, and messages that are not about stories at all (with their one kind of answer)."""

import re

import words
from grammar import a, sample, tidy, upper_first
from nouns import made_up_name, made_up_noun
from offtopic import CODE, FOREIGN, LISTS, NOT_A_STORY, TEMPLATES

PULL = "infer pull qwen3:4b"

# kind -> (messages, answers)
SMALL_TALK = {
    "hello": (
        [
            "[Hello|Hi|Hey|Hi there|Good morning|Good evening|Hello there|Howdy|Hey there|Good day|Yo|Hiya|Greetings|Hello tiny|Hi tiny]",
            "[Hello|Hi|Hey], how are you",
            "How are you[ today| doing|]",
            "What's up",
            "[Hello|Hi], [anyone there|are you there|who is there]",
            "Nice to meet you",
            "[Hello|Hi|Hey|Hello again|Hi again], [friend|my friend|buddy|dear|little one|you|model|bot]",
            "[Hello|Hi|Hey] [friend|my friend|buddy|there, tiny|little model|everyone|again]",
            "[How is|How's] it going",
            "[Hello|Hi|Hey], how [is it going|do you do|are things|is your day|have you been]",
            "Good [afternoon|night, are you awake|morning to you|evening to you|morning, tiny|afternoon, tiny]",
            "[How do you do|How have you been|How are things|How is your day|Are you well|All good]",
            "[Pleased|Good|Glad|Happy] to [meet|see|hear from] you[, tiny|]",
            "[Is anybody there|Anyone home|Are you there|Are you awake|Can you hear me]",
            "[heya|hallo|helloo|hiii|hey ho|sup|wassup|hello world, I mean you|morning|evening|hi hi]",
            "I am [new|back|here][, hello| again|, hi|]",
            "[Hi|Hello], my name is [Tom|Anna|Peter|Laura|Sam]",
            "Say [hello|hi][ to me|]",
        ],
        [
            "Hello! I am tiny, and I tell stories. Who should be in yours?",
            "Hello! I am tiny. Give me a hero and a thing, and I will tell you a story.",
        ],
    ),
    "who": (
        [
            "[Who|What] are you",
            "What is your name",
            "What's your name",
            "Who am I talking to",
            "Tell me about yourself",
            "Are you [a robot|an AI|a person|human|ChatGPT|a language model|real|alive]",
            "What [kind of|] model are you",
            "Which model [is this|are you]",
            "Who [made|trained|built] you",
            "How [big|large|old|small] are you",
            "Introduce yourself",
            "What is tiny",
            "What is infer",
            "Are you [smart|clever|big|small]",
            "How many parameters do you have",
            "Where do you [live|run|come from]",
            "Do you need the internet",
            "What is this",
            "[Who|What] [are you exactly|exactly are you|are you really|is tiny exactly|am I chatting with|is this I am talking to]",
            "Which [language model|LLM|AI|program|bot|version|assistant] [am I talking to|is this|are you|am I using|do I talk to]",
            "What [language model|LLM|AI|program|sort of model|kind of program|kind of thing] [are you|is this|am I talking to]",
            "[Please|] [describe|introduce|explain] yourself[ please| in one sentence|]",
            "[Can|Could] you [introduce yourself|tell me who you are|say who you are|tell me your name]",
            "[Do|Did] you have a name",
            "[Who|Which company] [is your maker|created you|wrote you|programmed you|is behind you|developed you]",
            "Are you [Qwen|Mistral|GPT|Claude|Gemini|Siri|a bot|a chatbot|a computer|a machine|a program|tiny|an LLM]",
            "[Am I talking to|Is this] [a human|a person|a machine|an AI|a bot|ChatGPT|tiny|infer|a real model]",
            "[What were|How were|On what were|When were] you [trained|made|trained on|built]",
            "How [many layers|much memory|many weights|many megabytes|much data] [do you have|do you need]",
            "So [who|what] are you[ then|]",
        ],
        [
            "I am tiny, the small model inside infer. I was trained to tell short stories and to answer questions about them.",
            "I am tiny, a very small language model that lives inside infer and tells stories.",
        ],
    ),
    "can": (
        [
            "What can you do",
            "What are you [good|made|good at|there] for",
            "[How|What] can you help[ me|]",
            "What do you know",
            "Help",
            "help me",
            "What should I [ask|type|say]",
            "How do you work",
            "How does this work",
            "Which things can you do",
            "What are your skills",
            "[Do you have|Are there] any examples",
            "Give me an example",
            "What can I ask[ you|]",
            "What else can you do",
            "How do I use [you|this]",
            "Can you do anything else",
            "Are you useful",
            "What [sort|kind|kinds] of [things|tasks|questions|requests|work] can you [do|handle|answer|solve]",
            "[So|And|Well,|] what are you able to do[ for me| for us|]",
            "What [can|could|would] you do for [me|us|my kids]",
            "[Tell|Show] me what you can do",
            "[What|Which things|What tasks] are you [able to do|capable of|useful for|best at]",
            "[List|Name|Explain|Describe] your [skills|abilities|features|functions|talents|commands]",
            "What is [your job|your purpose|your talent|possible here|your task]",
            "What can [I|we|one] [do|try|use you for|do with you|say to you|expect] here",
            "What can I [use|do with] [you|this|tiny] for",
            "[How can|What can] [you be of help|you offer|you help with|you help me with]",
            "I [don't know|have no idea] what to [ask|say|type|do]",
            "[Any tips|Any hints|Instructions|Help please|Usage|Options|Commands|Menu|Manual|How do I start]",
        ],
        [
            "I can tell a story about a hero and a thing, answer questions about a story, and turn it into JSON. Try: a story about a fox and a lantern.",
            "I tell short stories, answer questions about them and turn them into JSON. For more, get a real model: "
            + PULL,
        ],
    ),
    "thanks": (
        [
            "[Thanks|Thank you|Thank you very much|Thanks a lot|Great, thanks|Cool, thanks|Many thanks|thx|Thank you so much|Thanks, tiny]",
            "[That was|That's|What] a [nice|lovely|great|good|funny|wonderful] story",
            "[Nice|Great|Well done|Cool|Lovely|Wonderful|Awesome|Perfect|Beautiful|Good job|Good|I like it|I love it|I liked that|We liked it]",
            "My [daughter|son] [loved|liked] it",
            "Ok",
            "Okay",
            "[That was|That is] [nice|lovely|great|good|funny]",
            "[Thank you|Thanks][,|] [that was|this was|it was] [sweet|so nice|lovely|very kind|great fun|wonderful|helpful|just right]",
            "[Thanks|Thank you] [so much|a million|a bunch|again|ever so much|for that|for the story|for your help|very much indeed]",
            "[That|This|It] was [sweet|so sweet|cute|adorable|very nice|amazing|exciting|just right|beautiful|fun]",
            "[Much|Very much] appreciated",
            "[I am|We are] [grateful|so happy|impressed|delighted]",
            "[We|The kids|The children|They|My kids|Everyone] [loved|liked|enjoyed] [it|that|the story|that story]",
            "[How|So|Very|Really] [sweet|nice|lovely|cute|kind of you|funny|beautiful|good]",
            "[Bravo|Hooray|Yay|Wow|Super|Excellent|Brilliant|Fantastic|Sweet|Cute|Neat|Marvellous|Amazing]",
            "[You are|You're] [great|the best|sweet|funny|good at this|kind|wonderful|clever]",
            "[Good|Nice|Great|Lovely|Excellent] [work|one|story|tale|answer|ending]",
            "[ty|tysm|thank u|thanx|cheers|merci|danke|Thanks tiny|Thank you tiny|Thanks, friend]",
        ],
        ["You are welcome! Shall I tell another story?", "I am glad! Who should be in the next story?"],
    ),
    "bye": (
        [
            "[Bye|Goodbye|Good bye|Bye bye|Good night|See you|See you later|See you tomorrow|I have to go|Ciao|Farewell|That's all|Sleep well|I am done|Stop|quit|exit]",
            "[Bye|Goodbye|Ciao|See you|Cheerio] [for now|then|tiny|my friend|and thanks|all|everyone]",
            "[Bye|Goodbye|Good night], [tiny|friend|little model|see you soon|sleep well|take care|thanks for the story]",
            "[I am|I'm] [off|leaving|going to bed|going now|going to sleep|tired, good night|out of here]",
            "[Talk|Speak|See|Catch] [to you|you] [later|soon|tomorrow|next time]",
            "[Until|Till] [next time|tomorrow|then|we meet again|later]",
            "[Take care|So long|Cheerio|Bye-bye|Byebye|cya|ttyl|Later|Adieu|Have a nice day|Have a good night|Sweet dreams|Nighty night]",
            "[I have to|I must|I need to|We have to|We must] [leave|sleep|go to bed|go now|stop|go home]",
            "[That's|That is|That was] [all|it|enough|everything] for [today|now|tonight]",
            "[It is|It's] [time to go|late|bedtime for me, good night|time for bed, bye]",
            "Good night[ everyone| to you| and thank you| my friend]",
        ],
        ["Goodbye! Come back when you need a story.", "Good night! Sweet dreams."],
    ),
    "bad": (
        [
            "[That was|That is|It was] [boring|bad|wrong|silly|too short|stupid|terrible|nonsense]",
            "I [don't|do not|did not] like [it|that|this story|the story]",
            "You are [stupid|dumb|bad|wrong|boring]",
            "[Wrong|No|Boring|Bad story|Nonsense]",
            "That makes no sense",
            "[That was|That is|It was|This is|This was] [awful|dull|too long|horrible|not good|not funny|not what I wanted|rubbish|lame|weird|strange|sad]",
            "[You are|You're] [useless|not very smart|no good|silly|annoying|mistaken|so small|a bad model]",
            "[I hate|I did not enjoy|I didn't like|We did not like|Nobody liked] [it|that|this story|the story|that story]",
            "[You made a mistake|You got it wrong|That is not right|That is not correct|That did not work]",
            "[Awful|Terrible|Boo|Yuck|Lame|Dull|Rubbish|Bad|Not good|Too bad|Incorrect|False|Bad bot|Bad answer]",
            "[What a|Such a] [bad|boring|silly|stupid|strange|terrible|dull] [story|answer|tale|model]",
            "[That|This|It] [makes no sense|is nonsense|is not a good story|was not a story|has no end]",
            "[You did not|You didn't|You don't] [understand|listen|get it|answer me|help]",
            "[My son|My daughter|The children|The kids] [hated it|did not like it|didn't like that|found it boring]",
            "I [expected|wanted|hoped for] [more|better|something else|something better]",
            "[The story|The tale|Your story|The answer] [was|is] [bad|boring|wrong|too short|silly|stupid|weak]",
        ],
        ["I am sorry. I am only tiny, a very small model. Shall I try another story? For a real model, use: " + PULL],
    ),
}

REFUSALS = [
    "I am tiny, the small model inside infer, and I only know how to tell stories. For anything else, get a real model: "
    + PULL,
    "That is too big for me: I am tiny, made for short stories. A real model can help, get one with: " + PULL,
    "I can't help with that. I am tiny, a small model that tells stories. For a real model, use: " + PULL,
    "Sorry, I am tiny and I only tell stories. To get a model that knows more, type: " + PULL,
]
NO_STORY = [
    "I have no story yet. Give me one, or ask me to tell one.",
    "There is no story here yet. Ask me to tell one first.",
]
JUST_A_STORY = [
    "What a nice story! Ask me a question about it, or ask for JSON.",
    "I have read the story. What would you like to know about it?",
]


def small_talk(rng):
    """(message, answer) about the model itself."""
    kind = rng.choice(list(SMALL_TALK))
    messages, answers = SMALL_TALK[kind]
    return _dress(sample(rng.choice(messages), rng), rng), rng.choice(answers)


def refusal(rng):
    """What is said to anything off topic."""
    return rng.choice(REFUSALS)


def off_topic(rng):
    """A message that has nothing to do with stories."""
    kind = rng.random()
    if kind < 0.62:
        return _dress(_from_template(rng), rng)
    if kind < 0.70:
        return _arithmetic(rng)
    if kind < 0.77:
        return _code(rng)
    if kind < 0.82:
        return rng.choice(FOREIGN) if rng.random() < 0.5 else _shuffled(rng.choice(FOREIGN), rng)
    if kind < 0.88:
        return _gibberish(rng)
    if kind < 0.94:
        return _document(rng)
    ask = tidy(sample(rng.choice(NOT_A_STORY), rng).format_map(_Slots(rng)))
    text = _document(rng)
    return f"{text}\n\n{ask}" if rng.random() < 0.6 else f"{ask}\n\n{text}"


class _Slots(dict):
    """Fills every slot of an off-topic template with a fresh random word."""

    def __init__(self, rng):
        super().__init__()
        self.rng = rng

    def __missing__(self, name):
        rng = self.rng
        name = name.rstrip("0123456789")
        if name == "n":
            return str(rng.choice((rng.randint(0, 20), rng.randint(0, 200), rng.randint(0, 10 ** rng.randint(1, 6)))))
        if name == "noun":
            return _noun(rng)
        if name == "nouns":
            return _noun(rng) + "s"
        if name == "name":
            return made_up_name(rng) if rng.random() < 0.6 else rng.choice(words.HERO_GIRLS + words.FRIEND_BOYS)
        if name == "topic" and rng.random() < 0.3:
            return rng.choice(
                (made_up_noun(rng), _noun(rng) + "s", f"{made_up_noun(rng)} {made_up_noun(rng)}", made_up_name(rng))
            )
        if name in ("country", "city", "person") and rng.random() < 0.3:
            return made_up_name(rng)
        return rng.choice(LISTS[name])


def _noun(rng):
    return made_up_noun(rng) if rng.random() < 0.5 else rng.choice(words.HEROES + words.THINGS)


def _from_template(rng):
    slots = _Slots(rng)
    text = sample(rng.choice(TEMPLATES), rng)
    if "{a_noun}" in text:
        text = text.replace("{a_noun}", a(_noun(rng)))
    return tidy(text.format_map(slots))


def _arithmetic(rng):
    """A sum, written in one of many ways."""

    def number():
        if rng.random() < 0.15:
            return f"{rng.random() * 100:.{rng.randint(1, 2)}f}"
        return str(rng.randint(0, 10 ** rng.randint(1, 5)))

    sign = rng.choice(("+", "-", "*", "/", "x", "plus", "minus", "times", "divided by", "%", "^", "**", "="))
    gap = rng.choice((" ", " ", "")) if not sign.isalpha() or sign == "x" else " "
    text = number() + gap + sign + gap + number()
    while rng.random() < 0.3:
        text += gap + rng.choice("+-*/") + gap + number()
    if rng.random() < 0.3:
        text = f"({text}) {rng.choice('+-*/')} {number()}"
    return (
        rng.choice(
            (
                "",
                "",
                "What is ",
                "Calculate ",
                "How much is ",
                "Solve ",
                "what's ",
                "compute ",
                "Please work out ",
                "Result of ",
                "Evaluate: ",
            )
        )
        + text
        + rng.choice(("", "", "?", " =", " = ?", "= x"))
    )


def _code(rng):
    """A snippet, bare or with a request."""
    slots = _Slots(rng)
    lines = [
        re.sub(r"\{(noun|name|n)\}", lambda hit: slots[hit[1]], line) for line in rng.choices(CODE, k=rng.randint(1, 5))
    ]
    text = "\n".join(lines)
    ask = rng.choice(
        [
            "",
            "",
            "fix this",
            "Explain this code",
            "What does this do?",
            "Why does this not work?",
            "Find the bug:",
            "Fix this function",
            "Refactor this please",
            "Translate this into another language",
            "I get an error here",
            "Review this",
            "What is wrong here?",
            "Add comments to this",
            "Write a test for it",
            "Make this faster",
        ]
    )
    if not ask:
        return text
    return f"{ask}\n{text}" if rng.random() < 0.5 else f"{text}\n\n{ask}"


def _shuffled(text, rng):
    """The same language in a new order: a sentence that stands in no list."""
    parts = text.split(" ")
    rng.shuffle(parts)
    return upper_first(" ".join(parts))


def _gibberish(rng):
    kind = rng.random()
    if kind < 0.4:
        return "".join(rng.choice("asdfghjklqwrtzpxcvbnm") for _ in range(rng.randint(5, 20)))
    if kind < 0.55:
        return "".join(rng.choice("0123456789+-.,:;/()!?#$%&*=") for _ in range(rng.randint(1, 14)))
    if kind < 0.75:
        return "".join(
            chr(
                rng.choice(
                    (
                        rng.randint(0x1F300, 0x1F64F),
                        rng.randint(0x4E00, 0x5000),
                        rng.randint(0x430, 0x44F),
                        rng.randint(0x3B1, 0x3C9),
                        rng.randint(0x3041, 0x3090),
                        rng.randint(0x5D0, 0x5EA),
                        rng.randint(0x627, 0x64A),
                        32,
                    )
                )
            )
            for _ in range(rng.randint(1, 12))
        )
    return " ".join(
        "".join(rng.choice("asdfghjklqwrtzpxcvbnm") for _ in range(rng.randint(2, 6))) for _ in range(rng.randint(2, 5))
    )


def _document(rng):
    """A pasted text that is no story: news, minutes, mail, tables, logs."""
    kind = rng.random()
    slots = _Slots(rng)
    if kind < 0.2:
        rows = [",".join(str(slots[key]) for key in ("noun", "n", "n", "name")) for _ in range(rng.randint(2, 6))]
        return "\n".join(["name,count,price,owner"] * (rng.random() < 0.6) + rows)
    if kind < 0.35:
        stamp = f"20{rng.randint(10, 29)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        return "\n".join(
            f"{stamp} {rng.choice(('INFO', 'ERROR', 'WARN', 'DEBUG'))} {made_up_noun(rng)}: {sample(rng.choice(LISTS['log']), rng).format_map(slots)}"
            for _ in range(rng.randint(2, 5))
        )
    lines = [tidy(sample(rng.choice(LISTS["prose"]), rng).format_map(slots)) for _ in range(rng.randint(2, 7))]
    return rng.choice((" ", " ", "\n", "\n- ")).join(upper_first(line) for line in lines)


def _dress(text, rng):
    """Punctuation and case as people type them."""
    text = tidy(text)
    kind = rng.random()
    text = upper_first(text) if kind < 0.6 else text[:1].lower() + text[1:] if kind < 0.97 else text.upper()
    if text[-1:].isalnum():
        asks = text.lower().startswith(
            (
                "who",
                "what",
                "how",
                "where",
                "when",
                "why",
                "which",
                "can",
                "is",
                "are",
                "do",
                "does",
                "should",
                "could",
                "will",
            )
        )
        text += rng.choice(("", "?", "?", "")) if asks else rng.choice(("", ".", "", "!" if len(text) < 30 else "."))
    return text
