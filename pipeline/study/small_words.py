"""Words that say nothing of what a prompt shows, of English, German and four Romance languages; accents are folded."""


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


FUNCTION = _words(
    "a an the this that these those some any each every another other its it his her their my your our he she they them him",
    "of in on at by with without from to into onto over under above below behind beside near next against between among",
    "around through across along inside outside upon off up down out about like as than for during before after while and",
    "or but not no is are was were be been being has have had do does did there here where which who whom whose what when",
    "very one two three four five several many indoors outdoors made wearing built worn seen s",
    "der die das den dem des ein eine einen einem einer und oder mit ohne auf unter uber neben vor hinter von vom zum zur",
    "im am aus bei durch zwischen",
    "un une le la les du au aux de et ou avec sans sur sous dans devant derriere pres entre pour par d l",
    "una uno el los las unos unas del al y con sin sobre bajo en junto detras delante para por",
    "il lo gli della dello di da nel nella sul sulla su e tra",
    "um uma os com sem sob no na nos nas ao do dos das",
)
ROMANCE = _words("un une le la les una uno el los las unos unas il lo gli um uma os")
"""Articles after which the noun comes before what describes it."""
OF = _words("of de du d di von")
SHOWN = _words(
    "photo photos photograph photography picture image painting drawing sketch illustration render rendering artwork art",
    "portrait closeup view shot style oil watercolor watercolour pixel cartoon highly detailed detail realistic",
    "photorealistic 4k 8k hd quality best group pair bunch foto fotografia imagen bild gemalde dibujo dessin pintura",
)
"""Words for how, and in what number, something is shown."""
THINGS_IN_ING = _words("building string spring ceiling evening morning clothing wedding pudding")
"""Nouns that look like participles."""
