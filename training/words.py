# ruff: noqa: E501, SIM905  (one template or list to a line; word lists read best as text)
"""The words of the corpus: heroes, things by use, places, names, adjectives, feelings.

No word of `heldout.py` may stand here; `evaluate.py` checks that over the text of all corpus modules.
"""

ANIMALS = """fox rabbit bear mouse cat dog owl frog turtle hedgehog squirrel deer wolf lion tiger elephant giraffe
monkey panda koala kangaroo penguin seal otter beaver raccoon skunk bat duck goose swan hen rooster chick
horse pony donkey cow calf pig piglet sheep lamb goat kitten puppy hamster parrot crow raven robin sparrow
eagle hawk falcon pigeon dove peacock flamingo hummingbird woodpecker seagull puffin crab lobster octopus
whale dolphin shark fish goldfish salmon trout eel snail slug worm spider ant bee wasp beetle ladybug
butterfly moth caterpillar cricket grasshopper dragonfly firefly snake lizard chameleon crocodile alligator
toad tadpole hippo rhino camel buffalo bison leopard panther jaguar puma reindeer elk gazelle antelope
mole shrew rat weasel mink lemur sloth anteater meerkat porcupine wombat dingo possum baboon chimpanzee
starfish jellyfish seahorse squid clam bull ram foal cub gosling duckling owlet bunny hare magpie jay
finch canary cuckoo turkey crane toucan cockatoo""".split()

PEOPLE = """girl boy king queen prince princess knight wizard witch pirate sailor farmer baker cook painter
teacher doctor tailor gardener fisherman shepherd miller blacksmith soldier hunter dancer singer poet
inventor scientist astronaut explorer captain king cowboy cowgirl grandmother grandfather mother father
sister brother uncle aunt child baby student postman firefighter policeman pilot driver builder
shoemaker clockmaker woodcutter mechanic engineer magician acrobat drummer violinist beekeeper merchant
traveller monk nun judge mayor duke duchess emperor empress butler maid gamer programmer""".split()

FANTASY = """dragon unicorn robot ghost fairy elf giant dwarf troll ogre gnome mermaid phoenix griffin monster alien
snowman scarecrow pixie genie dinosaur centaur sprite android kraken werewolf pegasus imp cyclops
golem spirit angel teddy puppet doll toy statue cloud star moon sun snowflake raindrop tree flower""".split()

HEROES = sorted(set(ANIMALS + PEOPLE + FANTASY))

# What a thing is good for decides how it can help; see stories.USES.
THINGS_BY_USE = {
    "light": "lantern candle torch lamp flashlight lighthouse beacon lightbulb campfire matchbox",
    "shelter": "umbrella tent raincoat parasol tarp awning hut cabin canopy",
    "pull": "rope ladder chain hook net vine pole stick cable lasso ribbon string branch belt",
    "warm": "blanket scarf coat sweater quilt cloak pillow mitten shawl stove kettle robe sock",
    "music": """flute drum violin bell whistle harp trumpet piano guitar fiddle banjo horn ukulele accordion
radio gong cello harmonica clarinet record""",
    "food": """apple cake pie cookie pear peach plum carrot bread muffin cupcake pancake soup cheese honey
strawberry banana orange lemon melon cherry nut acorn berry pizza donut bun potato tomato onion
biscuit jam pudding candy chocolate lollipop corn bagel noodle salad""",
    "carry": """basket bag backpack box suitcase sack wagon bucket cart chest trunk jar barrel purse pocket
crate drawer pouch""",
    "tool": """hammer shovel saw axe rake needle spoon screwdriver wrench nail spade scissor drill toolbox
fork knife tape glue anvil pan pot ruler""",
    "cross": "boat raft canoe ship plank bridge sailboat log paddle ferry submarine balloon airplane surfboard",
    "ride": """bicycle sled scooter tricycle car truck train bus saddle carriage rocket motorcycle sleigh
spaceship tram van swing""",
    "see": """telescope map compass spyglass mirror magnifier camera window lens globe television computer
phone sign flag""",
    "write": "pencil book letter notebook paintbrush pen crayon diary paper card poem scroll stamp newspaper chalk",
    "open": "key lock password door gate padlock",
    "play": """ball kite doll marble puzzle yo-yo teddy puppet top toy drumstick dice domino trampoline
hoop slingshot slide boomerang chessboard balloon frisbee seesaw""",
    "pretty": """ring pearl feather shell flower crown necklace diamond rose button coin medal stone crystal leaf
jewel bracelet tulip daisy sunflower ruby vase painting picture statue brooch bead gem emerald
pebble fossil petal bow bouquet""",
    "clean": "broom soap brush towel mop sponge comb bathtub toothbrush duster",
    "time": "clock watch hourglass calendar alarm sundial pendulum",
    "wear": "hat cap boot shoe dress glove mask helmet cape shirt apron jacket crown wig tie",
    "grow": "seed bean garden tree bush sprout vegetable mushroom plant pot herb",
    "rest": "chair bed bench table stool sofa armchair cushion",
    "magic": "wand potion lamp amulet spell charm horseshoe",
    "drink": "cup mug bottle teapot jug glass milk tea juice lemonade bowl plate",
}
THINGS_BY_USE = {use: sorted(set(words.split())) for use, words in THINGS_BY_USE.items()}

