# ruff: noqa: E501, SIM905  (one template or list to a line; word lists read best as text)
"""The ways in which people ask for a story."""

from dataclasses import dataclass

import words
from grammar import a, sample, tidy, upper_first
from nouns import made_up_name, made_up_noun
from stories import Wish, any_pair

# {s} is the subject: "a fox and a lantern"; {b} the bare subject: "fox and lantern".
WITH_SUBJECT = [
    "[Tell|Write|Give|Make|Read|Show] me a [short|little|nice|funny|good|new|quick|] [story|tale] [about|with|of|on] {s}",
    "[Please|Pls|Plz|] tell [me|us|my son|my daughter|the kids|my little sister|my children|her|him|everyone] a [short|bedtime|little|nice|lovely|] story [about|with] {s}",
    "[Can|Could|Would|Will] you [please|] tell [me|us|my son|my daughter|the kids|them] a [short|bedtime|little|nice|] [story|tale] [about|with] {s}[ please|]",
    "[Can|Could|Would|Will] you [write|make up|invent|tell|make] a [short|bedtime|little|nice|] [story|tale] [about|with] {s}",
    "[I want|I would like|I'd like|I'd love|We want|I need|Give me|Let's have|Let's hear|How about|May I have|Can I have|Could I get] [a|one] [story|tale|bedtime story|short story] [about|with] {s}",
    "[Write|Tell|Invent|Create|Make up|Compose|Generate|Think up|Come up with] a [short|little|nice|funny|bedtime|children's|cute|sweet|] [story|tale|fairy tale] [about|with|on|featuring|involving] {s}",
    "[a|the|] [short|bedtime|little|fairy|] [story|tale] [about|with|of|on] {s}[, please| please|]",
    "[A|One] [story|tale] [about|with] {s}[, please| please|]",
    "[Story|Tale|Topic|Subject|Prompt|Story about|Short story|Write a short tale|Tell a story|Characters|Words|Theme|Bedtime story|Please use]: {b}",
    "[Story|Tale|Topic|Short story|Write a short tale|Tell a story]: {s}",
    "{s}",
    "{b}",
    "{b}",
    "{b} story",
    "{b} [please|pls]",
    "[about|with] {s}",
    "[Spin|Tell] [me|us] a yarn [about|with] {s}",
    "[What about|How about] a [story|tale] [about|with] {s}",
    "[Do you know|Have you got|Do you have|Is there] a [story|tale] [about|with] {s}",
    "[I love stories|I like stories|We love tales] about {s}",
    "Once upon a time there [was|were] {s}",
    "Once upon a time, there was {s}",
    "Once there was {s}",
    "There once was {s}",
    "Once upon a time {s}",
    "[My|Our] [daughter|son|child|boy|girl|kid|class] [wants|would like|loves|likes|needs] a story [about|with] {s}",
    "[It is|It's] bedtime[.|,|!] [Tell|Read] [me|us] a story about {s}",
    "[Tell|Write] [me|us] [something|anything] about {s} [in a story|as a story]",
    "Use [these words|the words] in a story: {b}",
    "Write a story [that has|using|which has|containing] {s}[ in it|]",
    "[Make|Write] [it|the story] about {s}",
    "[Now|Next|And now] [one|a story|tell one] [about|with] {s}",
    "[Another one|Another story|One more|A new story] [about|with] {s}",
    "[The hero|The main character] [is|should be] {s}",
    "A bedtime [story|tale] for [my son|my daughter|the children|me] [about|with] {s}",
    "[Hi|Hello|Hey][,|!] [tell me|can you tell me|please write|I want] a story [about|with] {s}",
    "[Imagine|Picture] {s} [and tell me a story|and write a story about it]",
    "[Let me hear|I want to hear|We want to hear] [a story|a tale|something] about {s}",
    "I am [bored|sad|tired|ill][.|,] [Tell|tell] me a story about {s}",
    "[Tell|Write] me a story in which there is {s}",
    "[Try|Do|Go for] a story [about|with] {s}",
    "Story time[!|:|.] {s}",
    "Say something [nice|funny|sweet] about {s} in a story",
    "story {b}",
    "tell me about {s} in a story",
    "[Tell|Write] me [a fable|a fairytale|a legend|a bedtime tale|an adventure|an adventure story] [about|with] {s}",
    "[A fable|A fairytale|A legend|An adventure] [about|with] {s}",
    "Entertain [me|us] with a [story|tale] [about|of] {s}",
    "[Tell|Write] a story where {s} [meet|are friends|are important|appear]",
    "How does the [story|tale] of {s} go[ again|][?|]",
    "[What is|What's|Remind me of] the [story|tale] of {s}[ again|][?|]",
    "How would a [story|tale] [about|with|of] {s} [go|begin|start][?|]",
    "[What|And what] happens when {s} [meet|get together|are in the same story][?|? Tell me!|? I want to hear it.]",
    "Any [chance|hope] of [a|one more|a little|a short] [story|tale|bedtime story] [with|about|featuring] {s}[?|, please?| tonight?]",
    "My [nephew|niece|grandson|granddaughter|little brother|baby|cousin|son|kid] [cannot|can't|won't] sleep[, he wants|, she wants| and asks for| and needs|. Please tell] a story [about|with] {s}[.|]",
    "My [nephew|niece|grandson|granddaughter|grandchild|daughter|pupil|baby sister] [is asking|asks|keeps asking|begs|is begging] for [a story|a tale|one] [with|about] {s}[ in it|][.|!|]",
    "[Please, could|Could|Might] you [come up with|think of|tell|write] a [bedtime|little|short|sweet] [story|tale] featuring {s}[, please|][?|.]",
    "I'd [really|very much|so|truly] [enjoy|love|like] [hearing|reading|to hear|to read] [a tale of|a story about|a tale about|a story with] {s}[.|!|]",
    "[Weave|Build|Craft|Knit|Spin] [me|us] a [story|tale] around {s}[.|, please.|]",
    "Write [something|anything] [short|nice|sweet|simple] for [children|kids|little ones|a child|small children]: {b}",
    "[Let's do|Let us do|Let's have|Let's try|Time for|Ready for] a story[. |: |! |, ]{b}[.|]",
    "We need a [good night|good-night|goodnight|short|bedtime] [story|tale] [about|with] {s}[.|!|]",
    "Do [me|us] a favour and [tell|write|make up|give us] a [story|tale] [about|with] {s}[.|, will you?|]",
    "Once upon a time there [lived|came] {s}",
    "[Be so kind and|Be so good as to|Be an angel and|Would you be so kind and|Be a dear and] tell [us|me|the kids] a story [with|about] {s}[.|]",
    "[can u|could u|can ya|will u|cud you] [pls|plz|please|] [tell|give|write] [me|us] a story [about|with|bout] {s}",
    "[GIVE US|GIVE ME|TELL ME|WRITE ME|I WANT|WE WANT] A STORY [ABOUT|WITH] {s}[!|!!|!!!|]",
    "[a|one|1] new story: {b}",
    "[Today|Tonight|This time|This evening|For once] [I want|I'd like|we want|let] the story to be about {s}[.|!|]",
    "[Kids|The kids|My kids|Children|Everyone|Grandma] [want|wants|need|wanna hear] {s} story[.|!|]",
    "[Kids|The kids|My kids|Children|Everyone] [want|wants|need|wanna hear] [a|the] {b} [story|tale][.|!|]",
    "[a |the |][story|tale] [about|with] {s} [pls|plz|thx|pretty please|now please|for tonight][.|!|]",
    "{b}: a [story|tale|bedtime story|short story|little story][ please|, please|][.|!|]",
    "{b} - [story|tale|write a story|tell me a story|make it a story|a story please][.|!|]",
    "{b}[. |! |... ][Tell|Write|Make|Give] [me|us] a story [with these|with them|with that|about that|about it|about them|out of that|from these words][.|!|]",
    "{b}[. |! |, ]go[!|.|]",
    "{b} [bedtime|night time|fairy|short|kids] [story|tale][ please| pls| thx|]",
    "{b} [in|into] [a|one] [story|tale|short tale|bedtime story][, please|, thanks|][.|]",
    "{b}[, | ][but|turned|made|put|now] [in|into|as] a [story|tale|fairy tale][.|]",
    "{b} [are|were] [my|our|the] [words|two words|ideas|favourites], [now|so] [tell|write] [a|the|me a] story[.|!|]",
    "{s}, that is [what|all] the story should be about[.|]",
    "{s}[: |. | - |, ][what|which] [story|tale] [comes to mind|can you tell|do you have|does that make|would that be][?|]",
    "{s}[. |, ][That's what|This is what|That is what] I [want|would like|'d love] [a story|to hear a story|the tale] about[.|]",
    "{s} [would|could|should|might] [make|be in|be] a [nice|good|lovely|great] story[. Tell it!|, tell it please|, don't you think? Tell me|. Go on!]",
    "{s}[. |, ][Once upon a time|Your turn|Go ahead|Tell it|You tell the rest|Make something of it][.|!|...|]",
    "{s}[, please| please|, pls|, thanks|][ - it's bedtime|: I need it for bedtime|. For my daughter|. For a child of four][.|]",
    "{s}[? |... ][Is there a story|Any story|Do you have a tale|Got a story] [for that|like that|there|with that][?|]",
    "[The|My|Our|Today's|Tonight's] [topic|subject|theme|words|heroes|wish] [is|are|:|shall be|would be] {b}[.|. Go!|]",
    "[The story|It|Your story|The tale] [should|must|has to|needs to|ought to] [be about|have|include|feature|contain|mention|tell of] {s}[.|, please.|]",
    "[I wish|If only] [there was|there were|I had|someone told me|you told me] a [story|tale] [about|with] {s}[.|!|...|]",
    "[I was wondering|I wonder|I'd be happy|I'd be glad] if you [could|would|might] tell [me|us] [a story|something|a tale] about {s}[.|?|]",
    "[If you don't mind|If it's no trouble|When you have time|If you can], [a story|one story|tell a story|write a story] [about|with] {s}[.|, please.| would be nice.|]",
    "[Sorry to bother you|Excuse me|Good evening|Dear Tiny|Hi there|Ok|Okay|Right|So|Well|Hmm], [I need|I'd like|how about|maybe|we want] a story [about|with] {s}[.|!|]",
    "[Start|Begin] a story with {s}[ and see where it goes| and go on from there|][.|]",
    "[Put|Throw|Work|Bring|Mix] {s} [in|into] [a|one|your] [story|tale|bedtime story][, please|, will you|][.|]",
    "[Let|Have] {s} [be in|star in|appear in|be part of] [a|your|the next|a little] [story|tale][.|, please.|]",
    "[Take|Pick|Use|Here you go:|Two words:|My words:|Ingredients:] {b}[ and|. Now|. Then] [tell|write|make|give us] [a|me a|us a] [story|tale][.|!|]",
    "[something|anything|smth|sth] [about|with|like] {s}[, short|, as a story|, for bedtime|, a story I mean|, a tale maybe][.|]",
    "[I've|I have|We have] [had a long day|got five minutes|ten minutes before bed|nothing to read], [so|and so|please] [tell me|read me|give me] a story [about|with] {s}[.|]",
    "[Before|When] I [go to bed|sleep|close my eyes], [I want to hear|tell me|I'd like|read me] [a story|a tale|the tale] [about|of] {s}[.|]",
    "[It's|It is|Today is] my [birthday|daughter's birthday|son's birthday|first day here][! |. |, ][A story|I want a story|Tell a story|One story] about {s}[, please|][.|!|]",
    "[My|Our] [favourite|best] stories [have|are about|are those with|are full of] {s}[. Tell me one|, tell us one|. One of those, please|][.|!|]",
    "[Know|Got|Have|Heard] [any|a|some] [good |nice |] [story|stories|tale|tales] [about|with] {s}[?|]",
    "[What|Which] story [could|can|would] you [tell|make|write|invent] [about|with] {s}[?|]",
    "[Why not|Why don't you|How about you|What if you] [tell|write|make] [me|us] a story [about|with] {s}[?|]",
    "[Is it|Would it be] [possible|ok|too much] to [get|have|hear|ask for] a [story|tale] [about|with] {s}[?|]",
    "[Story|Tale] [request|idea|wanted|needed|time][: | - |! ]{b}",
    "story[: | - | = |, |/]{b}",
    "[Not long|Nothing scary|Nothing sad|Short and sweet|Keep it short|Something gentle][, |: |. |, please: ]a story [about|with] {s}[.|]",
    'A story [for|from|out of|made of|built from] the words "{b}"[, please|][.|]',
    '[Write|Tell|Do|Make] "{b}" as a [story|tale|bedtime story|fairy tale][.|, please.|]',
    "The [tale|story|adventures|legend|life] of {s}[.|, please.|, if you please.|]",
    "[Tell|Read] [me|us] [the one|that one|the tale|that story] [about|with] {s}[ again|][.|, please.|]",
    "What [happened|happens] to {s}[? Tell me a story.|? Make it a story.|? A bedtime story please.| once upon a time?]",
    "I [bet|guess|hope] you can [tell|write] a [great|good|nice] story about {s}[.|!]",
    "[There's|There is] {s} in my head[. |, ][please|now] [make|write] a story of it[.|]",
    "Could [we|I] hear [the one|a story|a tale] [about|with] {s}[?|, please?]",
    "[Something|A story|A little something] for [the little ones|my kids|bedtime][: |, ]{s}",
    "[My|Our] [five|six|four|seven]-year-old [loves|wants|asked for|is into] {s}[. A story, please|, please write a story|: tell a story|. Tell us a story][.|]",
    "[Hey|Hi|Yo|Hello] tiny[, |! ][a|one|give me a|tell me a] story [about|with] {s}[, please|][.|!|]",
    "[I'm|I am] [putting|trying to get] the kids to [bed|sleep][. |, ][tell|give|read] us [a story|something] [about|with] {s}[.|]",
    "[Today's|Tonight's|This evening's] story: {s}[.|]",
    "[The|Our] [characters|main characters|cast][ today| tonight|]: {b}[. Begin|. Start|. Go ahead|][.|]",
    "[Create|Produce|Generate|Deliver|Draft|Pen] [a|one] [cute|tiny|brief|quick|sweet|gentle|five sentence] [story|tale|narrative] [about|around|featuring|starring|that stars|with] {s}[.|]",
    "[Are|Aren't] there [stories|tales] [about|with] {s}[? Tell me one|? I want one][.|]",
    "Tell [a|the] [kid|child|little one|little girl|little boy] a story [about|with] {s}[.|]",
    "[Since|Because|As] it's [raining|late|Sunday|cold outside][, |: ][a|tell me a|how about a] story [about|with] {s}[.|?|]",
    "[What if|Suppose|Say|Let's say|Pretend] there [was|were|is] {s}[? |. |, ][Tell me the story|What's the story|Write the story|Go][.|?|]",
    "[And now|Next up|Next|Then] {s}[, please|][.|!|]",
    "[Do|Try|Make] {s} [next|now|this time|for a change][.|!|]",
    "[Same|Another one,|The same again,] but [with|about] {s}[.|, please.|]",
    "[Story|Tale|A tale|Short story] starring {s}[.|!|, please|]",
    "In [the|tonight's|our] story there [should|must|has to|ought to] be {s}[.|]",
    "[One|A] story[, |: |; ]{s}[, go|, please|][.|!|]",
    "[I'd|I would] be [so |very |]happy [about|with] a [story|tale] [of|about|with] {s}[.|!|]",
    "[Would|Could] there be a story [about|with] {s}[?|, maybe?]",
    "[You know what|Guess what|Listen][? |, |. ]I [want|need|would like] a story [about|with] {s}[.|!|]",
    "[May|Might|Could] I [request|ask for|suggest] [a story|a tale|a bedtime story] [about|with|involving] {s}[?|, please?|.]",
    "[Please|Kindly] [prepare|compose|present|share|supply] a [story|tale] [about|with|concerning|regarding] {s}[.|]",
    "[Story|Tale] [with|about|of] {s} for [a|my] [child|kid|three year old|daughter|son|class|grandson][.|, please.|]",
    "[Can|Could] you have {s} in [a|the|your] [next |]story[?|, please?]",
    "[All|Everything] I [want|need|ask for] is a story [about|with] {s}[.|!|]",
    "[Long ago|Long, long ago|In a faraway land|Far away] there [was|lived] {s}[.|...|]",
    "[Begin|Start|Continue|Go on][: |, ]Once upon a time there was {s}[...|.|]",
    "[Long ago|In the old days|Far away|One day]... {s}[.|]",
    "[Imagine this|Picture this|So here it is][: |, ]{s}[. |! ][Now you|Your turn|Continue][.|]",
    "[Bedtime|Sleepy time|Story hour|Cuddle time][: |, |! ]{s}[.|, please|]",
    "[gimme|wanna hear|i wanna hear|lemme hear] [a|one|some] story [about|with|bout|abt] {s}[.|!| pls|]",
    "[u|you] [know|got] [a|any] story [about|with|abt] {s}[?|]",
    "story abt {s}[ pls| plz|]",
    "[i want|i need|want|need] story: {b}",
    "[write|tell|make] story {b}",
    "{b}[.|!|...| :)|?]",
    "{b}, [and make it|make it|keep it|please keep it] [short|funny|sweet|gentle|simple|nice][.|]",
    "{s}[, | - ][make it|keep it] [short|funny|sweet|cosy|a story|a fairy tale][.|]",
    "[Fairy tale|Fable|Legend|Adventure|Bedtime tale|Short tale][: |, | - ]{s}[.|]",
    "[A tale|A fable|A story] about {s} [would|could] [be nice|be lovely|help|do][.|]",
    "[Anything|Something] [about|with] {s} [would|will] do[.|, really.|, as long as it is a story.|]",
    "[My|Our] [students|pupils|class|school] [wrote|chose|picked|voted for] {b}[. Make it a story|. Tell the story|, please tell a story][.|]",
    "[The|Our] [class|children|twins|kids] [picked|chose|voted for|would love] {s}[. |, ][story please|tell a story|so tell it][.|]",
    "[Have you|Got|You have] [a minute|time][? |, ][A story|Tell me a story|I want a story] [about|with] {s}[.|, please.|]",
    "[I|We] [dreamt|dreamed|thought] [of|about] {s}[. |, ][make|write|tell] [it as a story|a story about it|me the story][.|]",
    "[I|We] saw {s} [today|yesterday|in a book][. |, |! ][Tell|Write|Make] [me|us] a story [about that|about it|of it][.|]",
    "[She|He|My daughter|My son|The little one] [keeps talking|talks|asks] about {s}[. |, ][a story please|tell a story|can you tell a story][.|?|]",
    "For [my sister|my mum|grandma|a friend][, |: ]a story [about|with] {s}[.|, please.|]",
    "[The title|Title] [is|shall be|:] {b}[. |, ][write|tell|go on|now the story][.|]",
    "[Combine|Use|Join|Connect] {b} in [a|one] [story|tale][.|]",
    "[Build|Make|Write|Create|Do] [a|some] [story|tale] [from|out of|using|with|around]: {b}",
    "[Two|Our two|My two] [words|things|ideas][: |, ]{b}[. |; ][story|tale|bedtime story][, please|][.|]",
    "[With|About] {s}[, |: |; ][a story|a tale|one story|a bedtime story][, please|][.|!|]",
    "I [heard|read] [you tell|that you tell] [stories|tales]. [One|Tell one|How about one|I want one] [about|with] {s}[.|?|, please.|]",
    "[Tell|Read|Give] me one[ more|] [about|with|of] {s}[, a story I mean|, please|][.|]",
    "[We are|The family is|The children are] [waiting|ready|listening][: |, |! ][a|the|your] story [about|with|of] {s}[.|, please.|]",
    "[I|We] [never|have never|haven't] heard a [story|tale] [about|with] {s}[. Tell me one|. Can you tell one|, can you tell one][.|?|]",
]
NO_SUBJECT = [
    "Once upon a time",
    "Once upon a time...",
    "Once upon a time there was",
    "Once upon a time,",
    "[Please|Pls|] [tell|write|read] [me|us] a [short|nice|little|bedtime|good|funny|new|] [story|tale]",
    "[Can|Could|Would|Will] you [please|] tell [me|us] a [short|nice|bedtime|] [story|tale]",
    "[A|Another|One more|One] [story|tale][, please| please|]",
    "[Story|Story please|Bedtime story|story time|Storytime|A story|Short story]",
    "Tell me [something nice|a fairy tale|any story|another story|another one|one more]",
    "I want a [story|bedtime story|tale]",
    "[Tell|Write] a [short|nice|little|] [story|tale]",
    "Make up a story",
    "[Surprise me|Entertain me]",
    "[I am bored|I can't sleep|My son can't sleep][.|,] [tell|Tell] me a story",
    "Tell [my daughter|my son|the kids|the children] a story",
    "[Another|One more|Again|Next one|Another one][, please| please|]",
    "Do you know a [story|tale]",
    "Give me a [story|tale]",
    "[Long, long ago|Long ago|There once was]",
    "Spin me a yarn",
    "Read me something",
    "Tell me a story about [anything|something|whatever you like|someone|something nice]",
    "[Any chance of|How about|What about|Is there time for|Got time for] a [story|tale|bedtime story][?|]",
    "[My nephew|My niece|The baby|My little brother] [cannot|can't|won't] sleep[, a story please|. Any story will do|. Do you have a story][.|?|]",
    "[You choose|You pick|Your choice|Up to you|I don't mind which|No matter what about], [just|but] [tell me|tell us|give us] a story[.|]",
    "[I'd really enjoy|I would love|I feel like|I'm in the mood for] [hearing a story|a story|a tale|a bedtime story] [now|tonight|today|][.|!|]",
    "[can u|could u|will u] [tell|give] [me|us] [a story|a tale|1 story] [pls|plz|]",
    "[It's bedtime|Time for bed|The children are in bed|We are all ears|I'm listening][. |, |! ][A story|One story|Story|Your story][, please|][.|!|]",
    "[Let's hear|Let's have|We need|We want|Kids want|I need] [a story|a tale|a bedtime story|one of your stories][.|!|]",
    "[Be so kind and|Do me a favour and|Go ahead and|Come on,|Why don't you] tell [me|us] a story[.|]",
    "[Do|Invent|Think up|Improvise|Begin|Start] [a|any|some] story[, please|, whatever it is|][.|]",
    "[What|Which] story [do you have|will it be|can you tell] [today|tonight|for me|for us][?|]",
    "Once upon a time there lived",
]
VERBS = {
    "lose": ["who [loses|lost]", "that [loses|lost]", "[losing|looking for]", "who can not find"],
    "owner": ["who [finds|found]", "that [finds|found]", "finding"],
}
LINKS = ["and", "and", "and", "and", "with", "with", "who has", "who owns", "that has", "and also"]
BARE_LINKS = [" and ", " and ", ", ", ", ", " & ", " + ", " with ", " "]


