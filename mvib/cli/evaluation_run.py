"""What `mvib eval` does once its arguments are read: load the runs, probe them and the untrained networks, print."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
import torch

from mvib.cli.run_errors import explained
from mvib.compile import CompiledModel
from mvib.data import ColumnKind, DataError
from mvib.evaluate import Comparison, ProbeError, evaluate_model, represent
from mvib.evaluate.comparison import (
    align_rows,
    comparison_notes,
    comparison_protocol,
    comparison_rows,
    comparison_to_json,
)
from mvib.evaluate.evaluation import Represented, find_read, read_probes, represent_both
from mvib.evaluate.probes import Rows
from mvib.evaluate.similarity import CKA, CKA_PROTOCOL, Similarity, compare_representations
from mvib.source import printable_lines
from mvib.train import Run, load_run
from mvib.train.engine import Engine, start_engine
from mvib.train.examples import Examples, held_out_fingerprints
from mvib.train.processes import Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRequest:
    """The arguments of `mvib eval`.

    Attributes:
        folders: of the runs.
        probes: names of probes with commas.
        seeds: of the protocols that draw anything.
        data: in the place of those they were trained on.
        device: where to run.
        plugins: that the specs of the runs may use.
        is_json: print JSON.
    """

    folders: tuple[str, ...]
    probes: str
    seeds: int
    data: str | None
    device: str
    plugins: tuple[str, ...]
    is_json: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Represented:
    """What the networks of a run make of its data.

    Attributes:
        folder: of the run.
        networks: the trained and the untrained one, each with what it makes of both parts; none where only runs are
            compared.
        held_out: what the trained one makes of the examples of the held-out part that can be read.
        num_unread: examples of both parts that cannot be, as far as they were looked at.
    """

    folder: str
    networks: tuple[tuple[CompiledModel, Represented], ...]
    held_out: Rows
    num_unread: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of them."""
        if not self.num_unread:
            return ()
        s = "s" * (self.num_unread > 1)
        return (f"{self.num_unread} example{s} of the data cannot be read, and {'are' if s else 'is'} left out",)


def evaluate_and_report(request: EvaluationRequest) -> None:
    """Evaluate runs and print their tables; leaves with an exit code where one cannot be used.

    Processes that `torchrun` has started share the passes over the data; the first does the rest and prints.
    """
    with explained():
        engine = start_engine(Placement(device=request.device))
        with engine.together():
            names, with_cka, runs = engine.each(lambda: _load(request, engine.device))
            found: Iterable[_Represented] = _represent(runs, is_probed=bool(names), engine=engine)
            if engine.ranks.size > 1:
                # The others part here: a protocol may take longer than processes wait for each other.
                found = list(found)
        if not engine.is_first:
            return
        comparisons, held_out, notes = {}, {}, {}
        for one in found:
            notes[one.folder] = (*runs[one.folder].notes, *one.notes)
            if names:
                comparisons[one.folder] = _compare(runs[one.folder], one, names, seeds=request.seeds)
            if with_cka:
                held_out[one.folder] = one.held_out
        similarity = compare_representations(held_out) if with_cka else None
    if request.is_json:
        click.echo(json.dumps(_to_json(comparisons, similarity, notes), indent=2, allow_nan=False))
        return
    for line in _lines(runs, comparisons, similarity, notes):
        click.echo(printable_lines(line))


def _load(request: EvaluationRequest, device: torch.device) -> tuple[tuple[str, ...], bool, dict[str, Run]]:
    """The names of probes, whether runs are compared, and the runs by folder."""
    names, with_cka = _read_names(request)
    runs = {
        folder: load_run(folder, data=request.data, device=device, plugins=request.plugins)
        for folder in dict.fromkeys(request.folders)
    }
    if with_cka:
        for (one, first), (other, second) in itertools.pairwise(runs.items()):
            _check_same_examples(one, first.examples, other, second.examples)
    return names, with_cka, runs