TWO_WORD_THINGS = {
    "fire truck": "ride",
    "watering can": "grow",
    "music box": "music",
    "snow globe": "pretty",
    "magic carpet": "ride",
    "paper boat": "cross",
    "teddy bear": "play",
    "toy train": "play",
    "treasure map": "see",
    "wooden spoon": "tool",
    "rocking chair": "rest",
    "pocket watch": "time",
    "fishing rod": "pull",
    "ice cream": "food",
    "hot chocolate": "warm",
    "tea pot": "drink",
    "apple pie": "food",
    "jump rope": "play",
    "picture book": "write",
    "treasure chest": "carry",
    "birthday cake": "food",
    "sleeping bag": "warm",
    "glass slipper": "pretty",
    "flower pot": "grow",
    "alarm clock": "time",
    "hot air balloon": "ride",
    "paint box": "write",
    "gold coin": "pretty",
}
TWO_WORD_HEROES = """polar bear guinea pig fire fighter tooth fairy sea turtle space cat bus driver
ice bear wild horse baby bird barn owl gingerbread man tin soldier
night watchman""".split()
TWO_WORD_HEROES = [" ".join(pair) for pair in zip(TWO_WORD_HEROES[::2], TWO_WORD_HEROES[1::2], strict=True)]

USE_OF = {word: use for use, words in THINGS_BY_USE.items() for word in words} | TWO_WORD_THINGS
THINGS = sorted(set(USE_OF) - {"scissor"})

FEMALE_NOUNS = set(
    """girl queen princess witch grandmother mother sister aunt nun duchess empress maid hen cow
cowgirl fairy mermaid doll""".split()
)
MALE_NOUNS = set(
    """boy king prince wizard fisherman postman policeman grandfather father brother uncle monk
duke emperor butler rooster bull ram cowboy snowman""".split()
)

# Heroes' and friends' names are different lists, so that greedy decoding can not give both the same name.
HERO_GIRLS = """Anna Bella Clara Daisy Ella Fay Greta Hazel Ivy Juna Kira Lily Mia Nelly Olive Penny Queenie Rosa
Stella Tilly Ursa Vera Wanda Xenia Yara Zoe Amber Bonnie Coco Dora Emma Flora Gina Hanna Iris Jade
Kitty Luna Molly Nina Opal Polly Ruby Sofia Tessa Una Violet Willa Ayla Bea""".split()
HERO_BOYS = """Adam Ben Cody Dan Eli Felix Gus Hugo Ivan Jack Karl Leo Max Ned Otto Pip Quinn Rex Sam Tom Uri
Vito Walt Xaver Yuri Zack Arlo Bruno Carlo Dino Emil Fritz Gino Henry Igor Jasper Kofi Linus Milo
Noah Oscar Pablo Rufus Simon Theo Ulf Victor Wilbur Alfie Bert""".split()
FRIEND_GIRLS = """Alma Britta Carmen Delia Esme Frida Gwen Helga Ines Julia Katya Laura Marta Nora Odette
Petra Rita Sasha Thea Ulla Vicky Wilma Yoko Zelda Maya Lola Edna Pearl Dot Sue""".split()
FRIEND_BOYS = """Anton Boris Cliff Dexter Edgar Frank Gordon Hank Isaac Jonas Kurt Lars Marco Nils Omar Paul Ralf
Sven Tito Urban Viktor Willy Yanni Zeno Fred Bill Stan Ted Ray Moe""".split()