@dataclass
class Request:
    """What the person types and what it asks for."""

    text: str
    wish: Wish


def story_request(rng, unknown=0.4):
    """A request for a story, with a two-noun, one-noun or empty subject."""
    kind = rng.random()
    if kind < 0.08:
        return Request(_finish(sample(rng.choice(NO_SUBJECT), rng), rng), Wish())
    if kind < 0.11:
        return _twins(rng)
    if kind < 0.15:
        return _by_name(rng, unknown) if kind < 0.135 else _by_topic(rng)
    wish = _wish(rng, unknown)
    full, bare = _phrases(wish, rng)
    template = rng.choice(WITH_SUBJECT)
    bare_only = "{b}" in template
    if bare_only and (wish.place or wish.plot or wish.name):
        wish.place = wish.plot = wish.name = None
        full, bare = _phrases(wish, rng)
    text = tidy(sample(template, rng).replace("{s}", full).replace("{b}", bare))
    return Request(_finish(text, rng, full if "{s}" in template else bare), wish)


def _wish(rng, unknown):
    """Nouns, adjectives, a name, a place: each there or not."""
    hero, thing = any_pair(rng, unknown)
    wish = Wish(hero, thing)
    kind = rng.random()
    if kind < 0.14:
        wish.thing = None
    elif kind < 0.22:
        wish.hero = None
        if wish.thing not in words.USE_OF:
            wish.thing = rng.choice(words.THINGS)
    if wish.hero and rng.random() < 0.25:
        wish.hero_adjective = _adjective(words.HERO_ADJECTIVES, rng)
    if wish.thing and rng.random() < 0.25:
        wish.thing_adjective = _adjective(words.THING_ADJECTIVES, rng)
    if wish.hero and rng.random() < 0.12:
        names = words.HERO_GIRLS + words.HERO_BOYS + words.FRIEND_GIRLS + words.FRIEND_BOYS
        wish.name = made_up_name(rng) if rng.random() < 0.35 else rng.choice(names)
    if rng.random() < 0.07:
        wish.place = rng.choice(words.PLACES)
    if wish.hero and wish.thing and rng.random() < 0.08:
        wish.plot = rng.choice(list(VERBS))
    return wish


