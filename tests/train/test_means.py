import math

from mvib.train.history import RunningMeans


def test_each_mean_is_over_the_examples_behind_it() -> None:
    means = RunningMeans()
    for value, labelled in ((2.0, 3), (0.0, 0), (4.0, 1)):
        means.add({"labelled": value}, examples=labelled)
        means.add({"all": 1.0}, examples=16)
    assert means.mean("labelled") == (2.0 * 3 + 4.0 * 1) / 4
    assert means.mean("all") == 1.0
    assert math.isnan(means.mean("never"))
