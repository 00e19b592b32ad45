"""The plots: each a list of moments, each moment a list of ways to tell it.

Slots: H hero's name, h hero's noun, ah "a brave fox"; F, f, af the same for the friend; t the thing, at "a shiny
plate", T "shiny plate"; he/He/his/him the hero, fhe/Fhe/fhis/fhim the friend; place "in the forest",
p "the forest"; spot, time, bad, good (feelings), lesson; problem and fix from USES.
"""

INTROS = [
    "Once upon a time there was {ah} named {H}.",
    "Once upon a time, {ah} named {H} lived {place}.",
    "There once was {ah} called {H}.",
    "Once there was {ah} whose name was {H}.",
    "Long ago there lived {ah} named {H}.",
    "{ah} named {H} lived {place}.",
]
HOMES = [
    "{H} lived {place}.",
    "{H} had a [small|cosy|quiet] home {place}.",
    "{H} spent every day {place}.",
    "[Everyone|Everybody] {place} knew {H}.",
    "{H} loved to be {place}.",
]
ENDS = [
    "From that day on, {H} and {F} were [best|good] friends.",
    "That night, {H} fell asleep with a smile.",
    "{H} and {F} laughed all the way home.",
    "And they all went home for [supper|dinner|a cup of tea].",
    "And so the day ended well for {H} and {F}.",
    "{H} never forgot that day.",
    "The two friends hugged and said good night.",
    "After that, {H} and {F} met every day.",
]
LEARNED = [
    "{H} learned that {lesson}.",
    "Now {H} knew that {lesson}.",
    "And {H} understood that {lesson}.",
]

