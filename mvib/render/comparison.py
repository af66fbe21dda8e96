"""What `mvib diff` prints: two methods compared, in words."""

import json
from collections.abc import Iterator, Sequence
from textwrap import wrap

from mvib.semantics.method import Member
from mvib.source import printable
from mvib.theory.canonical import Goal
from mvib.theory.comparison import Bounding, Difference, Level, Rewritten, Sameness, addition_of

_WIDTH = 100
_MOST_NAMES = 3


def verdict_text(difference: Difference) -> str:
    """Whether two methods optimise the same information, in a sentence."""
    first, second = _names(difference)
    same = ", ".join(str(goal.pattern) for goal, _ in difference.shared)
    match difference.sameness:
        case Sameness.SAME:
            level = difference.levels[0]
            rest = "the graphs" if level.first or level.second else "modules and parameters"
            have = f"{first} and {second} have the same objective by the same estimators: {same}."
            return f"{have} What may differ are {rest}."
        case Sameness.SAME_INFORMATION:
            what = _what_differs(difference)
            return f"{first} and {second} optimise the same information, {same}, by different {what}."
        case Sameness.EQUAL_BY_PROOF:
            is_any = all(rewriting.holds_for_any_variables for rewriting in difference.rewritings)
            scope = "" if is_any else ", for discrete or quantised variables"
            graph = difference.rewritings[0].subject
            return (
                f"{first} and {second} optimise the same information, up to multipliers: proved on the graph of "
                f"{graph}{scope}."
            )
        case Sameness.FIRST_ADDS:
            return _adds(difference, first, second)
        case Sameness.SECOND_ADDS:
            return _adds(difference, second, first)
        case Sameness.DIFFERENT:
            shared = f" They share {same}." if same else ""
            return f"{first} and {second} optimise different information.{shared}"
        case Sameness.NOT_COMPARABLE:
            data = [" and ".join(subject.data) or "none" for subject in (difference.first, difference.second)]
            form = (
                f" Between the codes of their own inputs both optimise {same}."
                if same and not (difference.only_first or difference.only_second)
                else ""
            )
            return f"{first} and {second} learn from different data ({data[0]}; {data[1]}).{form}"


def _what_differs(difference: Difference) -> str:
    is_estimator = any(set(a.estimators) != set(b.estimators) for a, b in difference.shared)
    is_target = any(bool(a.without_gradient) != bool(b.without_gradient) for a, b in difference.shared)
    parts = ["estimators"] * is_estimator + ["gradients (a target has none in one of them)"] * is_target
    return " and ".join(parts)


def _adds(difference: Difference, more: str, less: str) -> str:
    parts = [f"{addition_of(goal).value} of {goal.pattern}" for goal in difference.additions]
    proved = ", up to multipliers" if difference.rewritings else ""
    return f"{more} optimises all that {less} does{proved}, and adds {' and '.join(parts)}."


def _names(difference: Difference) -> tuple[str, str]:
    return difference.first.name, difference.second.name


def difference_text(difference: Difference, bounds: Sequence[Bounding] = ()) -> str:
    """The comparison for a terminal."""
    first, second = _names(difference)
    blocks = [
        wrap(verdict_text(difference), _WIDTH),
        _proofs(difference.rewritings, bounds),
        *(_level(level, first, second) for level in difference.levels),
        ["roles", *_roles(difference)],
    ]
    return "\n\n".join("\n".join(printable(line) for line in block) for block in blocks if block) + "\n"


def _proofs(rewritings: Sequence[Rewritten], bounds: Sequence[Bounding]) -> list[str]:
    lines = ["proved"] if rewritings or bounds else []
    lines += [f"  {line}" for one in rewritings for line in _rewritten(one)]
    lines += [
        f"  on the graph of {bound.subject}, for any variables: {bound.lesser} <= {bound.greater}" for bound in bounds
    ]
    return lines


def _rewritten(rewriting: Rewritten) -> Iterator[str]:
    scope = "any variables" if rewriting.holds_for_any_variables else "discrete or quantised variables"
    assumed = "; ".join(assumption.text for assumption in rewriting.used_assumptions)
    yield f"on the graph of {rewriting.subject}, for {scope}{f', assuming {assumed}' if assumed else ''}:"
    yield f"  {rewriting_text(rewriting)}"


def rewriting_text(rewriting: Rewritten) -> str:
    """`I(X; Z | Y) = I(Z; X) - I(Z; Y)`."""
    parts = sorted(rewriting.parts, key=lambda part: part[0] < 0)
    right = ""
    for factor, _, shape in parts:
        sign = ("- " if factor < 0 else "+ ") if right else ("-" if factor < 0 else "")
        right += f"{' ' if right else ''}{sign}{shape}"
    return f"{rewriting.goal.shape} = {right}"


def _level(level: Level, first: str, second: str) -> list[str]:
    rows = [("both", level.shared), (f"only {first}", level.first), (f"only {second}", level.second)]
    if not any(facts for _, facts in rows):
        return []
    width = max(len(head) for head, facts in rows if facts)
    lines = [level.name]
    for head, facts in rows:
        for number, fact in enumerate(facts):
            lines.append(f"  {'' if number else head:<{width}}  {fact}")
    return lines


def _roles(difference: Difference) -> Iterator[str]:
    """Who plays which role in each: `Z1` is `Z[1]` in the one and `Q` in the other."""
    casts = [_cast(subject.form.goals) for subject in (difference.first, difference.second)]
    roles = sorted({role for cast in casts for role in cast})
    width = max((len(role) for role in roles), default=0)
    for role in roles:
        players = [
            f"{_list(cast[role])} in {name}"
            for cast, name in zip(casts, _names(difference), strict=True)
            if role in cast
        ]
        yield f"  {role:<{width}}  {', '.join(players)}"


def _cast(goals: Sequence[Goal]) -> dict[str, tuple[Member, ...]]:
    found: dict[str, tuple[Member, ...]] = {}
    for goal in goals:
        for role, members in goal.casting.items():
            found[role] = tuple(dict.fromkeys((*found.get(role, ()), *members)))
    return found


def _list(members: Sequence[Member]) -> str:
    shown = " and ".join(map(str, members[:_MOST_NAMES]))
    return shown + (" and others" if len(members) > _MOST_NAMES else "")


def difference_json(difference: Difference, bounds: Sequence[Bounding] = ()) -> str:
    """The comparison for programs; the keys are stable."""
    record = {
        "first": difference.first.name,
        "second": difference.second.name,
        "verdict": difference.sameness.name.casefold(),
        "words": verdict_text(difference),
        "levels": {
            level.name: {"both": list(level.shared), "first": list(level.first), "second": list(level.second)}
            for level in difference.levels
        },
        "adds": [
            {"kind": addition_of(goal).value, "quantity": str(goal.pattern), "terms": list(goal.terms)}
            for goal in difference.additions
        ],
        "proved": [
            {
                "graph": rewriting.subject,
                "equality": rewriting_text(rewriting),
                "holds_for_any_variables": rewriting.holds_for_any_variables,
                "assumptions": [assumption.text for assumption in rewriting.used_assumptions],
            }
            for rewriting in difference.rewritings
        ],
        "bounds": [
            {"graph": bound.subject, "lesser": str(bound.lesser), "greater": str(bound.greater)} for bound in bounds
        ],
        "roles": [
            {role: [str(member) for member in members] for role, members in _cast(subject.form.goals).items()}
            for subject in (difference.first, difference.second)
        ],
    }
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"