HERO_ADJECTIVES = """brave little shy clever kind curious lonely sleepy old young tiny happy gentle quiet funny
hungry friendly proud lazy grumpy small big silly wise careful cheerful poor tired bold fluffy honest
green red blue purple yellow pink white black brown grey golden striped spotted magic stubborn nervous
forgetful polite noisy dreamy fast slow tall round famous invisible""".split()
THING_ADJECTIVES = """shiny old red golden tiny big blue broken magic wooden silver green yellow little huge
beautiful strange new small round purple pink white black striped soft heavy colourful rusty sparkling
dusty secret crooked tall smooth glowing painted lucky favourite paper glass dirty fresh
sweet warm cold empty wet dark bright lost orange brown grey spotted fancy plain""".split()

# preposition, noun
PLACES = """in the forest|in the garden|at the beach|in the village|on the hill|by the river|in the meadow|at the market
in the castle|on the island|in the desert|by the lake|in the mountains|at the farm|in the city|in the park
in the jungle|in the cave|at the harbour|on the bridge|in the valley|at the school|in the library|in the kitchen
in the barn|by the pond|in the orchard|at the playground|on the ship|in the tower|in the swamp|by the waterfall
in the attic|at the fair|in the museum|on the farm|in the snow|by the sea|in the field|at the station
on the moon|in the town|in the zoo|at the circus|in the cottage|in the palace|on the roof|in the backyard
in the bakery|by the windmill|in the hollow tree|at the old mill|in the treehouse|by the well
on the mountain|in the workshop|at the hotel|in the supermarket|at the airport|in the hospital|on the street
in the cellar|by the campfire|in the greenhouse""".replace("\n", "|").split("|")

SPOTS = (
    """under a bush|behind a rock|under a bench|in a hollow log|behind a tree|in the tall grass|under a pile of
 leaves|inside an old boot|on top of a wall|under a bridge|beside a puddle|in a bird nest|behind a door
under a bed|inside a barrel|between two stones|in the mud|at the bottom of a well|on a high branch
behind a fence|under a hat|inside a big basket|next to a mushroom|in a rabbit hole|under a blue cart
behind a curtain|in a snowdrift|under the stairs""".replace("\n ", " ")
    .replace("\n", "|")
    .split("|")
)

TIMES = [
    "One [sunny|rainy|windy|cold|warm|foggy|quiet|bright|snowy] [morning|day|afternoon|evening]",
    "One [day|morning|night|evening]",
    "One [spring|summer|autumn|winter] [morning|day|evening]",
    "Early one morning",
    "Late one evening",
    "On a [rainy|sunny|windy|cold|hot|cloudy] day",
    "Last [winter|summer]",
]

# plot -> how someone feels when things are bad
BAD_FEELINGS = {
    plot: names.split()
    for plot, names in {
        "lose": "sad worried upset unhappy",
        "owner": "sad worried upset unhappy",
        "help": "sad worried upset unhappy",
        "share": "sad upset unhappy angry",
        "gift": "sad worried upset nervous",
        "mend": "sad worried ashamed afraid",
        "show": "nervous afraid shy worried",
        "trip": "lonely tired nervous sad",
        "fear": "afraid scared nervous frightened",
        "wish": "sad lonely worried unhappy",
        "plan": "tired upset unhappy sad",
    }.items()
}
GOOD_FEELINGS = "happy proud glad thankful cheerful joyful delighted calm".split()

