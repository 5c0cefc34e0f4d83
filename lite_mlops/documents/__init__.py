"""Documents: what a card or a report says, section by section, as one HTML page or as Markdown.

    parts = [Section("Use", (Prose("Only for adults."), Pairs({"contact": "ward 3"})))]
    framed("Model card: churn/3", "".join(map(section_html, parts)))
    [section_markdown(part) for part in parts]

Both say the same. Everything given is text and is escaped; pictures are those of `charts`.
"""

from lite_mlops.documents.blocks import (
    NOT_RECORDED,
    NOT_STATED,
    Block,
    Cell,
    Code,
    Drawn,
    Figures,
    Fold,
    Grid,
    Heading,
    Items,
    Pairs,
    Prose,
    Remark,
    Section,
    Word,
)
from lite_mlops.documents.frame import framed, policy, table, text
from lite_mlops.documents.markdown import block_markdown, escaped, section_markdown
from lite_mlops.documents.markup import block_html, section_html

__all__ = [
    "NOT_RECORDED",
    "NOT_STATED",
    "Block",
    "Cell",
    "Code",
    "Drawn",
    "Figures",
    "Fold",
    "Grid",
    "Heading",
    "Items",
    "Pairs",
    "Prose",
    "Remark",
    "Section",
    "Word",
    "block_html",
    "block_markdown",
    "escaped",
    "framed",
    "policy",
    "section_html",
    "section_markdown",
    "table",
    "text",
]