def _represent(runs: Mapping[str, Run], *, is_probed: bool, engine: Engine) -> Iterator[_Represented]:
    """Run after run, so that one process has the rows of one at a time."""
    ranks = engine.ranks
    for folder, run in runs.items():
        columns = run.examples.columns
        models = (run.model, run.untrained()) if is_probed else ()
        networks = tuple((model, represent_both(model, columns, ranks=ranks, fail=engine.fail)) for model in models)
        if networks:
            found = networks[0][1]
            held_out, is_read, num_unread = found.test, found.is_read_test, found.num_unread
        else:
            tensors = {name: column.test for name, column in columns.items()}
            held_out = represent(run.model, tensors, ranks=ranks, fail=engine.fail)
            is_read = find_read(tensors, ranks=ranks, device=engine.device)
            num_unread = int((~is_read).sum())
        engine.share_bad_items(run.examples.bad)
        try:
            run.examples.bad.check()
        except DataError as problem:
            engine.fail(problem)
        yield _Represented(folder=folder, networks=networks, held_out=held_out[is_read], num_unread=num_unread)


def _read_names(request: EvaluationRequest) -> tuple[tuple[str, ...], bool]:
    words = [word.strip() for word in request.probes.split(",")]
    with_cka = CKA in words
    others = ",".join(word for word in words if word != CKA)
    several = len(set(request.folders)) > 1
    if with_cka and not several:
        raise ProbeError("`cka` compares runs, and one is named; name another: `mvib eval RUN RUN --probe cka`")
    names = read_probes(others) if others or not with_cka else ()
    return names, with_cka or ("all" in words and several)


def _compare(run: Run, found: _Represented, names: tuple[str, ...], *, seeds: int) -> Comparison:
    examples = run.examples
    trained, untrained = (
        evaluate_model(model, examples.columns, examples.labels, probes=names, seeds=seeds, represented=represented)
        for model, represented in found.networks
    )
    return Comparison(probes=names, trained=trained, untrained=untrained)


def _check_same_examples(one: str, first: Examples, other: str, second: Examples) -> None:
    """Refuse held-out parts that differ in a column that both have, or that have none in common but labels.

    As many examples with the same labels may still be others.
    """
    found, others = held_out_fingerprints(first), held_out_fingerprints(second)
    shared = [name for name in found if name in others]
    differing = [f"`{name}`" for name in shared if found[name] != others[name]]
    remedy = "give both the same data: `--data`"
    if differing:
        raise ProbeError(
            f"`cka` needs the same held-out examples, and those of `{one}` and `{other}` differ in "
            f"{' and '.join(differing)}; {remedy}"
        )
    if all(first.source[name].kind is ColumnKind.LABEL for name in shared):
        raise ProbeError(
            f"`cka` needs the same held-out examples, and the data of `{one}` and `{other}` have no column in common "
            f"that would show it; {remedy}"
        )


def _to_json(
    comparisons: Mapping[str, Comparison], similarity: Similarity | None, notes: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """One run is the object itself; several stand in a list, with how alike they are."""
    listed = [
        {"run": folder, **comparison_to_json(comparison), "notes": list(notes[folder])}
        for folder, comparison in comparisons.items()
    ]
    if len(listed) == 1 and similarity is None:
        return listed[0]
    cka = None if similarity is None else {"protocol": CKA_PROTOCOL, "runs": similarity.names, "cka": similarity.values}
    return {"runs": listed, "similarity": cka}


def _lines(
    runs: Mapping[str, Run],
    comparisons: Mapping[str, Comparison],
    similarity: Similarity | None,
    notes: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    for folder, comparison in comparisons.items():
        if len(runs) > 1:
            yield f"{folder}:"
        yield from _lines_of_run(runs[folder], comparison, notes[folder])
        if len(runs) > 1:
            yield ""
    if similarity is None:
        return
    for number, name in enumerate(similarity.names, start=1):
        yield f"{number}: {name}"
    for number, row in enumerate(similarity.values, start=1):
        yield "  ".join([f"cka {number}", *("-".rjust(6) if value is None else f"{value:.4f}" for value in row)])
    yield f"protocol: {CKA_PROTOCOL}"


def _lines_of_run(run: Run, comparison: Comparison, notes: Sequence[str]) -> Iterator[str]:
    assert run.analysis.method is not None
    examples = run.examples
    yield (
        f"{run.analysis.method.name} after {len(run.history)} epochs on {run.config.data}: "
        f"{examples.num_train:,} training and {examples.num_held_out:,} held-out examples"
    )
    yield ""
    yield from align_rows(comparison_rows(comparison))
    yield ""
    yield from (f"note: {note}" for note in notes)
    bad = list(examples.bad)
    if bad:
        yield f"note: bad items of the data are left out ({len(bad)}), the first: {bad[0]}"
    yield from (f"note: {note}" for note in comparison_notes(comparison))
    yield from (f"protocol: {sentence}" for sentence in comparison_protocol(comparison))