def _adjective(known, rng):
    """One adjective, sometimes two, sometimes one that is in no list."""
    if rng.random() < 0.1:
        return made_up_noun(rng)
    if rng.random() < 0.12:
        first, second = rng.sample(known, 2)
        return f"{first} {second}"
    return rng.choice(known)


def _phrases(wish, rng):
    """The subject in full ("a fox and a lantern") and bare ("fox lantern")."""
    hero = _noun_phrase(wish.hero, wish.hero_adjective, rng, wish.name) if wish.hero else None
    thing = _noun_phrase(wish.thing, wish.thing_adjective, rng) if wish.thing else None
    if hero and thing:
        link = sample(rng.choice(VERBS[wish.plot]), rng) if wish.plot else rng.choice(LINKS)
        full = f"{hero} {link} {thing}"
        if not wish.plot and rng.random() < 0.07:
            full = f"{thing} and {hero}" if wish.hero in words.HEROES and wish.thing in words.USE_OF else full
    else:
        full = hero or thing
    if wish.place:
        full += " " + wish.place
    bare_words = [
        f"{adjective or ''} {noun}".strip()
        for noun, adjective in ((wish.hero, wish.hero_adjective), (wish.thing, wish.thing_adjective))
        if noun
    ]
    return full, rng.choice(BARE_LINKS).join(bare_words)


