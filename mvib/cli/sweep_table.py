"""The table of a sweep: a row for each combination of settings, mean and spread over seeds, and the chosen one."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from mvib.cli.sweep_choice import Choice
from mvib.cli.sweep_outcome import Cell, Outcome, by_settings, fewest_judges, over_seeds
from mvib.data.tuning import few_note

TUNING_PROTOCOL = (
    "the tuning split: a share of the training part (`tuning` of the train block, a fifth by default), of each class "
    "as nearly as can be, drawn by the seed and left out of training; the held-out part chooses nothing"
)


def sweep_to_json(outcomes: Sequence[Outcome], choice: Choice | None) -> dict[str, Any]:
    """The table as plain values."""
    return {
        "protocol": TUNING_PROTOCOL,
        "judged_by": fewest_judges(outcomes),
        "notes": tuning_notes(outcomes),
        "points": [
            {
                "settings": dict(settings),
                "tuning": _to_json(over_seeds([outcome.metrics for outcome in group])),
                "runs": [
                    {"seed": outcome.point.seed, "folder": str(outcome.folder), "failed": outcome.why or None}
                    for outcome in group
                ],
            }
            for settings, group in by_settings(outcomes)
        ],
        "chosen": None
        if choice is None
        else {
            "settings": dict(choice.runs[0].point.settings),
            "by": choice.by,
            "held_out": _to_json(_held_out(choice)),
        },
    }


def _to_json(cells: dict[str, Cell]) -> dict[str, Any]:
    return {name: {"mean": cell.mean, "std": cell.std, "values": list(cell.values)} for name, cell in cells.items()}


def tuning_notes(outcomes: Sequence[Outcome]) -> list[str]:
    """What a reader must know of the choice; of no example nothing is to say: no run has finished."""
    number = fewest_judges(outcomes)
    note = few_note(number) if number else ""
    return [f"{note}; leave out more, by `--set train.tuning=0.5` at most"] if note else []


def _held_out(choice: Choice) -> dict[str, Cell]:
    return over_seeds([outcome.held_out for outcome in choice.runs])


def sweep_lines(outcomes: Sequence[Outcome], choice: Choice | None, *, form: str, why_not: str = "") -> Iterator[str]:
    """The table as `text`, `csv` or `markdown`.

    Args:
        outcomes: of all runs.
        choice: the chosen combination, none where there is none.
        form: of the table.
        why_not: the reason.
    """
    if form == "csv":
        yield from _csv_lines(outcomes, choice)
        return
    names = list(over_seeds([outcome.metrics for outcome in outcomes]))
    rows = list(by_settings(outcomes))
    table = [[*(name for name, _ in rows[0][0]), "seeds", *names]]
    for settings, group in rows:
        finished = sum(not outcome.why for outcome in group)
        seeds = str(finished) if finished == len(group) else f"{finished} of {len(group)}"
        cells = over_seeds([outcome.metrics for outcome in group])
        table.append([*(value for _, value in settings), seeds, *(str(cells.get(name, Cell(()))) for name in names)])
    yield f"on {TUNING_PROTOCOL}"
    yield f"judged by {fewest_judges(outcomes):,} examples of it"
    yield from (f"note: {note}" for note in tuning_notes(outcomes))
    yield ""
    if form == "markdown":
        table = [[cell.replace("|", "\\|") for cell in row] for row in table]
        yield from (f"| {' | '.join(row)} |" for row in [table[0], ["---"] * len(table[0]), *table[1:]])
    else:
        widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
        yield from ("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
    yield ""
    if choice is None:
        yield f"nothing is chosen: {why_not}"
        return
    yield f"chosen by {choice.by} on the tuning split: {choice.settings}"
    yield "on the held-out part: " + ", ".join(f"{name} {cell}" for name, cell in _held_out(choice).items())


def _csv_lines(outcomes: Sequence[Outcome], choice: Choice | None) -> Iterator[str]:
    """Columns of both splits, those of the held-out part filled for the chosen combination alone."""
    rows = list(by_settings(outcomes))
    held_out = {} if choice is None else _held_out(choice)
    tuned = list(over_seeds([outcome.metrics for outcome in outcomes]))
    heads = [f"{split} {name}" for split, names in (("tuning", tuned), ("held-out", held_out)) for name in names]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    axes = [name for name, _ in rows[0][0]]
    writer.writerow([*axes, "seeds", "chosen", *(column for head in heads for column in (head, f"{head} std"))])
    for settings, group in rows:
        is_chosen = choice is not None and choice.runs[0].point.settings == settings
        cells = over_seeds([outcome.metrics for outcome in group])
        shown = [cells.get(name, Cell(())) for name in tuned]
        shown += [cell if is_chosen else Cell(()) for cell in held_out.values()]
        numbers = [number for cell in shown for number in (cell.mean, cell.std)]
        finished = sum(not outcome.why for outcome in group)
        values = [value for _, value in settings]
        writer.writerow([*values, finished, "yes" if is_chosen else "", *("" if n is None else n for n in numbers)])
    yield from stream.getvalue().splitlines()