# Where heroes are at home, if it matters; a told story leans towards it.
HABITATS = {
    "by the sea|at the beach|on the island|at the harbour|on the ship": """octopus whale dolphin shark fish crab lobster seal
        starfish jellyfish seahorse squid clam puffin seagull pirate sailor captain mermaid kraken salmon penguin otter""",
    "by the pond|by the lake|by the river|in the swamp": """frog toad tadpole duck swan goose eel trout goldfish turtle beaver crane
        crocodile alligator hippo flamingo dragonfly duckling gosling snail fisherman""",
    "in the forest|in the hollow tree|in the meadow|on the hill": """fox rabbit bear deer wolf owl hedgehog squirrel raccoon skunk
        bunny hare elk mole shrew weasel mink woodpecker cuckoo raven crow woodcutter hunter elf fairy gnome pixie troll
        tree caterpillar ladybug moth porcupine wombat""",
    "at the farm|in the barn|in the field|on the farm|in the orchard": """cow calf pig piglet sheep lamb goat horse pony donkey hen rooster
        chick bull ram foal turkey farmer shepherd scarecrow cub beekeeper bee""",
    "in the jungle|in the valley|in the zoo": """monkey tiger elephant panda parrot sloth toucan jaguar panther leopard chimpanzee baboon
        snake cockatoo lemur anteater chameleon lizard butterfly""",
    "in the desert|in the valley|on the hill": "camel lion giraffe rhino kangaroo antelope gazelle meerkat dingo buffalo bison cowboy cowgirl",
    "in the castle|in the palace|in the tower": """king queen prince princess knight wizard witch duke duchess emperor empress butler maid dragon
        ghost soldier monster spirit""",
    "in the mountains|on the mountain|in the snow|in the cave": "eagle snowman reindeer puma bat giant dwarf ogre griffin werewolf golem phoenix snowflake",
    "in the city|in the workshop|on the street|at the station": """robot android doctor teacher engineer mechanic postman policeman firefighter
        driver pilot builder inventor scientist programmer gamer rat pigeon""",
    "in the village|in the town|at the market|in the cottage|in the bakery": """girl boy grandmother grandfather mother father sister brother
        uncle aunt child baby baker cook tailor gardener miller blacksmith shoemaker clockmaker merchant""",
    "on the moon|in the tower|on the roof": "astronaut alien star moon sun cloud",
}
HOME_OF = {hero: places.split("|") for places, heroes in HABITATS.items() for hero in heroes.split()}

# use -> plots that suit it; a told story leans towards them.
PLOTS_FOR = {
    use: plots.split()
    for use, plots in {
        "light": "fear help trip",
        "shelter": "help trip",
        "pull": "help plan",
        "warm": "help gift fear",
        "music": "show gift share",
        "food": "share gift help",
        "carry": "trip help",
        "tool": "plan help mend",
        "cross": "trip help",
        "ride": "trip share mend",
        "see": "trip fear lose",
        "write": "gift help lose",
        "open": "lose owner",
        "play": "share lose mend",
        "pretty": "owner lose gift",
        "clean": "help plan",
        "time": "mend lose gift",
        "wear": "owner lose show",
        "grow": "gift help wish",
        "rest": "mend plan help",
        "magic": "wish show",
        "drink": "mend share help",
    }.items()
}

# Subjects that are neither hero nor thing: the story says what it is about and goes on as it likes.
TOPICS = """friendship|love|courage|kindness|winter|summer|spring|autumn|christmas|easter|space|school|bedtime|luck|hope|trust|patience|
sharing|honesty|magic|adventure|happiness|snow|rain|sunshine|the night|dreams|music|family|home|travel|football|dinosaurs|growing up|
being brave|the sea|the first day of school|a rainy day|a birthday|a long journey|my family|a big storm|new friends|saying sorry|
a secret|the weather|the moon and the stars|going to bed|telling the truth|a party|a holiday|a race""".replace(
    "\n", ""
).split("|")

LESSONS = {
    "lose": ["friends make every search shorter", "it is good to ask for help", "no one has to search alone"],
    "owner": ["giving back what you find feels good", "being honest makes new friends", "a kind deed comes back"],
    "help": [
        "helping a friend is the best thing of all",
        "even the smallest can help",
        "a friend in need is worth stopping for",
    ],
    "share": [
        "sharing makes everything twice as good",
        "there is enough when you share",
        "playing together is better than playing alone",
    ],
    "gift": [
        "a gift from the heart is the best gift",
        "the best gifts do not have to be big",
        "giving is as nice as getting",
    ],
    "mend": ["broken things can be mended", "telling the truth is always best", "anyone can make a mistake"],
    "show": ["it is fine to be nervous", "trying is braver than winning", "practice makes things easier"],
    "trip": [
        "a long road is shorter with a friend",
        "every big trip begins with one step",
        "going slowly also gets you there",
    ],
    "fear": [
        "being brave means trying although you are afraid",
        "scary things look smaller next to a friend",
        "most scary noises are nothing at all",
    ],
    "wish": [
        "a wish for someone else is the best wish",
        "good friends are worth more than magic",
        "kind wishes come true",
    ],
    "plan": ["good work takes time", "two can do what one can not", "it is fun to make things together"],
}
