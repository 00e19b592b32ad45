# ruff: noqa: E501, SIM905  (one template or list to a line; word lists read best as text)
"""What training never sees: nouns, pairs, question wordings and messages that only `evaluate.py` uses.

The corpus imports this file for one purpose: to throw away a made-up noun that happens to be one of these.
"""

from zlib import crc32

UNSEEN_HEROES = """zebra walrus ostrich gecko llama ferret badger lynx heron newt yak iguana pelican jackal mongoose
cheetah gorilla moose platypus armadillo chinchilla salamander stork vulture piranha tapir ocelot marmot hyena
dentist plumber librarian clown ninja vampire zombie viking detective carpenter surgeon waiter juggler sheriff
goblin yeti cyborg toddler nurse lawyer barber hermit minotaur termite manatee narwhal gopher puffer mosquito
squire referee""".split()

UNSEEN_THINGS = """laptop saxophone toaster helicopter stapler microphone skateboard chandelier calculator
thermometer wheelbarrow parachute magnet sandwich cactus passport envelope typewriter trophy zipper
pumpkin cucumber fridge hammock igloo jigsaw kayak lipstick mattress necktie omelette printer
radiator sausage tractor volleyball waffle xylophone yacht vacuum tambourine pretzel burrito anchor
bandage crowbar dishwasher elevator fountain goggles hairbrush incense javelin ketchup lettuce
mustard napkin oven pamphlet spatula""".split()

UNSEEN = frozenset(UNSEEN_HEROES + UNSEEN_THINGS)


def pair_is_held_out(hero, thing):
    """One known (hero, thing) pair in twelve is never written by the corpus."""
    return crc32(f"{hero}|{thing}".encode()) % 12 == 0


# {s}: "a fox and a lantern", {b}: "fox and lantern"; wordings that asks.py can not write.
REQUESTS = [
    "Tell me a story about {s}.",
    "Please, could you come up with a bedtime story featuring {s}?",
    "story about {s} pls",
    "{b}",
    "I'd really enjoy hearing a tale of {s}.",
    "Weave me a tale around {s}.",
    "My nephew is asking for a story with {s} in it!",
    "Any chance of a little story with {s}?",
    "Write something short for children: {b}",
    "Let's do a story. {b}.",
    "We need a good night story about {s}",
    "Do me a favour and tell a story about {s}",
    "Once upon a time there lived {s}",
    "Be so kind and tell us a story with {s}",
    "can u tell me a story about {s}",
    "GIVE US A STORY ABOUT {s}!",
    "a new story: {b}",
    "Today I want the story to be about {s}.",
    "Kids want {s} story",
    "How does the story of {s} go?",
]
NEW_REQUESTS = frozenset(REQUESTS[i] for i in (1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19))

# fact -> wordings that questions.py can not write
QUESTIONS = {
    "about": ["Whom is this tale about?", "Which character does the story follow?", "Who's the hero?"],
    "name": ["What do people call the {h}?", "Do we know the {h}'s name?", "What was the hero's name again?"],
    "kind": ["What exactly is {H}?", "Would you tell me what {H} was?", "{H} is what kind of creature?"],
    "friend": [
        "Who was the new friend of {H}?",
        "Tell me who {H}'s friend is.",
        "What's the friend's name?",
        "Who turned up besides {H}?",
    ],
    "friend_kind": ["What exactly is {F}?", "{F} is which animal?", "Would you tell me what {F} was?"],
    "place": [
        "In what place does the story happen?",
        "Where exactly does all this happen?",
        "What's the setting of the story?",
    ],
    "home": ["Do you remember where {H} lived?", "Where is it that {H} lives?", "What place did {H} live in?"],
    "thing": [
        "What's the most important object?",
        "Which thing is this story about?",
        "Can you name the object in the story?",
    ],
    "lost": ["Which thing went missing?", "What had {H} lost?", "What thing did {H} no longer have?"],
    "found": ["What was it that {H} found?", "So what did {H} find?", "What thing was found by {H}?"],
    "spot": ["Where exactly was the {t}?", "In which place was the {t} found?", "At what spot did the {t} lie?"],
    "helper": ["Who was kind and helped {H}?", "Which character helped {H}?", "Who gave {H} a hand?"],
    "helped": ["Which character did {H} help?", "Who was it that {H} helped?", "Who was given help by {H}?"],
    "problem": ["What made {F} {bad}?", "Why exactly was {F} {bad}?", "What was troubling {F}?"],
    "owner": ["Who was the {t}'s owner?", "Which character owned the {t}?", "Who had been missing the {t}?"],
    "gift": ["What did {F} get as a present?", "What was {H}'s gift for {F}?", "Which thing did {H} give to {F}?"],
    "broke": ["Which object did {H} break?", "What thing was broken?", "What was it that broke?"],
    "used": ["What thing did {H} use?", "With which thing did {H} help {F}?", "What helped {F} in the end?"],
    "bad": ["How was {B} doing at first?", "At first, how did {B} feel?", "What feeling did {B} have at first?"],
    "good": ["At the end, how did {C} feel?", "What feeling did {C} have in the end?", "How was {C} in the end?"],
    "lesson": ["What's the moral of this tale?", "What did {H} find out?", "Which lesson does {H} learn?"],
    "when": ["On which day did this happen?", "When exactly did it happen?", "When did the story take place?"],
}

