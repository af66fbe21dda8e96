"""The page: sections in order, each for all runs side by side."""

import math
from collections.abc import Callable, Iterator, Sequence

from mvib.render import LayoutError, render_svg
from mvib.render.formula import objective_text
from mvib.render.markup import plain_text
from mvib.render.overview import build_overview
from mvib.report.charts import Curve, Trail, colour_of, curves, plane, time_colour, time_key
from mvib.report.kept import caveats, dot, kept_table, probe_table, verdicts
from mvib.report.markup import escaped, inline_svg, known_number, number, picture, table, whole
from mvib.report.runs import PICTURES, ReportedRun
from mvib.report.style import STYLE
from mvib.train.history import EpochRecord
from mvib.train.monitors.reading import Entry
from mvib.version import __version__

Runs = Sequence[ReportedRun]

# Nothing is loaded from anywhere, whatever a file of a run says.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
# Readings that are drawn for all runs in one chart each, with the words of their axis.
_COMPARED = (
    ("linear", "accuracy"),
    ("knn", "accuracy"),
    ("I(Z; Y)", "nats, at least"),
    ("I(Z1; Z2)", "nats, at least"),
    ("I(X; Z)", "nats, surrogate"),
    ("effective rank", "dimensions"),
    ("RankMe", "dimensions"),
    ("alignment", "squared distance"),
    ("uniformity", "log of mean kernel"),
    ("S1(Z)", "nats"),
    ("S2(Z)", "nats"),
    ("S1(Z1, Z2)", "nats"),
    ("S2(Z1, Z2)", "nats"),
    ("I1(X; Z)", "nats"),
    ("I1(Z; Y)", "nats"),
    ("I2(Z; Y)", "nats"),
    ("I1(Z1; Z2)", "nats"),
    ("I2(Z1; Z2)", "nats"),
    ("variance", "mean over dimensions"),
)


# A method has some terms, and a chart some hundred points across; a stranger's file may hold a million of both.
_MOST_TERMS = 100
_MOST_POINTS = 1000


def render_page(runs: Runs) -> str:
    """The report of at least one run as HTML; it holds all that it shows and runs no script."""
    title = f"mvib report: {', '.join(f'{run.mark} {run.method}' for run in runs)}"
    sections: tuple[tuple[str, Callable[[Runs], str]], ...] = (
        ("What was kept", _kept),
        ("Information plane", _planes),
        ("Probes after training", _probes),
        ("Diagram and objective", _objectives),
        ("Loss and terms", _losses),
        ("Through training", _readings),
        ("Spectra", _spectra),
        ("Pictures", _pictures),
        ("How it was measured", _protocols),
    )
    body = _head(runs)
    for name, section in sections:
        content = section(runs)
        if content:
            body += f"<section><h2>{escaped(name)}</h2>{content}</section>\n"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escaped(title)}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style></head>\n<body>\n{body}</body></html>\n"
    )


def _head(runs: Runs) -> str:
    heading = f"{escaped(runs[0].method)}: a run" if len(runs) == 1 else f"{len(runs)} runs side by side"
    rows = []
    for place, run in enumerate(runs):
        config, summary = run.config, run.summary
        parameters = config.get("parameters")
        trained = known_number(parameters.get("trained")) if isinstance(parameters, dict) else None
        seconds = known_number(summary.get("seconds"))
        seed = known_number(config.get("seed"))
        rows.append(
            [
                f"{dot(place)}<b>{escaped(run.mark)}</b>",
                f"<b>{escaped(run.method)}</b>",
                escaped(config["data"]),
                f"{len(run.records)} of {whole(known_number(config['epochs']))}",
                "–" if seed is None else str(config["seed"]),
                whole(trained),
                "–" if seconds is None else f"{number(seconds)} s",
                escaped(run.folder),
            ]
        )
    columns = ("", "method", "data", "epochs", "seed", "trained parameters", "training time", "folder")
    return (
        f'<header><h1>{heading}</h1><p class="faint">mvib {escaped(__version__)}</p></header>\n'
        f"{table(columns, rows)}{''.join(_alarms(runs))}{_notes(runs)}\n"
    )


def _alarms(runs: Runs) -> Iterator[str]:
    for place, run in enumerate(runs):
        # The last word on each collapse: when it was seen first, and whether it was still there at the end.
        seen = {(alarm.kind, alarm.since): alarm for entry in run.entries for alarm in entry.alarms}
        on = {(alarm.kind, alarm.since) for alarm in run.entries[-1].alarms} if run.entries else set()
        for key, alarm in seen.items():
            term = f"; most likely by the term <b>{escaped(alarm.term)}</b>" if alarm.term else ""
            end = "" if key in on else " It was over before the end."
            yield (
                f'<p class="alarm">{dot(place)}<b>{escaped(run.mark)}: {escaped(alarm.kind)} collapse</b> of the '
                f"representation, seen after step {alarm.since:,}: {escaped(alarm.why)}{term}.{end}</p>"
            )


