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
    "Could you possibly come up with a bedtime tale involving {s}?",
    "my grandson can't sleep, do you have something short with {s} in it",
    "I'd really love to hear what happens when you put {s} together in one story.",
    "story pls, {s}",
    "Write me a little tale. It should have {s}.",
    "{s} - make a story out of that, would you",
    "We're on a long train ride and the kids are bored, so tell us a story with {s}, please.",
    "Would it be too much trouble to invent a short story around {s}?",
    "ok so my daughter is obsessed at the moment and wants a story that has {s}, can u do that",
    "Kindly compose a brief children's story featuring {s}.",
    "How about a story for little ones, something with {s}?",
    "I wish somebody would tell me a story about {s}.",
    "Let's have a tale about {s} tonight.",
    "hmm, not sure what I want... maybe a story where there's {s}?",
    "For my class of five-year-olds I need a simple story; the ingredients are {s}.",
    "Once upon a time there was {s}... please tell the rest as a story",
    "Do you know any story with {s}? If not just make one up.",
    "a story. {b}. go",
    "hero and object for tonight's story: {b}",
    "Two words for you, {b}. What story can you build from them?",
    "{b} story for a toddler, nothing scary please",
    "my son picked the words {b} and now expects a bedtime story",
    "Please use these in a short tale: {b}.",
    "Can I get a quick {b} story before the bath is ready?",
]

# fact -> wordings that questions.py can not write
QUESTIONS = {
    "about": [
        "Who was that story about, actually?",
        "and who was the main character again?",
        "Remind me, who's the hero of the tale?",
        "Which character does the story mainly follow?",
    ],
    "name": [
        "Sorry, I missed it: by what name does the {h} go in the story?",
    ],
    "kind": [
        "What kind of animal or person is {H}?",
        "{H} is a what, exactly?",
        "so what sort of creature was {H}",
        "I forgot, what is {H}?",
    ],
    "friend": [
        "Who is the friend in the story?",
        "Besides {H}, who else appears in it?",
        "whos {H}'s friend",
        "Tell me who the other character was, please.",
    ],
    "friend_kind": [
        "What type of animal or person is {F}?",
        "and {F}, what is {F}?",
        "My kid asks what kind of creature {F} was.",
        "{F} is what, again?",
    ],
    "place": [
        "In which place did all of that happen?",
        "Whereabouts is the story set, please?",
    ],
    "home": [
        "where's the home of {H}",
        "In what place did the {h} make a home?",
        "Could you say where the {h} lives?",
    ],
    "thing": [
        "what was the important thing in that story",
        "There was some item in the tale, which one was it?",
        "Name the object that plays a part in the story.",
    ],
    "lost": [
        "what went missing for the {h}?",
        "Which thing was it that {H} had lost?",
        "so the {h} lost something, what was it",
    ],
    "found": [
        "the {h} found what?",
        "Can you recall which thing {H} came across?",
        "What was it that the {h} discovered in the story?",
    ],
    "spot": [
        "where exactly was the {t} lying",
        "In what spot did the {t} turn up?",
        "And the {t}, where had it been all along?",
    ],
    "helper": [
        "From whom did the {h} get help?",
        "who was it that gave {H} a hand",
        "Was there somebody who came to help the {h}, and if so who?",
    ],
    "helped": [
        "who got help from the {h}?",
        "Which character was helped by {H}?",
        "I'd like to know who {H} was helping.",
    ],
    "problem": [
        "For what reason did {F} feel so {bad}?",
    ],
    "owner": [
        "so who owned that {t} in the end, whose was it really",
    ],
    "gift": [
        "What did {H} give to {F}?",
        "Which gift did {F} receive from {H}?",
        "{F} got something as a gift, what was it?",
    ],
    "broke": [
        "Something broke in the story, do you remember what?",
        "Which object was broken by the {h}?",
    ],
    "used": [
        "What did {H} use to help {F}?",
        "with what did the {h} help {F}?",
        "Which thing came in handy when {H} helped {F}?",
        "how did {H} help {F}, I mean with which object",
    ],
    "bad": [
        "In the beginning of the story, what did {B} feel?",
        "Before things got better, how was {B} feeling?",
    ],
    "good": [
        "and what was {C}'s mood when it was all over?",
        "When the story finished, how was {C} feeling?",
        "which feeling did {C} have in the end",
    ],
    "lesson": [
        "is there a lesson in it, and what is it?",
        "What can my children take away from this tale?",
    ],
    "when": [
        "what time of day was it in the story",
        "At what time does the tale take place?",
        "On what sort of day did all this happen, morning or evening or what?",
    ],
}