# use -> (problem of the friend, what the hero did with the thing)
USES = {
    "light": [
        ("{F} could not find the way home in the dark", "{H} lit the {t}, and soon the whole path was bright"),
        ("{F} was lost in a dark tunnel", "{H} held up the {t}, and its light showed the way out"),
    ],
    "shelter": [
        ("{F} was getting wet in the rain", "{H} opened the {t}, and they both stayed dry under it"),
        ("a storm had blown away {F}'s roof", "{H} put up the {t}, and it kept the storm outside"),
    ],
    "pull": [
        ("{F} had fallen into a deep hole", "{H} let down the {t}, and {F} climbed up safely"),
        ("{F}'s wagon was stuck in the mud", "{H} tied on the {t} and pulled until the wagon was free"),
    ],
    "warm": [
        ("{F} was shivering in the cold", "{H} gave {fhim} the {t}, and soon {F} was warm again"),
        ("{F} could not sleep because it was so cold", "{H} brought the {t}, and it kept {F} cosy all night"),
    ],
    "music": [
        ("{F}'s baby would not stop crying", "{H} played a soft song on the {t}, and the baby fell asleep"),
        ("nobody came to {F}'s party", "{H} played the {t} so loudly that all the neighbours came to dance"),
    ],
    "food": [
        ("{F} was very hungry and had nothing to eat", "{H} cut the {t} in two and gave {F} the bigger half"),
        ("{F} felt too weak to walk home", "{H} gave {fhim} the {t}, and {F} felt strong again"),
    ],
    "carry": [
        ("{F} had dropped all {fhis} apples", "{H} held out the {t}, and they put every apple into it"),
        ("{F} had too many books to carry", "{H} put the books into the {t} and carried them home"),
    ],
    "tool": [
        ("{F}'s front door was broken", "{H} fetched the {t}, and before noon the door was mended"),
        ("{F}'s little house had a hole in the wall", "{H} worked with the {t} until the hole was gone"),
    ],
    "cross": [
        ("{F} could not get across the wide river", "{H} took {fhim} over the water with the {t}"),
        ("{F} was stuck on a tiny island", "{H} came with the {t} and brought {fhim} back to the shore"),
    ],
    "ride": [
        ("{F} was late for the big party", "{H} let {fhim} ride on the {t}, and they came just in time"),
        ("{F} had hurt a foot and could not walk", "{H} brought {fhim} home with the {t}"),
    ],
    "see": [
        ("{F} could not find {fhis} little brother", "{H} looked through the hills with the {t} and saw him far away"),
        ("{F} did not know which way to go", "{H} looked at the {t} and knew the way"),
    ],
    "write": [
        ("{F} missed a friend who lived far away", "{H} took the {t}, and together they sent a long message"),
        ("{F} could not remember a song", "{H} looked in the {t} and helped {fhim} with every word"),
    ],
    "open": [
        ("{F} was locked out of {fhis} own house", "{H} tried the {t}, and the house was open at once"),
        ("{F} could not open a big old box", "{H} used the {t}, and the box opened with a click"),
    ],
    "play": [
        ("{F} was bored and had nobody to play with", "{H} brought the {t}, and they played until the sun went down"),
        ("{F} had been ill in bed for a week", "{H} brought the {t}, and {F} laughed for the first time in days"),
    ],
    "pretty": [
        ("{F} had no present for {fhis} mother", "{H} gave {fhim} the {t}, and {fhis} mother was delighted"),
        ("{F} thought that {fhis} room was ugly", "{H} put the {t} on the table, and the room looked lovely"),
    ],
    "clean": [
        ("{F}'s kitchen was full of mud", "{H} took the {t} and cleaned until the floor was bright"),
        ("{F} had fallen into a puddle of paint", "{H} fetched the {t}, and soon {F} was clean again"),
    ],
    "time": [
        ("{F} was always late for school", "{H} gave {fhim} the {t}, and {F} was never late again"),
        ("{F} did not know when to take the cake out", "{H} watched the {t} and said when it was time"),
    ],
    "wear": [
        ("{F} had nothing nice to wear for the party", "{H} lent {fhim} the {t}, and {F} looked wonderful"),
        ("the sun was too hot for {F}", "{H} gave {fhim} the {t} to wear, and {F} felt better"),
    ],
    "grow": [
        ("{F}'s garden was empty and grey", "{H} put the {t} in the middle, and soon the garden was green"),
        ("{F} wished for something that grows", "{H} gave {fhim} the {t}, and they watched it get bigger every day"),
    ],
    "rest": [
        ("{F} was so tired that {fhe} could not stand", "{H} brought the {t}, and {F} had a good long rest"),
        ("{F}'s grandmother had no place to sit", "{H} carried the {t} to her house, and she sat down happily"),
    ],
    "magic": [
        ("a bad spell had made {F} very small", "{H} waved the {t} three times, and {F} was big again"),
        ("{F} had lost {fhis} voice", "{H} held up the {t}, and with a flash the voice was back"),
    ],
    "drink": [
        ("{F} was terribly thirsty", "{H} filled the {t} and gave {fhim} a long drink"),
        ("{F}'s little plant was dry", "{H} used the {t} to give it water, and the plant stood up again"),
    ],
    "any": [
        ("{F} was stuck behind a fallen tree", "{H} used the {t} to push the tree away"),
        ("{F} was sad and did not want to talk", "{H} showed {fhim} the {t}, and {F} began to smile"),
        ("{F} could not reach the top of the wall", "{H} put down the {t}, and {F} stepped on it and got up"),
    ],
}

MEET_THING = [
    "{H} had {at} and took it everywhere.",
    "{H} owned {at}.",
    "More than anything, {H} loved {his} {T}.",
    "{H} always carried {at}.",
]
FRIEND_HELPS = [
    "[Then|Just then|Soon] {H} met {af} named {F}.",
    "{af} named {F} [came by|saw this|stopped] and asked what was wrong.",
    "{af} called {F} came along.",
]