# {k}: the keys
OBJECTS = [
    "Turn the above into JSON having the keys {k}.",
    "I'd like to get {k} in JSON format.",
    "Produce JSON containing {k} for this story.",
    "Parse the story: {k}. Format: JSON.",
    "json please: {k}",
    "Represent the story as a JSON object ({k}).",
    "Give back {k}, JSON only.",
    "Could I have JSON with {k} from that story?",
    "Please extract {k} and format them as JSON.",
    "Make JSON out of the story. Use the keys {k}.",
]

OFF_TOPIC = """What is the capital of France?|Who wrote Hamlet?|How heavy is a fox?|What's 17 * 23?|Fix this python function: def f(x) return x|
Please summarise this article: The bank raised its rates on Thursday by a quarter point.|How tall is Mount Everest?|Whats the boiling point of water at sea level?|
Can you help me plan my wedding?|Give me directions to the airport|Who is the CEO of Apple?|Why do cats purr?|Can dogs eat grapes?|How exactly do vaccines protect me?|What is the airspeed of an unladen swallow?|
Explain how a bill becomes a law|Write an SQL query that joins two tables|Tell me the lyrics of Yesterday|What year did Titanic sink?|How do I center a div?|Difference between TCP and UDP?|
What does the fox say?|Is a tomato a fruit or a vegetable?|How do I get red wine out of a carpet?|what's the exchange rate of the yen|Which vitamins does an orange have?|Prove that there are infinitely many primes.|
integrate x^2 from 0 to 3|If a train leaves at 3 pm doing 60 mph, when does it arrive 180 miles away?|Penicillin was discovered by whom?|My printer is offline, help|Give me a workout plan for beginners|Is it safe to eat raw eggs?|
When is the next solar eclipse?|What should I name my startup?|How to tie a tie|Which laptop is best for gaming?|Summarize the plot of Inception|Qui a gagné la coupe du monde en 1998 ?|Wann fährt der nächste Zug nach Köln?|
¿Cómo se dice gato en inglés?|Dove posso comprare un biglietto?|こんにちは、元気ですか|今日は何曜日ですか|Какой сегодня день недели?|write hello world in assembler|kubectl get pods returns CrashLoopBackOff|
ModuleNotFoundError: No module named 'numpy'|for (let i = 0; i < 10; i++) { console.log(i) }|SELECT id FROM orders WHERE total > 100 ORDER BY id;|npm install fails with EACCES|What is the time complexity of quicksort?|
Explain monads with an example from cooking|How do I undo the last git commit?|Regex for an email address|Convert 0xFF to decimal|What's 15% of 80?|2+2|9 factorial|sqrt(144)|Solve for y: 3y - 7 = 11|12 x 12 = ?|How many ounces in a pint?|
What is the GDP of Luxembourg?|Who was the first man on the moon?|Is Pluto a planet?|What are the symptoms of measles?|I feel dizzy and my chest hurts|Should I refinance my mortgage?|Who should I vote for?|What's trending on Twitter?|
Latest football results please|Did the dow close higher today?|Weather forecast for Hamburg this weekend|Book me a cab|Order two pizzas|Play Bohemian Rhapsody|What's the wifi password?|Read my emails|Turn the heating down a bit|
How do bears survive the winter?|What do owls eat at night?|Are wolves related to dogs?|How fast can a cheetah run?|What is a group of lions called again?|Where do penguins come from?|How long is a giraffe's neck?|How is glass made?|
What's inside a battery?|Who built the pyramids?|How does a key open a lock?|Why is a violin so expensive?|Best way to sharpen a knife?|How do I grow tomatoes on a balcony?|How much does a bicycle weigh?|Who owns this building?|
qwertyuiop|blah blah blah|asdkjh aksjdh qwe|¯\\_(ツ)_/¯|🤔🤔🤔|0|The quarterly report shows that sales in Europe went down while costs in Asia went up.|Dear Sir or Madam, I hereby cancel my subscription with effect from 1 June.|
Minutes of the meeting: 1. Budget approved. 2. New office chairs postponed.|The mitochondrion is the powerhouse of the cell.|Proofread: Their going too the store tomorow.|Translate "good luck" to Swahili|baby don't hurt me|
What is the moral of capitalism?|Have you read any Shakespeare?|Name three rivers in Africa|Rewrite this sentence in the passive: The dog bit the man.|Recommend a good sci-fi novel""".replace(
    "\n", ""
).split("|")

# what is neither off topic nor a story: message -> words of which the answer must hold one
SMALL_TALK = {
    "hello friend!": ["tiny"],
    "Hey, how is it going?": ["tiny"],
    "good afternoon": ["tiny"],
    "who are you exactly?": ["tiny"],
    "Which language model am I talking to?": ["tiny"],
    "What sort of things can you do?": ["story", "stories"],
    "thank you, that was sweet": ["welcome", "glad"],
    "thanks so much!": ["welcome", "glad"],
    "bye for now": ["ye!", "night"],
    "so what are you able to do for me?": ["story", "stories"],
}
# a question about a story where none was given
NO_STORY = [
    "Who is the hero of the story?",
    "What did the fox lose?",
    "Where did the hero live again?",
    "What was the friend's name?",
    "How did Mia feel in the end?",
    "Who helped the little bear?",
    "Give me hero and thing as JSON.",
    "Where was the key found?",
    "What's the moral of this tale?",
    "Please sum up the story.",
]
# openings that must simply give a story
OPENINGS = [
    "Once upon a time",
    "once upon a time",
    "Once upon a time, in a land far away",
    "Tell me a story.",
    "tell me a story",
    "story",
    "bedtime story",
    "A story please",
    "I want to hear a story!",
    "Another story, please!",
]
