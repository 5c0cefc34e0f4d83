"""How the steps of a pipeline hang together, as a text and as a picture.

print(as_text(graph))
Path("pipeline.svg").write_text(as_svg(graph))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lite_mlops.charts import Box, diagram
from lite_mlops.pipelines.steps import Graph, Step

_MOST_LISTED = 3  # inputs or outputs of one step


def _listed(paths: Iterable[str]) -> str:
    listed = list(paths)
    more = f" and {len(listed) - _MOST_LISTED} more" if len(listed) > _MOST_LISTED else ""
    return ", ".join(listed[:_MOST_LISTED]) + more


def _given(graph: Graph, step: Step) -> list[str]:
    """Return the inputs of a step that no step makes."""
    return [path for path in step.inputs if not graph.makers_of(path)]


def as_text(graph: Graph, states: Mapping[str, str]) -> str:
    """Return the steps in an order in which they can run, each below what it stands on."""
    edges = graph.edges()
    lines = []
    for name in graph.order():
        step = graph.steps[name]
        state = states.get(name)
        lines.append(f"- {name}" + (f"  ({state})" if state else ""))
        lines += [f"    {by} from {above}" for above, below, by in edges if below == name]
        if given := _given(graph, step):
            lines.append(f"    reads {_listed(given)}")
        if step.outputs:
            lines.append(f"    makes {_listed(step.outputs)}")
    return "\n".join(lines)


def as_svg(graph: Graph, states: Mapping[str, str]) -> str:
    """Return the steps by layer as a self-contained SVG document."""
    boxes = []
    for layer in graph.layers():
        column = []
        for name in layer:
            step, state = graph.steps[name], states.get(name)
            facts = {
                "is": state,
                "reads": _listed(_given(graph, step)),
                "makes": _listed(step.outputs),
                **step.params,
            }
            told = {key: value for key, value in facts.items() if value not in ("", None)}
            column.append(Box("step", name, told))
        boxes.append(column)
    edges = [(above, below, _listed(by.split(", "))) for above, below, by in graph.edges()]
    return diagram(f"Pipeline {graph.name}", boxes, edges)
