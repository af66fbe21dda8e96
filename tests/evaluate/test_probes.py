import numpy as np
import pytest

from mvib.evaluate.evaluation import ProbeError, protocol_of, read_probes
from mvib.evaluate.probes import PROBES, Split, score_probe


def split(train: list[list[float]], labels: list[int], test: list[list[float]], answers: list[int]) -> Split:
    return Split(
        train_features=np.array(train, dtype=np.float32).reshape(len(labels), 2),
        train_labels=np.array(labels, dtype=np.int64),
        test_features=np.array(test, dtype=np.float32).reshape(len(answers), 2),
        test_labels=np.array(answers, dtype=np.int64),
    )


RAYS = [[1.0, 0.1 * k] for k in range(5)] + [[0.1 * k, 1.0] for k in range(5)]
CLASSES = [0] * 5 + [1] * 5


def test_neighbours_go_by_the_angle_and_not_by_the_distance() -> None:
    # By distance the last one belongs to class 0, whose examples are near zero as it is.
    known = split(RAYS, CLASSES, [[9.0, 0.0], [0.0, 9.0], [0.0, 0.01]], [0, 1, 1])
    assert score_probe(PROBES["knn"], known).accuracy == 1.0


@pytest.mark.parametrize("probe", PROBES)
def test_accuracy_is_the_share_that_is_right(probe: str) -> None:
    known = split(RAYS, CLASSES, [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], [0, 1, 1, 1])
    assert score_probe(PROBES[probe], known).accuracy == 0.75


def test_a_linear_probe_does_not_depend_on_the_scale_of_a_feature() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    features = rng.standard_normal((200, 2)) + labels[:, None]
    tests = rng.standard_normal((100, 2)) + (np.arange(100) % 2)[:, None]
    scores = [
        score_probe(
            PROBES["linear"],
            split(
                (features * scale).tolist(), labels.tolist(), (tests * scale).tolist(), (np.arange(100) % 2).tolist()
            ),
        )
        for scale in (np.array([1.0, 1.0]), np.array([1e3, 1e-3]))
    ]
    assert scores[0].accuracy == scores[1].accuracy
    assert scores[0].accuracy is not None
    assert scores[0].accuracy > 0.7


@pytest.mark.parametrize("probe", PROBES)
def test_constant_features_give_chance_and_no_warning(probe: str) -> None:
    accuracy = score_probe(PROBES[probe], split([[2.0, 2.0]] * 10, CLASSES, [[2.0, 2.0]] * 4, [0, 0, 1, 1])).accuracy
    assert accuracy == 0.5


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_features_that_are_not_finite_are_said_to_be(probe: str, value: float) -> None:
    score = score_probe(PROBES[probe], split([*RAYS[:-1], [value, 0.0]], CLASSES, [[1.0, 0.0]], [0]))
    assert (score.accuracy, score.note) == (None, "the representation holds values that are not finite")


def test_too_few_neighbours_are_said_to_be() -> None:
    score = score_probe(PROBES["knn"], split(RAYS[:3], CLASSES[:3], [[1.0, 0.0]], [0]))
    assert (score.accuracy, score.note) == (None, "there are fewer than 5 labelled examples to compare with")


def test_one_class_cannot_be_separated() -> None:
    score = score_probe(PROBES["linear"], split(RAYS[:5], CLASSES[:5], [[1.0, 0.0]], [0]))
    assert (score.accuracy, score.note) == (None, "all labelled training examples are of one class")


def test_no_labels_at_all_are_said_to_be() -> None:
    empty = split([], [], [[1.0, 0.0]], [0])
    assert score_probe(PROBES["knn"], empty).note == "there are no labelled examples in one of the parts"


def test_protocols_state_every_number() -> None:
    assert protocol_of("knn").startswith("majority of the 5 nearest")
    assert "C = 0.1" in protocol_of("linear")


def test_names_of_probes_are_read_once_each() -> None:
    assert read_probes(" knn, linear,knn") == ("knn", "linear")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("knn,liner", "there is no probe `liner`; did you mean `linear`\\? there are knn, linear, classifier"),
        (" , ", "no probe is named; there are knn, linear, classifier"),
    ],
)
def test_a_probe_that_there_is_not_is_named(text: str, message: str) -> None:
    with pytest.raises(ProbeError, match=message):
        read_probes(text)
