"""A card as one HTML page that needs nothing else: no network, no script. Pure functions."""

from __future__ import annotations

from lite_mlops.documents import block_html, framed, section_html, text
from lite_mlops.models.cards.facts import CardFacts
from lite_mlops.models.cards.sections import sections

_STYLE = """
body { line-height: 1.55; max-width: 72rem; padding: 3.5rem 2rem 4rem; }
header { margin: 0 0 2.5rem; }
h1 { font-size: 2.1rem; letter-spacing: -.015em; line-height: 1.2; margin: .1rem 0 .5rem; }
section { border-top: 1px solid var(--rule); display: grid; gap: 0 2rem; padding: 1.5rem 0 2rem;
  grid-template-columns: 9rem minmax(0, 1fr); }
h2 { color: var(--accent); font-size: 1rem; font-weight: 600; margin: 0; }
section > div > :first-child { margin-top: 0; }
.lead { font-size: 1.1rem; }
.alias { border: 1px solid var(--accent); border-radius: 1rem; color: var(--accent);
  display: inline-block; font-size: .85rem; margin: 0 .4rem .4rem 0; padding: .05rem .65rem; }
table { font-size: .92rem; }
th, td { max-width: min(24rem, 75vw); padding: .35rem 1.2rem .35rem 0; }
tbody tr:last-child > * { border-bottom: 0; }
footer { border-top: 1px solid var(--rule); font-size: .85rem; padding-top: 1rem; }
@media (max-width: 48rem) { body { padding: 1.5rem 1rem; } section { display: block; }
  h2 { margin-bottom: .75rem; } }
@media print { section { display: block; } h2 { margin-bottom: .5rem; } }
"""


def page(facts: CardFacts) -> str:
    """Return the card as an HTML page."""
    *body, about = sections(facts)
    description = ""
    if facts.description:
        description = f'<p class="prose lead">{text(facts.description)}</p>'
    aliases = "".join(f'<span class="alias">@{text(alias)}</span>' for alias in facts.aliases)
    return framed(
        f"Model card: {facts.name}",
        f'<header><div class="kind">Model card</div><h1>{text(facts.name)}</h1>{aliases}'
        f"{description}</header>\n<main>\n{''.join(map(section_html, body))}</main>\n"
        f"<footer>{''.join(map(block_html, about.blocks))}</footer>",
        style=_STYLE,
    )
