"""Which column of a data source each data variable of a spec stands for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from mvib.data.columns import Column, ColumnKind, DataSource, describe_columns
from mvib.data.errors import DataError
from mvib.data.partial import MISSING, keep_labels, mask_column, mask_name
from mvib.data.rows import has_missing

# From here on float32, in which columns are read, leaves whole numbers out.
_WHOLE_IN_FLOAT32 = 1 << 24

Variable = tuple[str, str, bool]


def bind_columns(
    source: DataSource, variables: Sequence[Variable], *, labelled: int | None = None, seed: int = 0
) -> dict[str, Column]:
    """Finds the column of each data variable: by its name where the source has it, otherwise by its type.

    By type, the variables of a type take the free columns of that type in order; their numbers must agree, so that
    nothing is guessed. A `vector` may stand for a column of images, whose pixels are then put into one row, and
    `tokens` for a column of vectors of whole numbers from 0.

    Args:
        source: the data.
        variables: name, type and whether it is partial, of each variable in the order of their declaration.
        labelled: how many training labels the partial label keeps; none keeps all.
        seed: which labels are kept.

    Returns:
        A column for each variable, by the variable's name; for each partial one also a mask under `mask_name`.

    Raises:
        DataError: a variable fits no column, or more than one.
    """
    chosen = _by_name(source, variables)
    for kind in dict.fromkeys(kind for _, kind, _ in variables):
        open_variables = [name for name, its_kind, _ in variables if its_kind == kind and name not in chosen]
        if open_variables:
            chosen |= _by_kind(source, kind, open_variables, taken=set(chosen.values()))
    partial = [name for name, _, is_partial in variables if is_partial]
    kinds = {name: kind for name, kind, _ in variables}
    columns = {name: _as_kind(source.columns[chosen[name]], kinds[name]) for name in kinds}
    return _with_masks(columns, partial=partial, labelled=labelled, seed=seed)


def _by_name(source: DataSource, variables: Sequence[Variable]) -> dict[str, str]:
    chosen = {}
    for name, kind, _ in variables:
        if name not in source.columns:
            continue
        if not _fits(source.columns[name], kind):
            if kind == ColumnKind.TOKENS and source.columns[name].kind is ColumnKind.VECTOR:
                raise DataError(
                    f"`{name}` is declared as tokens, and the column `{name}` of {source.name} holds other numbers",
                    f"tokens are whole numbers from 0 to {_WHOLE_IN_FLOAT32 - 1}; for others write "
                    f"`data {name}: vector`",
                )
            raise DataError(
                f"`{name}` is declared as {kind}, and the column `{name}` of {source.name} is not one",
                f"write `data {name}: {source.columns[name].kind}`; {_what_there_is(source.columns, source.name)}",
            )
        chosen[name] = name
    return chosen


def _by_kind(source: DataSource, kind: str, names: Sequence[str], *, taken: set[str]) -> dict[str, str]:
    free = {key: column for key, column in source.columns.items() if key not in taken}
    fitting = [key for key, column in free.items() if column.kind == kind]
    if not fitting:
        fitting = [key for key, column in free.items() if _fits(column, kind)]
    listed = " and ".join(f"`{name}`" for name in names)
    if len(fitting) < len(names):
        raise DataError(
            f"{source.name} has no column of type {kind} left for {listed}"
            if not fitting
            else f"{source.name} has only {len(fitting)} column of type {kind} for {listed}",
            f"choose data that has one for each; {_what_there_is(source.columns, source.name)}",
        )
    if len(fitting) > len(names):
        candidates = " or ".join(f"`{key}`" for key in fitting)
        raise DataError(
            f"{listed} may be any of the columns {candidates} of {source.name}",
            f"give the variable the name of its column, for example `data {fitting[0]}: {kind}`",
        )
    return dict(zip(names, fitting, strict=True))


def _fits(column: Column, kind: str) -> bool:
    if kind == ColumnKind.TOKENS and column.kind is ColumnKind.VECTOR:
        return all(_are_words(part[:]) for part in (column.train, column.test))
    return column.kind == kind or (kind == ColumnKind.VECTOR and column.kind is ColumnKind.IMAGE)


def _are_words(rows: Tensor) -> bool:
    """Whether rows hold whole numbers from 0 alone, each of which float32 has."""
    return bool(((rows >= 0) & (rows < _WHOLE_IN_FLOAT32) & (rows == rows.round())).all())


def _what_there_is(columns: Mapping[str, Column], name: str) -> str:
    return f"{name} has {describe_columns(columns)}"


def _as_kind(column: Column, kind: str) -> Column:
    if column.kind == kind:
        return column
    if kind == ColumnKind.TOKENS:
        train, test = column.train[:], column.test[:]
        about = f"{column.description}, as tokens 0..{int(max(train.max(), test.max()))}"
        return replace(column, kind=ColumnKind.TOKENS, train=train.long(), test=test.long(), description=about)
    return replace(
        column,
        kind=ColumnKind.VECTOR,
        train=column.train.flatten(start_dim=1),
        test=column.test.flatten(start_dim=1),
        description=f"{column.description}, as one row",
    )


def _with_masks(
    columns: Mapping[str, Column], *, partial: Sequence[str], labelled: int | None, seed: int
) -> dict[str, Column]:
    bound = dict(columns)
    labels = [name for name, column in columns.items() if column.kind is ColumnKind.LABEL]
    for name in labels:
        train = columns[name].train
        assert isinstance(train, Tensor), "labels are tensors"
        if name not in partial and bool((train == MISSING).any()):
            raise DataError(
                f"some training examples have no label, and `{name}` is declared for all",
                f"write `data {name}: label partial`",
            )
    for name, column in columns.items():
        if name not in partial and any(has_missing(part) for part in (column.train, column.test)):
            raise DataError(
                f"some examples have no `{name}` (all NaN), and it is declared for all",
                f"write `partial` behind its type, `data {name}: vector partial`, or remove them",
            )
    partial_labels = [name for name in labels if name in partial]
    if labelled is not None and len(partial_labels) != 1:
        raise DataError(
            f"{labelled} labelled examples are asked for, and {len(partial_labels)} labels are partial",
            f"write `data {labels[0] if labels else 'Y'}: label partial`"
            if not partial_labels
            else "declare one partial label only",
        )
    for name in partial:
        if name in partial_labels and labelled is not None:
            bound[name] = keep_labels(columns[name], labelled=labelled, seed=seed)
        bound[mask_name(name)] = mask_column(bound[name])
    return bound