# Each plot: name -> moments in order. The key before "=" names the moment.
PLOTS = {
    "lose": [
        MEET_THING,
        ["{time}, the {t} was gone.", "{time}, {H} lost the {t}.", "{time}, {H} could not find the {t} anywhere."],
        [
            "{H} looked [high and low|everywhere] and felt very {bad}.",
            "{H} felt {bad} and sat down to think.",
            "Without the {t}, {H} felt {bad}.",
        ],
        FRIEND_HELPS,
        [
            '"[Don\'t worry|Do not cry], I will help you," said {F}.',
            '"Let us look together," said {F}.',
            "{F} promised to help.",
        ],
        [
            "They searched [all day|together], and {F} found the {t} {spot}.",
            "[At last|After a while], {F} saw the {t} {spot}.",
            "They found the {t} {spot}, and {F} cheered.",
        ],
        ["{H} thanked {F} and felt {good}.", "Now {H} felt {good} again.", "{H} was so {good} that {he} danced."],
    ],
    "owner": [
        [
            "{time}, {H} found {at} {spot}.",
            "{time}, {H} saw {at} lying {spot}.",
            "{time}, {H} was walking along and found {at} {spot}.",
        ],
        [
            "{H} had never seen such a nice {t}.",
            '"Whose {t} is this?" {H} asked.',
            "It was the [nicest|best|finest] {t} {H} had ever seen.",
        ],
        [
            "{H} wanted to keep it, but it belonged to someone.",
            "{H} asked everyone about it, but nobody knew.",
            '"Someone must be missing it," {he} said.',
        ],
        [
            "Then {H} met {af} named {F}, who looked {bad}.",
            "{af} named {F} sat by the road and felt {bad}.",
            "Down the road came {af} called {F}, who was {bad}.",
        ],
        ['"I have lost my {t}," said {F}.', '"My {t} is gone," said {F}.', "{F} had been looking for the {t} all day."],
        [
            "{H} gave the {t} back at once.",
            '"Here it is," said {H} and gave it back.',
            "{H} smiled and handed {F} the {t}.",
        ],
        ["{F} felt {good} and thanked {H}.", "Now {F} was {good} and gave {H} a big hug."],
    ],
    "help": [
        MEET_THING,
        [
            "{time}, {H} met {af} named {F}.",
            "{time}, {H} heard someone call for help. It was {af} named {F}.",
            "{time}, {af} named {F} knocked at the door.",
        ],
        ["{F} was {bad}, because {problem}.", "{F} felt {bad}, because {problem}."],
        [
            '"I can help you," said {H}.',
            "{H} thought for a moment and had an idea.",
            '"Wait here," said {H}, "I know what to do."',
        ],
        ["{fix}."],
        [
            '"Thank you, {H}," said {F}, who felt {good} now.',
            "{F} felt {good} and thanked {H}.",
            "Now {F} was {good} and gave {H} a hug.",
        ],
    ],
    "share": [
        ["{time}, {H} found {at} {place}.", "{time}, {H} got {at} as a present.", "{time}, {H} was playing with {at}."],
        [
            "{af} named {F} wanted the {t} too.",
            "Then {af} named {F} came and wanted to have it.",
            "But {af} called {F} wanted it as well.",
        ],
        [
            '"It is mine," said {H}. "No, it is mine," said {F}.',
            "They both pulled at the {t} and shouted.",
            "They argued about the {t} for an hour.",
        ],
        ["Soon both of them were {bad}.", "{F} began to cry, and {H} felt {bad}.", "Then {H} felt {bad} about it."],
        [
            '"Let us share it," said {H}.',
            "{H} had an idea: they could share the {t}.",
            '"We can both have it," said {H}.',
        ],
        [
            "They took turns with the {t} all afternoon.",
            "So they shared the {t}, and nobody shouted any more.",
            "They shared the {t}, and it was much more fun.",
        ],
        ["Both of them felt {good}.", "{H} was {good}, and {F} was too.", "In the end {H} felt {good}."],
    ],
    "gift": [
        ["{H} had a friend, {af} named {F}.", "{H}'s best friend was {af} named {F}."],
        [
            "{time}, it was {F}'s birthday, and {H} had no present.",
            "{time}, {F} had a birthday, and {H} wanted to bring a gift.",
        ],
        ["{H} felt {bad}, because the shop was closed.", "{H} was {bad}, because {he} had no money."],
        ["Then {he} found {at} {spot}.", "Then {he} saw {at} {spot}.", "At home {he} made {at} with {his} own hands."],
        [
            "{H} put a red bow on the {t} and brought it to {F}.",
            "{H} wrapped the {t} in paper and ran to the party.",
            "{H} took the {t} to {F} and sang a birthday song.",
        ],
        [
            '"{A_t}! I always wanted one!" said {F}.',
            "{F} opened it and jumped for joy.",
            "{F} loved the {t} more than all other presents.",
        ],
        ["{H} felt {good}.", "{H} was so {good} that {he} sang.", "Now {H} felt {good}, and so did {F}."],
    ],
    "mend": [
        ["{F}, {af}, had {at}.", "{H}'s friend was {af} named {F}, who had {at}."],
        [
            "{time}, {H} borrowed the {t} and dropped it.",
            "{time}, {H} played with the {t}, and it broke.",
            "{time}, {H} sat down on the {t}, and it cracked.",
        ],
        [
            "{H} felt {bad} and hid behind the house.",
            "{H} was {bad} and did not know what to say.",
            "{H} felt {bad}, because the {t} was broken.",
        ],
        [
            "But then {he} went to {F} and told the truth.",
            '"I broke it, and I am sorry," {he} said at last.',
            "In the end {he} told {F} everything.",
        ],
        ["{F} was not angry at all.", '"Everyone makes mistakes," said {F}.', '"Thank you for telling me," said {F}.'],
        [
            "Together they mended the {t} with [glue|tape|a bit of string].",
            "They worked all afternoon, and the {t} was as good as new.",
        ],
        ["{H} felt {good} again.", "Now {H} was {good}, and so was {F}."],
    ],
    "show": [
        MEET_THING,
        ["{time}, there was a big show {place}.", "{time}, everyone came to a contest {place}."],
        ["{H} wanted to show the {t}, but {he} felt {bad}.", "{H} was {bad}, because so many people were watching."],
        [*FRIEND_HELPS[:1], "{H}'s friend, {af} named {F}, stood in the first row."],
        ['"You can do it," said {F}.', '"Just look at me," said {F}.', "{F} held {H}'s hand and counted to three."],
        [
            "{H} took a deep breath and held up the {t}.",
            "So {H} stepped forward and showed everyone the {t}.",
            "{H} did a funny trick with the {t}.",
        ],
        [
            "Everybody clapped, and {H} felt {good}.",
            "The crowd cheered, and {H} was {good}.",
            "{H} won the first prize and felt {good}.",
        ],
    ],
    "trip": [
        ["{time}, {H} packed {at} and set off on a trip.", "{time}, {H} wanted to see the world and took {at} along."],
        ["The road was long, and {H} felt {bad}.", "After an hour {H} felt {bad} and wanted to turn back."],
        [
            "On the way {he} met {af} named {F}.",
            "Then {af} named {F} waved from the side of the road.",
            "Behind a hill {he} met {af} called {F}.",
        ],
        [
            '"May I come with you?" asked {F}.',
            '"I want to see the world too," said {F}.',
            '"Let us walk together," said {F}.',
        ],
        ["They walked and talked, and took turns to carry the {t}.", "They sang songs and carried the {t} together."],
        [
            "In the evening they rested {spot} and looked at the stars.",
            "At night they slept {spot}.",
            "When it got dark, they made a camp {spot}.",
        ],
        [
            "{H} felt {good} and was glad of the company.",
            "Now {H} felt {good}.",
            "{H} was {good}, because {F} was there.",
        ],
    ],
    "fear": [
        MEET_THING,
        [
            "{time}, there was a strange noise outside.",
            "{time}, something went bump in the dark.",
            "{time}, {H} heard a loud thump.",
        ],
        ["{H} felt {bad} and held the {t} tight.", "{H} was {bad} and hid under a blanket with the {t}."],
        [
            "But {he} took the {t} and went to look.",
            "Then {H} picked up the {t} and opened the door.",
            '"I will go and see," {he} said and took the {t}.',
        ],
        [
            "It was only {af} named {F}, who had tripped over a bucket.",
            "There stood {af} named {F}, who was looking for a bed.",
            "It was {af} named {F}, and {fhe} was shaking too.",
        ],
        [
            '"I did not mean to scare you," said {F}.',
            '"I am sorry about the noise," said {F}.',
            '"I was afraid as well," said {F}.',
        ],
        ["They both laughed, and {H} felt {good}.", "{H} made some tea for {F} and felt {good}."],
    ],
    "wish": [
        ["{time}, {H} found {at} {spot}.", "{time}, an old woman gave {H} {at}."],
        [
            "It was a magic {t}, and it could grant one wish.",
            '"I am a magic {t}," it said. "You may wish for one thing."',
        ],
        ["{H} thought of gold and cake.", "{H} thought about it all day.", "{H} did not know what to wish for."],
        [
            "Then {he} saw {af} named {F}, who was {bad}, because {problem0}.",
            "Then {af} named {F} came by and was {bad}, because {problem0}.",
        ],
        [
            '"I wish that {F} is well again," said {H} to the {t}.',
            "{H} held the {t} and wished for something good for {F}.",
        ],
        ["There was a flash, and everything was fine.", "The {t} hummed, and the wish came true."],
        ["{F} felt {good} and thanked {H}.", "Now {F} was {good}, and so was {H}."],
    ],
    "plan": [
        [
            "{time}, {H} wanted to build a [little house|tall tower|fine boat|playground].",
            "{time}, {H} had a plan to make something big.",
        ],
        ["{He} had {at}, but alone it was too hard.", "All {he} had was {at}."],
        ["{H} felt {bad} and nearly gave up.", "The work went badly, and {H} was {bad}."],
        [
            "Then {af} named {F} came to help.",
            "{af} named {F} saw it and wanted to help.",
            "Luckily {af} called {F} came by.",
        ],
        [
            "{F} used the {t}, and {H} did the rest.",
            "They worked side by side with the {t}.",
            "With the {t} and four hands, the work was easy.",
        ],
        ["When the sun went down, it was finished.", "By the evening everything was ready."],
        ["{H} felt {good} and thanked {F}.", "They looked at their work, and {H} was {good}."],
    ],
}

