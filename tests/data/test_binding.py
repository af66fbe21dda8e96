"""Which column a data variable gets, and labels that only some examples have."""

import numpy as np
import pytest
import torch

from mvib.data import (
    Column,
    ColumnKind,
    DataError,
    DataSource,
    bind_columns,
    load_source,
    mask_name,
    source_from_arrays,
)
from mvib.data.partial import MISSING, keep_labels


@pytest.fixture(scope="module")
def digits() -> DataSource:
    return load_source("digits")


@pytest.fixture(scope="module")
def halves() -> DataSource:
    return load_source("digits-halves")


def test_variables_are_bound_by_type(digits: DataSource) -> None:
    bound = bind_columns(digits, [("X", "image", False), ("Y", "label", False)])
    assert bound == {"X": digits.columns["image"], "Y": digits.columns["label"]}


def test_variables_of_one_type_are_bound_in_order(halves: DataSource) -> None:
    bound = bind_columns(halves, [("A", "image", False), ("B", "image", False)])
    assert bound == {"A": halves.columns["left"], "B": halves.columns["right"]}


def test_a_name_decides_before_the_order(halves: DataSource) -> None:
    bound = bind_columns(halves, [("A", "image", False), ("left", "image", False)])
    assert bound == {"A": halves.columns["right"], "left": halves.columns["left"]}


def test_tokens_take_a_column_of_whole_numbers() -> None:
    words = np.arange(60).reshape(10, 6)
    source = source_from_arrays({"words": words, "numbers": words + 0.5, "Y": np.arange(10) % 2})
    column = bind_columns(source, [("T", "tokens", False)])["T"]
    assert column.kind is ColumnKind.TOKENS
    assert column.train.dtype == column.test.dtype == torch.int64
    assert torch.cat([column.train[:], column.test[:]]).sort(dim=0).values[:, 0].tolist() == list(range(0, 60, 6))
    assert column.description == "array `words`, as tokens 0..59"


@pytest.mark.parametrize("wrong", [np.arange(60).reshape(10, 6) - 1, np.full((10, 6), 0.5), np.full((10, 6), 1 << 24)])
def test_tokens_take_no_other_numbers(wrong: np.ndarray) -> None:
    source = source_from_arrays({"T": wrong, "Y": np.arange(10) % 2})
    with pytest.raises(DataError, match="`T` is declared as tokens, and the column `T` of arrays holds other numbers"):
        bind_columns(source, [("T", "tokens", False)])


def test_a_vector_takes_the_pixels_of_an_image(digits: DataSource) -> None:
    column = bind_columns(digits, [("X", "vector", False)])["X"]
    assert column.kind is ColumnKind.VECTOR
    assert torch.equal(column.test[:], digits.columns["image"].test[:].reshape(-1, 64))
    assert bind_columns(digits, [("image", "vector", False)])["image"].shape == (64,)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            [("A", "image"), ("B", "image")],
            r"digits has only 1 column of type image for `A` and `B`; .*`image` \(image",
        ),
        (
            [("A", "sequence")],
            r"digits has no column of type sequence left for `A`; .*`label` \(label with 10 classes\)",
        ),
        ([("A", "image"), ("V", "vector")], r"no column of type vector left for `V`"),
        ([("label", "image")], r"`label` is declared as image, .*write `data label: label`"),
    ],
)
def test_variables_without_a_column_are_errors_that_say_what_there_is(
    digits: DataSource, variables: list[tuple[str, str]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        bind_columns(digits, [(*variable, False) for variable in variables])


def test_a_choice_of_columns_is_not_guessed(halves: DataSource) -> None:
    with pytest.raises(DataError, match=r"`X` may be any of the columns `left` or `right`.*`data left: image`"):
        bind_columns(halves, [("X", "image", False)])


def bind_partial(source: DataSource, *, labelled: int | None, seed: int = 0) -> dict[str, Column]:
    return bind_columns(source, [("X", "image", False), ("Y", "label", True)], labelled=labelled, seed=seed)


def test_partial_labels_are_balanced_and_their_mask_says_which(digits: DataSource) -> None:
    bound = bind_partial(digits, labelled=43)
    labels, present = bound["Y"].train[:], bound[mask_name("Y")].train[:]
    truth = digits.columns["label"]
    assert present.sum() == 43
    assert torch.bincount(labels[present]).sort().values.tolist() == [4] * 7 + [5] * 3
    assert torch.equal(labels[present], truth.train[present])
    assert (labels[~present] == MISSING).all()
    assert torch.equal(bound["Y"].test[:], truth.test[:])
    assert bound[mask_name("Y")].test[:].all()
    assert bound[mask_name("Y")].kind is ColumnKind.MASK


def test_the_seed_decides_which_labels_are_kept(digits: DataSource) -> None:
    first, again, other = (bind_partial(digits, labelled=50, seed=seed)["Y"].train[:] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_partial_label_without_a_number_keeps_all(digits: DataSource) -> None:
    assert bind_partial(digits, labelled=None)[mask_name("Y")].train[:].all()


def test_rare_classes_give_what_they_have() -> None:
    column = Column(
        kind=ColumnKind.LABEL,
        train=torch.tensor([0] * 10 + [1] * 2 + [MISSING]),
        test=torch.tensor([0, 1]),
        classes=2,
        description="",
    )
    kept = keep_labels(column, labelled=8, seed=0).train[:]
    assert torch.bincount(kept[kept != MISSING]).tolist() == [6, 2]


@pytest.mark.parametrize("labelled", [0, 9, 1438])
def test_too_few_or_too_many_labels_are_an_error(digits: DataSource, labelled: int) -> None:
    with pytest.raises(DataError, match=f"{labelled} labelled examples are asked for, .*ask for 10 to 1437"):
        bind_partial(digits, labelled=labelled)


def test_labelled_needs_a_partial_label(digits: DataSource) -> None:
    with pytest.raises(DataError, match="write `data Y: label partial`"):
        bind_columns(digits, [("Y", "label", False)], labelled=100)


def test_missing_labels_of_the_data_need_a_partial_variable() -> None:
    source = source_from_arrays({"x": np.zeros((10, 2)), "y": np.array([0, 1, -1, 0, 1] * 2)})
    with pytest.raises(DataError, match="write `data y: label partial`"):
        bind_columns(source, [("y", "label", False)])
    bound = bind_columns(source, [("y", "label", True)])
    assert torch.equal(bound["y.present"].train[:], bound["y"].train[:] >= 0)