def _notes(runs: Runs) -> str:
    notes = [f"<li>{escaped(run.mark)}: {escaped(note)}</li>" for run in runs for note in run.notes]
    return f'<ul class="faint">{"".join(notes)}</ul>' if notes else ""


def _kept(runs: Runs) -> str:
    found = kept_table(runs)
    if not found:
        return ""
    sentences = "".join(f"<li>{sentence}</li>" for sentence in verdicts(runs))
    warnings = " ".join(caveats(runs))
    return (
        f"{f'<ul>{sentences}</ul>' if sentences else ''}<p class='faint'>At the last look, on a sample of held-out "
        "examples. ≥ is a lower bound on the information, ≈ a surrogate that bounds nothing; Z is the representation "
        f"of the unaugmented example. {warnings}</p>{found}"
    )


def _planes(runs: Runs) -> str:
    charts = [
        plane(
            title,
            [_trail(place, run, x, y) for place, run in enumerate(runs)],
            x_label=f"{x}, nats, surrogate",
            y_label=f"{y}, nats, at least",
        )
        for title, x, y in (
            ("Input and label", "I(X; Z)", "I(Z; Y)"),
            ("Input and the other view", "I(X; Z)", "I(Z1; Z2)"),
        )
    ]
    drawn = [chart for chart in charts if chart]
    if not drawn:
        return ""
    cards = "".join(f'<div class="card">{chart}</div>' for chart in drawn)
    return (
        f'<p class="legend">time {time_key()}</p><div class="grid-of">{cards}</div><p class="faint">A way begins at '
        "the network before training and ends at the large dot with the mark of the run.</p>"
    )


def _trail(place: int, run: ReportedRun, x: str, y: str) -> Trail:
    points = []
    for entry in run.entries:
        values = _values(entry)
        if x in values and y in values:
            points.append((values[x], values[y], entry.progress))
    return Trail(label=run.mark, colour=colour_of(place), points=points)


def _probes(runs: Runs) -> str:
    return probe_table(runs)


def _objectives(runs: Runs) -> str:
    return _cards(runs, [_objective(run) for run in runs])


def _objective(run: ReportedRun) -> str:
    analysis = run.analysis
    if analysis is None or analysis.method is None:
        return ""
    overview = build_overview(analysis, prove=False)
    try:
        drawing = inline_svg(render_svg(analysis), label=f"information paths of {run.method}")
    except LayoutError as error:
        drawing = f'<p class="faint">{escaped(error)}</p>'
    last = run.records[-1] if run.records else None
    rows = [
        [
            f"<b>{escaped(line.label)}</b><br>{escaped(plain_text(line.formula))}",
            escaped(line.promise.bound_text),
            _term_value(last, line.label, is_held_out=False),
            _term_value(last, line.label, is_held_out=True),
        ]
        for line in overview.terms
    ]
    terms = table(("term", "bound", "training", "held out"), rows)
    cited = "".join(f'<p class="faint">{escaped(citation)}</p>' for citation in overview.citations)
    about = f"<p>{escaped(overview.about)}</p>" if overview.about else ""
    objective = escaped(objective_text(analysis.method))
    return f'{about}<div class="diagram">{drawing}</div><p class="formula">{objective}</p>{terms}{cited}'


def _term_value(record: EpochRecord | None, label: str, *, is_held_out: bool) -> str:
    if record is None:
        return "–"
    return number((record.held_out if is_held_out else record.train).terms.get(label))


def _losses(runs: Runs) -> str:
    return _cards(runs, [_loss(place, run) for place, run in enumerate(runs)])


def _loss(place: int, run: ReportedRun) -> str:
    if not run.records:
        return ""
    colour = colour_of(place)
    records = _spread(run.records)
    charts = [
        curves(
            "loss",
            [
                Curve(label="training", points=[(r.epoch, r.train.loss) for r in records], colour=colour),
                Curve(label="held out", points=[(r.epoch, r.held_out.loss) for r in records], colour=colour, dash=1),
            ],
            x_label="epoch",
        )
    ]
    bounds = {label: found.bound for entry in run.entries for label, found in entry.terms.items()}
    labels = list(run.records[-1].train.terms)
    for label in labels[:_MOST_TERMS]:
        bound = f" ({bounds[label]})" if bounds.get(label) else ""
        points = (
            [(record.epoch, record.train.terms.get(label, math.nan)) for record in records],
            [(record.epoch, record.held_out.terms.get(label, math.nan)) for record in records],
        )
        lines = [
            Curve(label=f"{label}, {part}", points=found, colour=colour, dash=dash)
            for dash, (part, found) in enumerate(zip(("training", "held out"), points, strict=True))
        ]
        charts.append(curves(f"{label}{bound}", lines, x_label="epoch"))
    rest = len(labels) - _MOST_TERMS
    more = f'<p class="faint">and {rest:,} more terms, which are not drawn</p>' if rest > 0 else ""
    return f'<p class="legend"><span>— training</span><span>- - held out</span></p>{_charts(charts)}{more}'


