"""Laws of several views: what is said to be known of them, against counts, estimates and identities."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

import mvib
from mvib.data import ColumnKind, DataError, load_source
from mvib.data.laws.multiview import JITTER, Factor, Form, MultiviewLaw, Task, rotation

NUM = 60_000


def draw(law: MultiviewLaw, seed: int = 0) -> tuple[list[Tensor], Tensor]:
    return law.sample(NUM, torch.Generator().manual_seed(seed))


def bits_of(view: Tensor, place: int) -> Tensor:
    """The bits that a view shows, read off it as one whole number a row."""
    turned_back = view.double() @ rotation(view.shape[1], place)
    assert float((turned_back.abs() - 1).abs().max()) <= JITTER + 1e-5
    return turned_back > 0


def as_number(bits: Tensor) -> Tensor:
    return (bits.long() * 2 ** torch.arange(bits.shape[1])).sum(dim=1)


def counted(*variables: Tensor) -> float:
    """Joint entropy in nats by counting, with the first-order (Miller-Madow) correction."""
    cell = variables[0]
    for variable in variables[1:]:
        cell = cell * (int(variable.max()) + 1) + variable
    counts = torch.unique(cell, return_counts=True)[1].double()
    p = counts / counts.sum()
    return float(-(p * p.log()).sum()) + (len(counts) - 1) / (2 * NUM)


def information(x: Tensor, y: Tensor) -> float:
    return counted(x) + counted(y) - counted(x, y)


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("noise", [0.0, 0.1, 0.5])
def test_informations_of_bits_are_what_counts_say(task: Task, noise: float) -> None:
    # Few bits beside those of the label: a table of many cells is counted with more bias.
    numbers = (2, 1) if task is Task.SHARED else (1, 2)
    law = MultiviewLaw(shared=numbers[0], private=numbers[1], bits=2, task=task, noise=noise)
    (view1, view2), label = draw(law)
    first, second = (as_number(bits_of(view, place)) for place, view in enumerate((view1, view2)))
    known = law.informations()
    both = counted(first, second)
    found = {
        "H(label)": counted(label),
        "I(view1; label)": information(first, label),
        "I(view2; label)": information(second, label),
        "I(view1; view2)": information(first, second),
        "I(view1, view2; label)": both + counted(label) - counted(first, second, label),
        "I(view1; label | view2)": both + counted(second, label) - counted(second) - counted(first, second, label),
        "I(view2; label | view1)": both + counted(first, label) - counted(first) - counted(first, second, label),
    }
    assert set(found) == set(known)
    for name, nats in found.items():
        # The standard error of a log-ratio of size one over 60,000 rows is 0.004.
        assert nats == pytest.approx(known[name], abs=0.012), name


def test_the_multiview_assumption_holds_exactly_or_fails_altogether() -> None:
    holds = MultiviewLaw(noise=0.0).informations()
    assert holds["I(view1; label | view2)"] == 0
    assert holds["I(view1; label)"] == pytest.approx(2 * math.log(2))
    fails = MultiviewLaw(task=Task.PRIVATE, noise=0.0).informations()
    assert fails["I(view1; label | view2)"] == pytest.approx(fails["H(label)"])
    assert fails["I(view2; label)"] == 0


def test_two_gaussian_views_share_what_estimators_find() -> None:
    law = MultiviewLaw(shared=2, private=1, noise=0.5, factor=Factor.GAUSSIAN, bits=2)
    (view1, view2), label = draw(law)
    known = law.informations()
    found = mvib.estimate("ksg", view1[:2000], view2[:2000], resamples=0)
    assert float(found) == pytest.approx(known["I(view1; view2)"], abs=0.1)
    # In closed form: the correlation of a factor that two views see is 1 / (1 + noise^2) = 0.8.
    assert known["I(view1; view2)"] == pytest.approx(-math.log(1 - 0.8**2))
    assert counted(label) == pytest.approx(math.log(4), abs=1e-3)


@pytest.mark.parametrize(("looks", "quantity"), [(1, "I(view1; label)"), (2, "I(view1, view2; label)")])
def test_a_binned_factor_tells_what_bayes_rule_says(looks: int, quantity: str) -> None:
    """The mean of log p(label | what is seen) over samples, with p(label | .) from simulated posteriors."""
    noise = 0.5
    law = MultiviewLaw(shared=1, private=0, noise=noise, factor=Factor.GAUSSIAN, bits=2)
    rng = np.random.default_rng(0)
    factor = rng.normal(size=NUM)
    seen = factor + noise / math.sqrt(looks) * rng.normal(size=NUM)
    labels = np.searchsorted(np.quantile(factor, (0.25, 0.5, 0.75)), factor)
    # Counting in fine bins of what is seen loses less than the tolerance.
    cells = np.digitize(seen, np.quantile(seen, np.linspace(0, 1, 101)[1:-1]))
    assert information(torch.from_numpy(cells), torch.from_numpy(labels)) == pytest.approx(
        law.informations()[quantity], abs=0.01
    )


def test_gaussian_views_of_little_noise_tell_nearly_all() -> None:
    known = MultiviewLaw(noise=1e-3, factor=Factor.GAUSSIAN).informations()
    assert known["I(view1; label)"] == pytest.approx(known["H(label)"], abs=5e-3)
    assert MultiviewLaw(noise=0.0, factor=Factor.GAUSSIAN).informations()["I(view1; view2)"] == math.inf


def test_pictures_show_the_bits() -> None:
    law = MultiviewLaw(shared=3, private=2, noise=0.0, form=Form.IMAGE)
    number = 4000
    (view1, view2), label = law.sample(number, torch.Generator().manual_seed(0))
    assert view1.shape == (number, 1, 12, 12)
    assert float(view1.min()) >= 0
    assert float(view1.max()) <= 1
    cells = view1.reshape(number, 3, 4, 3, 4).permute(0, 1, 3, 2, 4).reshape(number, 9, 4, 4)
    # The second pixel of the first line is bright in stripes that stand, and dark in those that lie.
    standing = cells[:, :, 0, 1] > 0.4
    assert torch.equal(standing[:, 0].long() * 2 + standing[:, 1].long(), label)
    assert not torch.equal(view1, view2)


@pytest.mark.parametrize("form", ["vector", "image"])
def test_the_source_has_a_column_for_each_view(form: str) -> None:
    source = load_source(f"synthetic:views=3,shared=2,private=1,n=100,form={form}")
    assert list(source.columns) == ["view1", "view2", "view3", "label"]
    assert source.columns["view1"].kind is (ColumnKind.IMAGE if form == "image" else ColumnKind.VECTOR)
    assert (source.num_train, source.num_test) == (80, 20)
    (note,) = source.notes
    assert "I(view1; label | view2) = " in note


def test_a_seed_gives_the_same_examples() -> None:
    first, again, other = (load_source(f"synthetic:n=100,seed={seed}").columns["view1"].train[:] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shard=2", r"takes no `shard=2`; did you mean `shared=`\?"),
        ("shared", "takes no `shared`"),
        ("views=0", "write a whole number from 1 to 16"),
        ("noise=0.6", "no probability of a flip"),
        ("noise=nan", "write a number from 0 to 100"),
        ("task=both", "write `task=shared` or `task=private`"),
        ("task=private,private=1", "the label takes 2 private factors, and there are 1"),
        ("form=image,factor=gaussian", "pictures are drawn of bits"),
        ("n=10000000,shared=256", "would make"),
        ("views=2,views=2", "given `views` twice"),
    ],
)
def test_laws_that_there_are_not(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_source(f"synthetic:{text}")