# What a wish can cure; plain enough to go with every thing.
WISH_PROBLEMS = [
    "{fhe} was ill",
    "{fhe} had lost {fhis} way",
    "{fhe} had no home",
    "{fhe} was all alone",
    "{fhis} garden had dried up",
    "{fhe} could not sleep",
]

FILLERS = [
    "The sun was [shining|warm|high in the sky].",
    "A [soft|cold|warm] wind blew.",
    "Birds were singing [in the trees|far away].",
    "There were white clouds in the sky.",
    "It smelled of [flowers|rain|fresh bread].",
    "Somewhere a bell rang.",
    "The grass was [green|wet|tall].",
    "It was very quiet.",
    "[A leaf|Some leaves] fell from a tree.",
    "The air was fresh and clear.",
    "Nobody knew what would happen next.",
    "The hours went by slowly.",
    "Far away, a dog barked.",
    "[Little|Big] drops of rain began to fall.",
    "The moon was round and bright.",
    "It was a day like any other.",
    "Time went by.",
    "The road was dusty.",
    "The shadows grew long.",
    "A bee flew from flower to flower.",
    "Smoke rose from the chimneys.",
    "The stars came out one by one.",
    "Children were playing outside.",
]

# plot -> one-sentence summaries
SUMMARIES = {
    "lose": "{H} the {h} loses {his} {t}, and {F} the {f} helps to find it.",
    "owner": "{H} the {h} finds {a_t} and gives it back to {F} the {f}.",
    "help": "{H} the {h} helps {F} the {f} with the {t}.",
    "share": "{H} the {h} and {F} the {f} argue about the {t} and learn to share it.",
    "gift": "{H} the {h} gives {F} the {f} the {t} as a birthday present.",
    "mend": "{H} the {h} breaks the {t} of {F} the {f}, tells the truth, and they mend it.",
    "show": "{H} the {h} is {bad} before a show with the {t}, and {F} the {f} gives {him} courage.",
    "trip": "{H} the {h} goes on a trip with the {t} and finds a friend in {F} the {f}.",
    "fear": "{H} the {h} hears a noise, takes the {t} and meets {F} the {f}.",
    "wish": "{H} the {h} gets a magic {t} and uses the wish for {F} the {f}.",
    "plan": "{H} the {h} has a big plan, and {F} the {f} helps with the {t}.",
}

MORE = [
    """The next day, {H} met {F} again {place2}. {H} brought the {t}, and {F} brought some [cake|apples|tea]. \
They talked about everything that had happened, and both of them felt {good}.""",
    """A week later, {F} came to visit {H}. "Do you still have the {t}?" asked {F}. {H} nodded and smiled, \
and they went {to_place2} to play.""",
    """In the morning, {H} and {F} walked {to_place2} with the {t}. There they made a new friend, {af2} named {G}. \
From then on, the three of them were always together.""",
]