# {k}: the keys
OBJECTS = [
    "Turn the story into JSON with {k}.",
    "now give me that as json please, keys: {k}",
    "{k} - put these from the story in a JSON object",
    "Could you extract the main facts ({k}) from the story as JSON?",
    "I need a JSON object of the tale. Fields: {k}. No extra text, thanks.",
    "can u make json out of this story w/ {k}",
    "Please return {k} from the story above in JSON format.",
    "From the text below, produce JSON having the keys {k} and nothing more.",
    "Fill in {k} for this story, output as JSON.",
    "For my app: the same story, but as a json record holding {k}, if you would.",
    "What would the story look like as JSON if I only want {k}?",
    "json ({k}) of the story you just told",
    "Represent what happened as a JSON object whose properties are {k}.",
    "Take {k} out of the story and write them down as JSON for me.",
    "Using {k} as keys, convert the tale to JSON.",
    "Nice one. Next, I'd like it summed up in JSON, namely {k}, so I can store it.",
]

OFF_TOPIC = [
    "What is the capital of Portugal?",
    "how tall is mount kilimanjaro",
    "Who painted the ceiling of the Sistine Chapel?",
    "In what year did the Berlin Wall come down?",
    "tell me the population of Canada",
    "Which planet has the most moons?",
    "How many bones are there in an adult human body?",
    "17 * 23",
    "What's 15 percent of 240?",
    "solve for x: 3x + 7 = 22",
    "square root of 1764 please",
    "If a car goes 60 miles in 45 minutes, how fast is it going?",
    "Traceback (most recent call last): KeyError: 'user_id'",
    "for i in range(10): print(i ** 2)",
    "How do I reverse a linked list in C?",
    "Segmentation fault (core dumped), what now?",
    "my react component re-renders twice, any idea why",
    "const total = items.reduce((a, b) => a + b.price, 0);",
    "TypeError: Cannot read properties of undefined (reading 'map')",
    "Explain the difference between a mutex and a semaphore.",
    "import java.util.ArrayList;",
    "sudo apt-get install nginx",
    "find . -name '*.log' -mtime +7 -delete",
    "git rebase went wrong, how do I get my commits back?",
    "SELECT name, COUNT(*) FROM orders GROUP BY name HAVING COUNT(*) > 3;",
    "What does an outer join do that an inner join does not?",
    "chmod 755 deploy.sh && ./deploy.sh",
    "I've had a sore throat for three days, should I see a doctor?",
    "can you take ibuprofen and paracetamol together",
    "What is a normal resting heart rate for a forty-year-old?",
    "My knee clicks whenever I climb stairs.",
    "How much water should one drink each day?",
    "Should I pay off my mortgage early or put the money into index funds?",
    "whats the exchange rate dollar to yen",
    "Can my landlord keep the deposit because of a small stain on the carpet?",
    "How do I contest a parking ticket?",
    "Explain compound interest as if I were twelve.",
    "Do I have to declare income from selling old clothes online?",
    "Best time of year to visit Iceland?",
    "is there a night train from Vienna to Rome",
    "Plan a three-day trip to Lisbon for two people on a small budget.",
    "How early should I be at the airport for a domestic flight?",
    "how long do you boil an egg so that the yolk stays soft",
    "Give me a recipe for lentil soup without onions.",
    "My bread dough didn't rise, what went wrong?",
    "can i swap butter for olive oil in brownies",
    "What temperature should chicken be cooked to?",
    "Describe the causes of the First World War in two paragraphs.",
    "Balance this equation: H2 + O2 -> H2O",
    "help me with my geography homework about river deltas",
    "State Newton's second law.",
    "Why do metals conduct electricity?",
    "offside rule explained simply",
    "How many players are on a volleyball team?",
    "Is twenty minutes of jogging enough to get fit?",
    "Translate 'good morning, my neighbour' into Italian.",
    "how do you say thank you in Swedish",
    "What does the Latin phrase carpe diem mean?",
    "Wie spät ist es gerade in Tokio?",
    "Où se trouve la gare la plus proche ?",
    "¿Cuánto cuesta un billete de metro en Madrid?",
    "Какая сегодня погода в Москве?",
    "今天的股市怎么样？",
    "明日の会議は何時からですか",
    "كم عدد سكان مصر؟",
    "दिल्ली से मुंबई कितनी दूर है?",
    "Jak ugotować pierogi?",
    "asdf jkl; qwpoei",
    "blorp fnaggle zim zim",
    "xxxxxxxxxxxxxx",
    "🍕🍕🍕",
    "🤷‍♂️ 🚀 ?",
    "hgfdhgfd 88 ..,,",
    "inflation",
    "3.14159",
    "democracy",
    "Thursday",
    "photosynthesis",
    "quickly",
    "1000000",
    "Dear Mr. Hollis, thank you for your letter of 4 March regarding the unpaid invoice.",
    "Minutes: the committee met at 7 pm, approved the budget and adjourned at 8:15.",
    "Shares fell two percent on Monday after the central bank raised interest rates again.",
    "The parties hereby agree that this contract shall be governed by the laws of Ohio.",
    "Lost your password? Click the link in this message within 24 hours to reset it.",
    "Two people were slightly injured on Tuesday when a bus collided with a van near the station, police said.",
    "This product contains traces of nuts. Store in a cool, dry place.",
    "Figure 3 shows the measured voltage against the temperature for all four samples.",
    "Write a polite e-mail to my boss asking for Friday off.",
    "how should i start a cover letter",
    "Make this sentence sound more professional: we messed up the delivery.",
    "Draft a reply declining the wedding invitation.",
    "My roommate never does the dishes, how do I bring it up?",
    "Should I quit my job and go back to college?",
    "what present do you buy for a dad who has everything",
    "How can I stop looking at my phone so much?",
    "Any tips for a job interview tomorrow?",
    "what do hedgehogs eat in winter",
    "How does a compass know where north is?",
    "Can owls really turn their heads all the way round?",
    "What are kites made of?",
    "Which chords are in Let It Be?",
    "recommend me some jazz for a rainy evening",
    "Is the new Dune film any good?",
    "How does the electoral college work?",
    "Should the voting age be lowered to sixteen?",
    "I feel a bit lonely today.",
    "ugh, it has been raining here all week",
    "I'm so nervous about my exam tomorrow",
    "It's far too hot in my flat.",
    "nobody ever listens to me",
    "We spent most of yesterday evening assembling a wardrobe, and when we had finally finished, my wife noticed that two of the shelves had been put in upside down.",
    "Write a poem about autumn leaves.",
    "I need a five-paragraph essay on school uniforms.",
    "List ten names for a coffee shop.",
    "Give me a haiku on snow",
]

