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