def _noun_phrase(noun, adjective, rng, name=None):
    words_ = f"{adjective} {noun}" if adjective else noun
    kind = rng.random()
    if name:
        if kind < 0.15 and not adjective:
            return f"{name} the {noun}"
        return a(words_) + rng.choice((" named ", " called ", " named ")) + name
    if kind < 0.05:
        return "the " + words_
    if kind < 0.08:
        return "my " + words_
    if kind < 0.10:
        return f'"{words_}"'
    if kind < 0.12:
        return words_
    return a(words_)


ABOUT = [line for line in WITH_SUBJECT if "about {s}" in line or "|about" in line or "[about" in line]


def _by_name(rng, unknown):
    """A name and no noun: "a story about Mia", "about Mia and Tom", "about Mia and a lantern"."""
    girl = rng.random() < 0.5
    name = rng.choice(words.HERO_GIRLS + words.FRIEND_GIRLS if girl else words.HERO_BOYS + words.FRIEND_BOYS)
    if rng.random() < 0.25:
        name = made_up_name(rng)
    wish = Wish(
        rng.choice(("girl", "child", "princess", "woman") if girl else ("boy", "child", "prince", "man"))
        if rng.random() < 0.5
        else "girl"
        if girl
        else "boy",
        name=name,
    )
    subject = name
    if rng.random() < 0.6:
        wish.thing = any_pair(rng, unknown)[1]
        subject += f" and {a(wish.thing)}"
    elif rng.random() < 0.5:
        wish.friend_name = rng.choice(words.FRIEND_GIRLS + words.FRIEND_BOYS + words.HERO_GIRLS + words.HERO_BOYS)
        if wish.friend_name == name:
            return _by_name(rng, unknown)
        subject += f" and {wish.friend_name}"
    text = tidy(sample(rng.choice(ABOUT), rng).replace("{s}", subject))
    return Request(_finish(text, rng, subject), wish)


