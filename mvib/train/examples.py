"""The examples of a run: the columns that the data variables of a method stand for, and their shapes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mvib.compile.example import LabelShape, TokensShape
from mvib.data import (
    BadItems,
    Column,
    ColumnKind,
    DataSource,
    Origin,
    add_rows,
    bind_columns,
    load_source,
    match_classes,
    source_from_object,
    with_absolute_paths,
)
from mvib.data.tuning import few_note, leave_out_for_tuning
from mvib.diagnostics import SpecError
from mvib.driver import Analysis
from mvib.semantics.method import Method, VariableKind
from mvib.train.config import read_config

ARRAYS = "arrays"

# A name, arrays by name, a torch data set, or a pair of these for training and test.
Data = str | Mapping[str, Any] | Any
Shapes = dict[str, tuple[int, ...] | LabelShape | TokensShape]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examples:
    """Examples bound to the data variables of a method.

    Attributes:
        columns: by data variable, and the masks of partial ones under their own names.
        labels: every label column of the source by its own name, with all its labels: what probes are about, whether
            or not the method knows of it.
        source: every column of the source by its own name, as it is there: nothing is left out for tuning.
        bad: items of the data that are left out; more may be met while the run goes on.
        notes: what else a user should know of the data, a sentence each.
        origin: where each example comes from, none where that is not known.
        tuning: the same with the examples that are left out of training, to choose settings by, in the place of the
            held-out part; none where none are left out.
    """

    columns: Mapping[str, Column]
    labels: Mapping[str, Column]
    source: Mapping[str, Column]
    bad: BadItems = field(default_factory=BadItems)
    notes: tuple[str, ...] = ()
    origin: Origin | None = None
    tuning: "Examples | None" = None

    @property
    def num_train(self) -> int:
        """The number of training examples."""
        return min(len(column.train) for column in self.columns.values())

    @property
    def num_held_out(self) -> int:
        """The number of held-out examples."""
        return min(len(column.test) for column in self.columns.values())


def load_examples(
    method: Method,
    data: Data,
    *,
    labelled: int | None = None,
    seed: int = 0,
    class_names: Mapping[str, Sequence[str]] | None = None,
    tuning: float = 0.0,
) -> Examples:
    """Load data and find the column of every data variable of a method.

    Args:
        method: whose variables.
        data: name of a source, or a Python object: arrays by name, or torch data sets.
        labelled: how many training labels the partial label keeps, none for all.
        seed: which ones, and which examples are left out.
        class_names: of labels of the method, what a model that is trained already takes for the classes 0, 1, ...; the
            data may have them in another order, or some of them.
        tuning: share of the training part that is left out, to choose settings by.

    Raises:
        DataError: there is no such data, or it does not fit the variables or the classes.
    """
    source = load_source(data) if isinstance(data, str) else source_from_object(data)
    if tuning == 0:
        return _bound(method, source, source, labelled=labelled, seed=seed, class_names=class_names or {})
    rest, judged = leave_out_for_tuning(source, share=tuning, seed=seed)
    left_out = source.num_train - rest.num_train
    note = (
        f"{left_out:,} of {source.num_train:,} training examples are left out of training, to "
        f"choose settings by (`tuning: {tuning:g}`)"
    )
    examples, chosen_by = (
        _bound(method, one, source, labelled=labelled, seed=seed, class_names=class_names or {})
        for one in (rest, judged)
    )
    notes = (*examples.notes, note, *filter(None, [few_note(left_out)]))
    return replace(examples, notes=notes, tuning=chosen_by)


def _bound(
    method: Method,
    source: DataSource,
    whole: DataSource,
    *,
    labelled: int | None,
    seed: int,
    class_names: Mapping[str, Sequence[str]],
) -> Examples:
    variables = [
        (family.name, family.type, family.partial)
        for family in method.variables.values()
        if family.kind is VariableKind.DATA
    ]
    columns = bind_columns(source, variables, labelled=labelled, seed=seed)
    for name, names in class_names.items():
        columns[name] = match_classes(columns[name], names, label=name)
    labels = {name: column for name, column in source.columns.items() if column.kind is ColumnKind.LABEL}
    return Examples(
        columns=columns,
        labels=labels,
        source=whole.columns,
        bad=source.bad,
        notes=source.notes,
        origin=source.origin,
    )


def example_shapes(columns: Mapping[str, Column]) -> Shapes:
    """What `compile_model` needs to know of the data: shapes with a batch axis, and numbers of classes."""
    shapes: Shapes = {}
    for name, column in columns.items():
        if column.kind is ColumnKind.LABEL:
            assert column.classes is not None
            shapes[name] = LabelShape(column.classes)
        elif column.kind is ColumnKind.TOKENS:
            words = 1 + max(int(part[:].max()) for part in (column.train, column.test))
            shapes[name] = TokensShape((1, *column.shape), words)
        elif column.kind is not ColumnKind.MASK:
            shapes[name] = (1, *column.shape)
    return shapes


def example_of(analysis: Analysis, data: Data | None = None) -> Shapes:
    """The shapes that the data of a spec have.

    Args:
        analysis: of a sound spec.
        data: in the place of the data source of the spec.

    Raises:
        SpecError: the spec is wrong.
        DataError: there is no such data, or it does not fit the variables.
    """
    if analysis.method is None:
        raise SpecError(analysis.diagnostics)
    given = str(analysis.method.settings["data"]) if data is None else data
    labelled = read_config(analysis.method, epochs=1).labelled
    return example_shapes(load_examples(analysis.method, given, labelled=labelled).columns)


def data_name(data: Data) -> str:
    """How a run folder calls the data, so that they are found again: paths of files are made absolute."""
    return with_absolute_paths(data) if isinstance(data, str) else ARRAYS


def fingerprint(columns: Mapping[str, Column]) -> str:
    """A hash by which a run that goes on knows its data: of examples, or names and lengths of files left on disk."""
    digest = _digest()
    for name in sorted(columns):
        digest.update(name.encode())
        digest.update("\n".join(columns[name].class_names).encode(errors="surrogatepass"))
        for part in (columns[name].train, columns[name].test):
            add_rows(digest, part)
    return digest.hexdigest()


def held_out_fingerprints(examples: Examples) -> dict[str, str]:
    """A hash of the held-out part of every column of the source, by which two runs know that theirs are the same."""
    found = {}
    for name, column in examples.source.items():
        digest = _digest()
        add_rows(digest, column.test)
        found[name] = digest.hexdigest()
    return found


def _digest() -> "hashlib.blake2b":
    return hashlib.blake2b(digest_size=16)
