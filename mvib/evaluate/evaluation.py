"""Evaluation of a frozen encoder: probes, the decoders of labels, and the spread of the representation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mvib.compile import CompiledModel
from mvib.data import Column, ColumnKind, DataError, StoredRows, read_batch
from mvib.diagnostics import nearest
from mvib.estimators.ranks import ALONE, Ranks
from mvib.evaluate.probes import PROBES, Labels, Rows, Score, Split, score_probe
from mvib.evaluate.protocols import PROTOCOLS, Material, Measure, measure_protocol
from mvib.evaluate.protocols.material import Trainable
from mvib.evaluate.protocols.measuring import Protocol
from mvib.evaluate.protocols.model_material import device_of, encode_views, make_trainable
from mvib.evaluate.spread import Spread, measure_spread

CLASSIFIER = "classifier"
ALL = "all"
# Of one run where none are named: all that take seconds.
DEFAULT_PROBES = ",".join((*PROBES, CLASSIFIER))
CLASSIFIER_PROTOCOL = "largest class probability of a label decoder of the spec, for the unaugmented example"
SPREAD_PROTOCOL = (
    "effective rank: exp of the entropy of the normalised singular values (Roy and Vetterli 2007) of the centred "
    "held-out features; std: of a feature over the held-out examples, mean over features"
)
DATA_PROTOCOL = "frozen representation of unaugmented examples; fitted to the training part, judged by the held-out one"
_BATCH = 512
Flags = npt.NDArray[np.bool_]
Fail = Callable[[Exception | None], NoReturn]


class ProbeError(Exception):
    """A probe was asked for that there is not; the message names those there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """The score of one probe of one label.

    Attributes:
        probe: name of the protocol.
        about: the label column, or the decoder of a classifier.
        score: what it found.
    """

    probe: str
    about: str
    score: Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What is known of one model.

    Attributes:
        results: scores, in the order asked for.
        spread: of the representation of the held-out part; none where it is not finite or there is none.
        note: what is wrong with the representation, empty for nothing.
        measures: what protocols of `PROTOCOLS` found, in the order asked for.
    """

    results: tuple[ProbeResult, ...]
    spread: Spread | None
    note: str
    measures: tuple[Measure, ...] = ()


def read_probes(text: str) -> tuple[str, ...]:
    """Names of probes as the command line gives them, `knn,linear`; `all` is every one that is about one run.

    Raises:
        ProbeError: there is no such probe.
    """
    known = (*PROBES, CLASSIFIER, *PROTOCOLS)
    given = (name.strip() for name in text.split(","))
    names = tuple(dict.fromkeys(name for word in given if word for name in (known if word == ALL else (word,))))
    for name in names:
        if name not in known:
            meant = nearest(name, known)
            hint = f"did you mean `{meant}`? " if meant else ""
            raise ProbeError(f"there is no probe `{name}`; {hint}there are {', '.join(known)}")
    if not names:
        raise ProbeError(f"no probe is named; there are {', '.join(known)}")
    return names


def protocol_of(probe: str) -> str:
    """What a probe does, in words with every number."""
    if probe in PROTOCOLS:
        return PROTOCOLS[probe].text
    return CLASSIFIER_PROTOCOL if probe == CLASSIFIER else PROBES[probe].protocol


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Represented:
    """What a model makes of the unaugmented examples of both parts.

    Attributes:
        train: of the training part, (N, D).
        test: of the held-out part, (M, D).
        is_read_train: which of the training part could be read, (N,); for others another example stood in.
        is_read_test: which of the held-out part, (M,).
    """

    train: Rows
    test: Rows
    is_read_train: Flags
    is_read_test: Flags

    @property
    def num_unread(self) -> int:
        """How many examples could not be read, and count for nothing."""
        return int((~self.is_read_train).sum() + (~self.is_read_test).sum())


def evaluate_model(
    model: CompiledModel,
    columns: Mapping[str, Column],
    labels: Mapping[str, Column],
    *,
    probes: Sequence[str],
    seeds: int = 1,
    represented: Represented | None = None,
) -> Evaluation:
    """Evaluate a model as it is.

    Args:
        model: trained or not.
        columns: the data by variable.
        labels: label columns that probes are about, by name.
        probes: names from `PROBES` and `PROTOCOLS`, and `classifier` for the label decoders of the spec.
        seeds: how often a protocol of `PROTOCOLS` that draws anything is run.
        represented: what `represent_both` gave for this model; default: it is called here.
    """
    found = represented or represent_both(model, columns)
    subject = _Subject(model=model, columns=columns, found=found)
    results: list[ProbeResult] = []
    measures: list[Measure] = []
    for probe in probes:
        if probe in PROTOCOLS:
            measures.extend(subject.measure(PROTOCOLS[probe], labels, seeds=seeds))
            continue
        if probe == CLASSIFIER:
            results.extend(_score_decoders(model, columns, found.is_read_test))
            continue
        for name, label in labels.items():
            score = score_probe(PROBES[probe], subject.labelled(label))
            results.append(ProbeResult(probe=probe, about=name, score=score))
    test = found.test[found.is_read_test]
    if not np.isfinite(test).all():
        note = "the representation holds values that are not finite"
        return Evaluation(results=tuple(results), spread=None, note=note, measures=tuple(measures))
    spread = measure_spread(test)
    note = _describe_collapse(spread)
    return Evaluation(results=tuple(results), spread=spread, note=note, measures=tuple(measures))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Subject:
    """A model with its data and what it makes of them, for probes and protocols to measure."""

    model: CompiledModel
    columns: Mapping[str, Column]
    found: Represented

    def labelled(self, label: Column) -> Split:
        """The examples that have a label and can be read."""
        material = self._material(label)
        return Split(
            train_features=material.train_features,
            train_labels=material.train_labels,
            test_features=material.test_features,
            test_labels=material.test_labels,
        )

    def measure(self, protocol: Protocol, labels: Mapping[str, Column], *, seeds: int) -> Iterator[Measure]:
        """Once, or where it needs labels once for each of them."""
        if not protocol.needs_labels:
            yield from measure_protocol(protocol, self._material(None), num_seeds=seeds)
            return
        for name, label in labels.items():
            yield from measure_protocol(protocol, self._material(label), about=name, num_seeds=seeds)

    def _material(self, label: Column | None) -> Material:
        found = self.found
        is_read = {"train": found.is_read_train, "test": found.is_read_test}
        values: dict[str, Labels] = {
            part: np.zeros(len(rows), dtype=np.int64) if label is None else getattr(label, part)[:].cpu().numpy()
            for part, rows in is_read.items()
        }
        places = {part: np.flatnonzero((known >= 0) & is_read[part]) for part, known in values.items()}

        def trainable() -> Trainable:
            return make_trainable(
                self.model,
                self._tensors("train"),
                self._tensors("test"),
                train_places=places["train"],
                test_places=places["test"],
            )

        return Material(
            train_features=found.train[places["train"]],
            train_labels=values["train"][places["train"]],
            test_features=found.test[places["test"]],
            test_labels=values["test"][places["test"]],
            views=lambda seed: encode_views(
                self.model, self._tensors("test"), seed=seed, places=np.flatnonzero(found.is_read_test)
            ),
            trainable=trainable,
        )

    def _tensors(self, part: str) -> dict[str, Tensor | StoredRows]:
        return {name: getattr(column, part) for name, column in self.columns.items()}


def represent_both(
    model: CompiledModel, columns: Mapping[str, Column], *, ranks: Ranks = ALONE, fail: Fail | None = None
) -> Represented:
    """The representation of both parts.

    Args:
        model: stays as it is.
        columns: the data by variable.
        ranks: processes that share the work, as in `represent`.
        fail: as in `represent`.

    Raises:
        DataError: an example cannot be read, and no other may stand in for it.
    """
    parts = {part: {name: getattr(column, part) for name, column in columns.items()} for part in ("train", "test")}
    rows = {part: represent(model, tensors, ranks=ranks, fail=fail) for part, tensors in parts.items()}
    device = device_of(model)
    is_read = {part: find_read(tensors, ranks=ranks, device=device) for part, tensors in parts.items()}
    return Represented(
        train=rows["train"], test=rows["test"], is_read_train=is_read["train"], is_read_test=is_read["test"]
    )


def find_read(
    tensors: Mapping[str, Tensor | StoredRows], *, ranks: Ranks = ALONE, device: torch.device | None = None
) -> Flags:
    """Which examples were themselves when some process last read them, and not another in their place.

    Args:
        tensors: one part of the data by variable.
        ranks: processes that have read them.
        device: of this process, over which they speak with each other; none for the CPU.
    """
    stored = [rows for rows in tensors.values() if isinstance(rows, StoredRows)]
    stood_in = torch.zeros(len(next(iter(tensors.values()))), dtype=torch.int64)
    stood_in[sorted(frozenset[int]().union(*(rows.stood_in for rows in stored)))] = 1
    found: Flags = (ranks.rows(stood_in[None].to(device)).sum(dim=0) == 0).cpu().numpy()
    return found


@torch.no_grad()
def represent(
    model: CompiledModel,
    tensors: Mapping[str, Tensor | StoredRows],
    *,
    ranks: Ranks = ALONE,
    fail: Fail | None = None,
) -> Rows:
    """The representation of unaugmented examples, one row each, in float32.

    Args:
        model: stays as it is; the same in all processes.
        tensors: one part of the data by variable; the same in all processes.
        ranks: processes that take a batch each in turn. All get the rows of all, which are those of one process to the
            bit where they compute alike: the batches are the same.
        fail: ends all processes where one of them cannot read its batch; it is given what that one met.

    Raises:
        DataError: an example cannot be read, and no other may stand in for it.
    """
    starts = range(0, len(next(iter(tensors.values()))), _BATCH)
    parts = []
    for place in range(ranks.rank, ranks.rank + len(starts), ranks.size):
        # A process for which no batch is left takes the last one, and gives none of its rows.
        is_left = place < len(starts)
        batch: dict[str, Tensor] = {}
        problem: DataError | None = None
        try:
            batch = _batch_at(model, tensors, starts[place if is_left else -1])
        except DataError as error:
            if fail is None:
                raise
            problem = error
        if fail is not None and any(ranks.counts(int(problem is not None))):
            fail(problem)
        rows = model.encode(batch).flatten(1).float()
        parts.append(ranks.rows(rows if is_left else rows[:0]).cpu())
    found: Rows = torch.cat(parts).numpy()
    return found


def _batches(model: CompiledModel, tensors: Mapping[str, Tensor | StoredRows]) -> Iterator[dict[str, Tensor]]:
    number = len(next(iter(tensors.values())))
    # One at a time: pictures that lie on disk need not fit into memory.
    for start in range(0, number, _BATCH):
        yield _batch_at(model, tensors, start)


def _batch_at(model: CompiledModel, tensors: Mapping[str, Tensor | StoredRows], start: int) -> dict[str, Tensor]:
    device = device_of(model)
    number = len(next(iter(tensors.values())))
    batch = read_batch(tensors, torch.arange(start, min(start + _BATCH, number)))
    return {name: values.to(device) for name, values in batch.items()}


@torch.no_grad()
def _score_decoders(model: CompiledModel, columns: Mapping[str, Column], is_read: Flags) -> list[ProbeResult]:
    """Accuracy of each decoder of a label, on the held-out examples that can be read."""
    targets = {d: columns[t].test[:] for d, t in model.decoder_targets.items() if columns[t].kind is ColumnKind.LABEL}
    if not targets:
        return []
    batches = _batches(model, {name: column.test for name, column in columns.items()})
    predicted = [{name: value.cpu() for name, value in model.predictions(batch).items()} for batch in batches]
    results = []
    for decoder, labels in targets.items():
        logits = torch.cat([part[decoder] for part in predicted])
        known = torch.from_numpy(is_read)
        results.append(ProbeResult(probe=CLASSIFIER, about=decoder, score=_score_logits(logits[known], labels[known])))
    return results


def _score_logits(logits: Tensor, labels: Tensor) -> Score:
    if not bool(torch.isfinite(logits).all()):
        return Score(accuracy=None, note="the decoder predicts values that are not finite")
    has_label = labels >= 0
    if not bool(has_label.any()):
        return Score(accuracy=None, note="no held-out example has a label")
    return Score(accuracy=float((logits.argmax(dim=1) == labels)[has_label].float().mean()))


def _describe_collapse(spread: Spread) -> str:
    if spread.constant_dimensions == spread.dimensions:
        return "the representation has collapsed: it is the same for every example"
    if spread.constant_dimensions:
        return f"{spread.constant_dimensions} of {spread.dimensions} dimensions are the same for every example"
    return ""
