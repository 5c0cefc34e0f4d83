"""Charts: pictures of numbers as inline SVG, for pages, notebooks and files. Pure functions.

    line_chart("loss", [Line("baseline", steps, values), Line("deeper", steps, values)])
    sparkline("effect of age", [0.2, None, 1.4], limit=1.0)

Each is one `svg` element with a title and, where there is more to say, a description in words, so
that it can be read without sight. Colours, light and dark, are variables of the style around it:
`PALETTE` and `CHART_STYLE` of a page, or what `standing_alone` puts into the picture itself. No
NumPy is needed: numbers are sequences, and what is None or not finite is a gap.
"""

from lite_mlops.charts.bars import bar_chart, matrix_chart
from lite_mlops.charts.boxes import Box, diagram
from lite_mlops.charts.distributions import (
    Pair,
    category_chart,
    mini_pair,
    pair_chart,
    shares,
    spread,
)
from lite_mlops.charts.estimates import Estimate, estimate_chart
from lite_mlops.charts.lines import Band, Below, Limit, Line, Mark, key, line_chart, point_chart
from lite_mlops.charts.palette import (
    CHART_STYLE,
    COLOURS,
    PALETTE,
    beside,
    in_notebook,
    standing_alone,
)
from lite_mlops.charts.reliability import Reliability, reliability_diagram
from lite_mlops.charts.sparks import spark_words, sparkline

__all__ = [
    "CHART_STYLE",
    "COLOURS",
    "PALETTE",
    "Band",
    "Below",
    "Box",
    "Estimate",
    "Limit",
    "Line",
    "Mark",
    "Pair",
    "Reliability",
    "bar_chart",
    "beside",
    "category_chart",
    "diagram",
    "estimate_chart",
    "in_notebook",
    "key",
    "line_chart",
    "matrix_chart",
    "mini_pair",
    "pair_chart",
    "point_chart",
    "reliability_diagram",
    "shares",
    "spark_words",
    "sparkline",
    "spread",
    "standing_alone",
]