def _by_topic(rng):
    """Neither hero nor thing: "a story about friendship"."""
    wish = Wish(topic=rng.choice(words.TOPICS))
    text = tidy(sample(rng.choice(ABOUT), rng).replace("{s}", wish.topic))
    return Request(_finish(text, rng, wish.topic), wish)


PLURAL_ENDS = (("y", "ies"), ("s", "ses"), ("sh", "shes"), ("ch", "ches"), ("x", "xes"), ("fe", "ves"))


def plural(noun):
    """The regular plural."""
    for end, ends in PLURAL_ENDS:
        if noun.endswith(end) and not noun.endswith(("ay", "ey", "oy")):
            return noun[: -len(end)] + ends
    return noun + "s"


IRREGULAR = set(
    "mouse wolf deer sheep fish salmon trout goose calf elf dwarf foal squid child woman snowman policeman "
    "fisherman postman puppy octopus buffalo hippo rhino bison puffin".split()
)


def _twins(rng):
    """Two of a kind: "a story about two cats"."""
    hero, thing = any_pair(rng, 0.3)
    while hero in IRREGULAR or hero.endswith(("man", "y", "s", "x", "f", "h")) or " " in hero:
        hero, thing = any_pair(rng, 0.3)
    wish = Wish(hero, None if rng.random() < 0.5 else thing, twins=True)
    subject = f"two {plural(hero)}" + (f" and {a(thing)}" if wish.thing else "")
    if wish.thing is None and rng.random() < 0.3:
        subject, wish.twins = plural(hero), False
    template = rng.choice([line for line in WITH_SUBJECT if "{s}" in line and line != "{s}" and "was {s}" not in line])
    text = tidy(sample(template, rng).replace("{s}", subject))
    return Request(_finish(text, rng, subject), wish)


def _finish(text, rng, keep=""):
    """Punctuation, case and typing slips, as people make them."""
    text = tidy(text)
    if rng.random() < 0.04:
        text = _slip(text, keep, rng)
    kind = rng.random()
    if kind < 0.5:
        text = upper_first(text)
    elif kind < 0.56:
        text = text.title() if len(text) < 40 else text
    elif kind < 0.62:
        text = text.upper()
    else:
        text = text if rng.random() < 0.4 else text[:1].lower() + text[1:]
    if text[-1:].isalnum():
        text += rng.choice(
            (
                "",
                "",
                ".",
                ".",
                "!",
                "?"
                if text.lower().startswith(("can", "could", "would", "will", "do", "how", "what", "is", "may"))
                else "",
            )
        )
    return text


def _slip(text, keep, rng):
    """Swap or drop a letter outside the subject."""
    at = text.find(keep) if keep else len(text)
    if at < 4:
        return text
    spot = rng.randrange(1, at - 2)
    if not text[spot : spot + 2].isalpha():
        return text
    if rng.random() < 0.5:
        return text[:spot] + text[spot + 1] + text[spot] + text[spot + 2 :]
    return text[:spot] + text[spot + 1 :]
