"""From what the model makes of the sample to readings."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.alignment import alignment
from mvib.estimators.infonce import infonce
from mvib.estimators.rows import unit
from mvib.estimators.uniformity import uniformity
from mvib.train.monitors.kernel import ROWS, label_kernel, matrix_readings, relative_kernel
from mvib.train.monitors.observation import Observation
from mvib.train.monitors.probes import KNN_PROTOCOL, LINEAR_PROTOCOL, Labelled, neighbour_accuracy, score_linear
from mvib.train.monitors.reading import Reading
from mvib.train.monitors.sample import Sample
from mvib.train.monitors.spectrum import effective_rank, rankme, thin_out

_TEMPERATURE = 0.1
_FEWEST = 4


@dataclass(slots=True)
class Measurements:
    """What was measured, collected monitor by monitor.

    Attributes:
        readings: single numbers.
        spectrum, variances: lists.
        rank: effective rank, none where it was not measured.
        notes: what could not be measured, and why.
    """

    readings: list[Reading] = field(default_factory=list)
    spectrum: tuple[float, ...] = ()
    variances: tuple[float, ...] = ()
    rank: float | None = None
    notes: list[str] = field(default_factory=list)


class Measurer:
    """Measures; it keeps the kernels of data and labels, which do not change."""

    def __init__(self, sample: Sample, *, which: Collection[str]) -> None:
        """Take the sample and the names of the monitors that are on."""
        self._sample = sample
        self._which = frozenset(which)
        self._fixed: dict[str, Tensor] = {}
        self._known: dict[tuple[str, int], float] = {}

    @torch.no_grad()
    def measure(self, seen: Observation) -> Measurements:
        """Read off everything that is on and can be measured."""
        found = Measurements()
        if len(seen.features) < _FEWEST:
            found.notes.append(f"the held-out sample has only {len(seen.features)} rows")
            return found
        if not bool(seen.features.isfinite().all()):
            found.notes.append("the representation holds values that are not finite")
            return found
        self._measure_spread(seen.features.double(), found)
        self._measure_views(seen, found)
        self._measure_matrices(seen, found)
        self._measure_labels(seen, found)
        return found

    def _measure_spread(self, features: Float[Tensor, "M D"], found: Measurements) -> None:
        centred = features - features.mean(dim=0)
        values = _singular_values(centred)
        # What is constant up to rounding has no spectrum.
        if float(values.max()) <= 1e-6 * float(features.square().sum().sqrt()):
            values = torch.zeros_like(values)
        found.rank = effective_rank(values)
        if "rank" in self._which:
            found.readings.append(
                Reading(name="effective rank", value=found.rank, by="exp of the entropy of singular values, centred")
            )
            raw = rankme(_singular_values(features))
            found.readings.append(Reading(name="RankMe", value=raw, by="the same, not centred"))
        if "spectrum" in self._which:
            found.spectrum = tuple(thin_out(values))
        if "variance" in self._which:
            variance = centred.square().mean(dim=0)
            found.variances = tuple(thin_out(variance))
            found.readings.append(
                Reading(name="variance", value=float(variance.mean()), by="of a dimension, mean over dimensions")
            )

    def _measure_views(self, seen: Observation, found: Measurements) -> None:
        if not {"sphere", "plane"} & self._which:
            return
        if not seen.view_names or not all(bool(rows.isfinite().all()) for rows in seen.views):
            if "sphere" in self._which:
                rows = unit(seen.features)
                found.readings.append(
                    Reading(name="uniformity", value=-float(uniformity(rows)), by="t = 2; the lower the more even")
                )
            found.notes.append("the method has no two views of one representation: no I(Z1; Z2) and no alignment")
            return
        u1, u2 = (unit(rows) for rows in seen.views)
        a, b = seen.view_names
        if "sphere" in self._which:
            found.readings += [
                Reading(name="alignment", value=float(alignment(u1, u2)), by=f"of {a} and {b}, alpha = 2"),
                Reading(name="uniformity", value=-float(uniformity(u1)), by=f"of {a}, t = 2; the lower the more even"),
            ]
        if "plane" in self._which:
            value = float(infonce(u1, u2, temperature=_TEMPERATURE, negatives="other_view"))
            by = f"InfoNCE of {a} and {b}, cosine over {_TEMPERATURE}, {len(u1)} rows: at most log {len(u1)}"
            found.readings.append(Reading(name="I(Z1; Z2)", value=value, bound="lower bound", by=by))

    def _measure_matrices(self, seen: Observation, found: Measurements) -> None:
        if not {"matrix", "plane"} & self._which:
            return
        kernels = {**self._kernels_of_data(), "Z": relative_kernel(seen.features[:ROWS])}
        pairs = [(name, "Z") if name == "X" else ("Z", name) for name in kernels if name != "Z"]
        # With views, those of the first rows: row i of both is of one example.
        if seen.view_names and all(bool(rows.isfinite().all()) for rows in seen.views):
            for name, rows in zip(("Z1", "Z2"), seen.views, strict=True):
                kernels[name] = relative_kernel(rows[:ROWS])
            pairs.append(("Z1", "Z2"))
        readings = list(matrix_readings(kernels, tuple(pairs), known=self._known))
        for reading in readings:
            if "plane" in self._which and reading.name == "I2(X; Z)":
                found.readings.append(Reading(name="I(X; Z)", value=reading.value, bound="surrogate", by=reading.by))
        if "matrix" in self._which:
            found.readings += readings

    def _kernels_of_data(self) -> dict[str, Tensor]:
        if not self._fixed:
            inputs = [v.flatten(1).float().cpu() for v in self._sample.held_out.values() if v.is_floating_point()]
            if inputs:
                self._fixed["X"] = relative_kernel(torch.cat(inputs, dim=1)[:ROWS])
            labels = self._sample.held_out_labels[:ROWS]
            if len(labels) and bool((labels >= 0).all()):
                self._fixed["Y"] = label_kernel(labels)
        return self._fixed

    def _measure_labels(self, seen: Observation, found: Measurements) -> None:
        if not {"knn", "linear", "plane"} & self._which:
            return
        rows = self._labelled(seen)
        if rows is None:
            found.notes.append("too few examples have a label: no probes and no I(Z; Y)")
            return
        if "knn" in self._which:
            found.readings.append(Reading(name="knn", value=neighbour_accuracy(rows), by=KNN_PROTOCOL))
        if {"linear", "plane"} & self._which:
            found.readings += self._linear(rows)

    def _linear(self, rows: Labelled) -> Iterator[Reading]:
        score = score_linear(rows)
        if "linear" in self._which:
            yield Reading(name="linear", value=score.accuracy, by=LINEAR_PROTOCOL)
        if "plane" in self._which:
            by = f"H({self._sample.label}) less the held-out cross-entropy of the linear probe"
            yield Reading(name="I(Z; Y)", value=score.information, bound="lower bound", by=by)

    def _labelled(self, seen: Observation) -> Labelled | None:
        sample = self._sample
        if not sample.label or not bool(seen.train_features.isfinite().all()):
            return None
        has_train, has_held_out = sample.train_labels >= 0, sample.held_out_labels >= 0
        if len(set(sample.train_labels[has_train].tolist())) < 2 or not bool(has_held_out.any()):
            return None
        return Labelled(
            train=seen.train_features[has_train],
            train_labels=sample.train_labels[has_train],
            held_out=seen.features[has_held_out],
            held_out_labels=sample.held_out_labels[has_held_out],
            classes=sample.classes,
        )


def _singular_values(rows: Float[Tensor, "M D"]) -> Tensor:
    """Of the smaller Gram matrix, whose eigenvalues come much faster and are as good for ranks and pictures."""
    moment = rows @ rows.T if len(rows) < rows.shape[1] else rows.T @ rows
    values = torch.linalg.eigvalsh(moment).flip(0)
    smallest = len(moment) * torch.finfo(moment.dtype).eps * values.max().clamp_min(0)
    return torch.where(values > smallest, values, 0.0).sqrt()