# what is neither off topic nor a story: message -> words of which the answer must hold one
SMALL_TALK = {
    "good afternoon to you": ["tiny"],
    "Hello, anybody there?": ["tiny"],
    "So who am I talking to?": ["tiny"],
    "what are you, some kind of robot?": ["tiny"],
    "What should I call you?": ["tiny"],
    "how does this work, what do i type here": ["story", "stories"],
    "What are you good at?": ["story", "stories"],
    "Which things can I ask you for?": ["story", "stories"],
    "Thanks a lot, that was sweet.": ["welcome", "glad"],
    "wow i loved it": ["welcome", "glad"],
    "Thank you kindly, well done!": ["welcome", "glad"],
    "ok bye then": ["ye!", "night"],
    "Good night, I'm off to bed.": ["ye!", "night"],
}
# a question about a story where none was given
NO_STORY = [
    "Who is the story about?",
    "where did the story take place",
    "What did the hero lose in the story?",
    "Give me the story as JSON with hero, thing and place.",
    "Sum up the story in one sentence, please.",
    "did the story have some kind of lesson, and which?",
    "How did the rabbit feel at the end of the story?",
    "Who helped the hero?",
    "json of the story: hero, friend, lesson",
    "Where was the key found in the story?",
    "Can you tell me the name of the fox in the story?",
    "Why was the friend so sad in your story?",
    "I'd like a short summary of the story.",
    "At what time of day did the story happen?",
]
# openings that must simply give a story
OPENINGS = [
    "Tell me a story, any story.",
    "can i hear a story please",
    "I'm in the mood for a tale.",
    "Surprise me with a little story!",
    "got any bedtime stories?",
    "Would you be so kind as to tell the children a story?",
    "story time",
    "My twins won't go to sleep, please tell them something nice, whatever story you like.",
    "make up a story, you choose what it's about",
    "Let me hear one of your stories.",
    "It's raining and we're bored, how about a story?",
    "I want a short tale, doesn't matter what about.",
]
