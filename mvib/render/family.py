"""The family of all bundled methods, as text, as a page of Markdown and as a picture."""

from collections.abc import Iterator, Mapping

from mvib.theory.comparison import Sameness
from mvib.theory.family import Family, Kin, Relation, without_shortcuts

_FONT = "Times"
_MOST_IN_A_ROW = 4


def family_text(family: Family) -> str:
    """All classes with the estimators of their methods, then every relation between classes; one line each."""
    lines = []
    for number, kin in enumerate(family.kins, start=1):
        lines.append(f"{number}. {kin.title}   ({_data(kin)})")
        lines += [f"     {name}: {'; '.join(kin.estimators[name])}" for name in kin.members]
    lines.append("")
    lines += [_relation_text(family, relation) for relation in family.relations]
    return "\n".join(lines) + "\n"


def _data(kin: Kin) -> str:
    return " and ".join(kin.data) or "none"


def _relation_text(family: Family, relation: Relation) -> str:
    head = f"{relation.first + 1} "
    if relation.sameness is Sameness.EQUAL_BY_PROOF:
        head += f"= {relation.second + 1}   up to multipliers, proved"
    else:
        head += f"> {relation.second + 1}   adds {', '.join(relation.additions)}"
    pairs = ", ".join(f"{a} / {b}" for a, b in relation.pairs)
    return f"{head}   [{pairs}]" if pairs else head


def family_markdown(family: Family, picture: str) -> str:
    """The page: what the picture shows, and a table of the classes.

    Args:
        family: all methods.
        picture: path of the picture from the page.
    """
    rows = [
        f"| {number} | `{_escape(kin.title)}` | {_data(kin)} | {_members(kin)} | {_related(family, number - 1)} |"
        for number, kin in enumerate(family.kins, start=1)
    ]
    lines = [
        "# The family of methods",
        "",
        "Made by `make family` from the verdicts of `mvib diff` on all pairs of the bundled specs. Methods in one",
        "class have the same objective in canonical form: they optimise the same information and differ in the",
        "estimator, which stands behind each name. An arrow runs from a class to one that optimises all that it does",
        "and adds to it; along a dashed line the prover shows that two objectives are the same up to their",
        "multipliers. What no line connects has different information, or learns from different data.",
        "",
        "`X1` and `X2` are the inputs of a method (views, or modalities), `Z1` and `Z2` their codes at whatever depth,",
        "`X` is what an input is drawn from, `Y` a label. A momentum copy counts as what it copies. Multipliers are",
        "left out: those of surrogates have no common unit.",
        "",
        f"![The family of methods]({picture})",
        "",
        "| class | objective | data | methods and estimators | related |",
        "| --- | --- | --- | --- | --- |",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def _members(kin: Kin) -> str:
    return "<br>".join(f"{name}: {_escape('; '.join(kin.estimators[name]))}" for name in kin.members)


def _related(family: Family, place: int) -> str:
    parts = []
    for relation in without_shortcuts(family):
        only = f" ({', '.join(sorted({a if relation.first == place else b for a, b in relation.pairs}))})"
        only = only if relation.pairs else ""
        if relation.sameness is Sameness.EQUAL_BY_PROOF:
            if place in {relation.first, relation.second}:
                other = relation.second if relation.first == place else relation.first
                parts.append(f"= {other + 1} by proof{only}")
        elif relation.first == place:
            parts.append(f"{relation.second + 1} with {_escape(', '.join(relation.additions))}{only}")
    return "<br>".join(dict.fromkeys(parts))


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


def family_dot(family: Family) -> str:
    """The picture: a box for each class, grouped by the data, and arrows for what is added."""
    lines = [
        "digraph family {",
        '  rankdir=LR; nodesep=0.18; ranksep=0.9; bgcolor="white"; newrank=true;',
        f'  node [shape=box, style="rounded,filled", fillcolor="#f6f6f6", fontname="{_FONT}", fontsize=11];',
        f'  edge [fontname="{_FONT}", fontsize=9, color="#555555", fontcolor="#333333"];',
    ]
    for number, (data, places) in enumerate(_by_data(family).items()):
        lines.append(f"  subgraph cluster_{number} {{")
        lines.append(f'    label="{_quoted(data)}"; labeljust=l; fontname="{_FONT}"; fontsize=12; color="#cccccc";')
        lines += [f"    k{place} [label=<{_label(family.kins[place], place)}>];" for place in places]
        lines.append("  }")
    lines += _edges(family)
    lines.append("}")
    return "\n".join(lines) + "\n"


def _by_data(family: Family) -> Mapping[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for place, kin in enumerate(family.kins):
        groups.setdefault(f"learned from {_data(kin)}", []).append(place)
    return groups


def _label(kin: Kin, place: int) -> str:
    goals = [f"<b>{_html(f'{goal.kind.value} {goal.pattern}')}</b>" for goal in kin.goals]
    names = [
        _html(", ".join(kin.members[start : start + _MOST_IN_A_ROW]))
        for start in range(0, len(kin.members), _MOST_IN_A_ROW)
    ]
    return "<br/>".join([f"{place + 1}. {goals[0]}", *goals[1:], *names])


def _edges(family: Family) -> Iterator[str]:
    drawn: set[tuple[int, int]] = set()
    for relation in without_shortcuts(family):
        ends = (relation.second, relation.first)
        if ends in drawn:
            continue
        drawn.add(ends)
        if relation.sameness is Sameness.EQUAL_BY_PROOF:
            yield f'  k{ends[0]} -> k{ends[1]} [dir=none, style=dashed, constraint=false, label="="];'
        else:
            # A line for each thing that is added.
            added = "\\n".join(_quoted(f"+ {addition}") for addition in relation.additions)
            yield f'  k{ends[0]} -> k{ends[1]} [label="{added}"];'


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
