"""A name for a run that has none: easy to say, and the same for the same id."""

from __future__ import annotations

_ADJECTIVES = (
    "amber ample brave brisk calm clear coral crisp deft eager early fleet fond frank fresh gentle "
    "golden grand hardy honest jolly keen kind lively lucid mellow merry mild neat noble plain "
    "polite proud quick quiet rapid ready royal serene sharp silent silver sober solid sound "
    "spry stable steady stout sturdy sunny sure swift tidy true vivid warm wise witty"
).split()
_NOUNS = (
    "acorn alder aspen badger beaver birch bison cedar clover condor crane curlew daisy dolphin "
    "eagle egret elm falcon fern finch fjord fox gannet glacier grouse harbor hare hawk heron ibis "
    "island jay kestrel lagoon lark linden lynx maple marten meadow moose oak orca osprey otter "
    "owl pine plover puffin raven reef robin salmon seal spruce stork swan tern trout willow wren"
).split()


def run_name(run_id: str) -> str:
    """Return a name made from the random part of an id, such as 'brisk-otter-407'."""
    number = int(run_id[8:], 16)
    number, noun = divmod(number, len(_NOUNS))
    number, adjective = divmod(number, len(_ADJECTIVES))
    return f"{_ADJECTIVES[adjective]}-{_NOUNS[noun]}-{number % 1000:03d}"