def _spread(records: Sequence[EpochRecord]) -> list[EpochRecord]:
    """As many records as a curve has points for, spread evenly, the last among them."""
    step = math.ceil(len(records) / _MOST_POINTS)
    return [*reversed(records[::-1][::step])]


def _readings(runs: Runs) -> str:
    charts = [
        curves(
            name,
            [
                Curve(
                    label=f"{run.mark} {run.method}",
                    points=[(100 * e.progress, _values(e)[name]) for e in run.entries if name in _values(e)],
                    colour=colour_of(place),
                )
                for place, run in enumerate(runs)
            ],
            x_label="% of the training",
            y_label=words,
        )
        for name, words in _COMPARED
    ]
    drawn = "".join(f'<div class="card">{chart}</div>' for chart in charts if chart)
    return f'{_legend(runs)}<div class="grid-of three">{drawn}</div>' if drawn else ""


def _spectra(runs: Runs) -> str:
    cells = [
        _charts(
            [
                _over_time("singular values", [(entry, entry.spectrum) for entry in run.entries]),
                _over_time("variances of dimensions", [(entry, entry.variances) for entry in run.entries]),
            ]
        )
        for run in runs
    ]
    found = _cards(runs, cells)
    return f'<p class="legend">time {time_key()}</p>{found}' if found else ""


def _over_time(title: str, lists: Sequence[tuple[Entry, Sequence[float]]]) -> str:
    lines = [
        Curve(
            label=f"after step {entry.step}",
            points=[(place + 1, value) for place, value in enumerate(values)],
            colour=time_colour(entry.progress),
        )
        for entry, values in lists
    ]
    return curves(title, lines, x_label="the largest first, 64 at most spread evenly", log=True)


def _pictures(runs: Runs) -> str:
    sections = []
    for name, words in PICTURES.items():
        cells = [picture(run.pictures[name], alt=words) if name in run.pictures else "" for run in runs]
        found = _cards(runs, cells)
        if not found:
            continue
        more = (
            " On the left of each row a held-out example, then the held-out examples nearest to it by the cosine of "
            "the representation: framed blue where it has the same label, orange where it has another."
            if name == "neighbours.png"
            else ""
        )
        sections.append(f"<p><b>{escaped(words.capitalize())}.</b>{more}</p>{found}")
    return "".join(sections)


def _protocols(runs: Runs) -> str:
    by: dict[str, tuple[str, str]] = {}
    for run in runs:
        # Those of earlier looks too, for the tables show the last value of each.
        for entry in reversed(run.entries):
            for found in entry.readings:
                by.setdefault(found.name, (found.bound, found.by))
    # Readings that are made in the same way share a row.
    alike: dict[tuple[str, str], list[str]] = {}
    for name, made in by.items():
        alike.setdefault(made, []).append(name)
    rows = [
        [escaped(", ".join(names)), escaped(bound or "–"), escaped(words)] for (bound, words), names in alike.items()
    ]
    notes = "".join(
        f"<li>{escaped(run.mark)}: {escaped(note)}</li>" for run in runs for e in run.entries[-1:] for note in e.notes
    )
    readings = table(("reading", "bound", "by"), rows) if rows else ""
    return readings + (f"<ul>{notes}</ul>" if notes else "")


def _charts(charts: Sequence[str]) -> str:
    """Charts of one run beside each other, where there is room."""
    drawn = "".join(f"<div>{chart}</div>" for chart in charts if chart)
    return f'<div class="charts">{drawn}</div>' if drawn else ""


def _cards(runs: Runs, contents: Sequence[str]) -> str:
    """Contents of runs side by side, each with its name; runs without any are left out."""
    if not any(contents):
        return ""
    cards = "".join(
        f'<div class="card"><h3>{dot(place)}{escaped(run.mark)} {escaped(run.method)}</h3>{content}</div>'
        for place, (run, content) in enumerate(zip(runs, contents, strict=True))
        if content
    )
    return f'<div class="grid-of{" alone" if len(runs) == 1 else " three" if len(runs) > 2 else ""}">{cards}</div>'


def _legend(runs: Runs) -> str:
    spans = "".join(
        f"<span>{dot(place)}{escaped(run.mark)} {escaped(run.method)}</span>" for place, run in enumerate(runs)
    )
    return f'<p class="legend">{spans}</p>'


def _values(entry: Entry) -> dict[str, float]:
    return {found.name: found.value for found in entry.readings}
