"""What kind of method a spec is, from its graph: against the taxonomy of the review, and on small specs."""

import pytest

from mvib.catalogue import load_catalogue
from mvib.driver import analyse, read_source
from mvib.source import SourceFile
from mvib.theory.classification import Approach, Classification, Compression, Supervision, Views, classify
from mvib.theory.collapse import MechanismKind, Verdict


def kind_of(name: str) -> Classification:
    return _classified(read_source(name))


def kind_of_text(text: str) -> Classification:
    return _classified(SourceFile("test.mvib", text))


def _classified(source: SourceFile) -> Classification:
    analysis = analyse(source)
    assert analysis.method is not None, [d.title for d in analysis.diagnostics]
    assert analysis.graph is not None
    return classify(analysis.method, analysis.graph, analysis.readings)


# The review's taxonomy (section 3 and the table of section A of the reference), and what the papers say of themselves.
@pytest.mark.parametrize(
    ("name", "approach", "contrastive", "views", "supervision"),
    [
        ("denoising_autoencoder", Approach.GENERATIVE, False, Views.SINGLE, Supervision.SELF_SUPERVISED),
        ("mae", Approach.GENERATIVE, False, Views.SINGLE, Supervision.SELF_SUPERVISED),
        ("sparse_autoencoder", Approach.GENERATIVE, False, Views.SINGLE, Supervision.UNSUPERVISED),
        ("vae", Approach.GENERATIVE, False, Views.SINGLE, Supervision.UNSUPERVISED),
        ("vq_vae", Approach.GENERATIVE, False, Views.SINGLE, Supervision.UNSUPERVISED),
        ("vcca", Approach.GENERATIVE, False, Views.MODALITIES, Supervision.SELF_SUPERVISED),
        ("simclr", Approach.JOINT_EMBEDDING, True, Views.MULTIPLE, Supervision.SELF_SUPERVISED),
        ("moco_v1", Approach.JOINT_EMBEDDING, True, Views.MULTIPLE, Supervision.SELF_SUPERVISED),
        ("cpc", Approach.JOINT_EMBEDDING, True, Views.MULTIPLE, Supervision.SELF_SUPERVISED),
        ("cmc", Approach.JOINT_EMBEDDING, True, Views.MULTIPLE, Supervision.SELF_SUPERVISED),
        ("amdim", Approach.JOINT_EMBEDDING, True, Views.MULTIPLE, Supervision.SELF_SUPERVISED),
        ("clip", Approach.JOINT_EMBEDDING, True, Views.MODALITIES, Supervision.SELF_SUPERVISED),
        ("byol", Approach.JOINT_EMBEDDING, False, Views.MULTIPLE, Supervision.SELF_SUPERVISED),
        ("simsiam", Approach.JOINT_EMBEDDING, False, Views.MULTIPLE, Supervision.SELF_SUPERVISED),
        ("swav", Approach.JOINT_EMBEDDING, False, Views.MULTIPLE, Supervision.SELF_SUPERVISED),
        ("dino", Approach.JOINT_EMBEDDING, False, Views.MULTIPLE, Supervision.SELF_SUPERVISED),
        ("ijepa", Approach.JOINT_EMBEDDING, False, Views.MULTIPLE, Supervision.SELF_SUPERVISED),
        ("barlow_twins", Approach.JOINT_EMBEDDING, False, Views.MULTIPLE, Supervision.SELF_SUPERVISED),
        ("vicreg", Approach.JOINT_EMBEDDING, False, Views.MULTIPLE, Supervision.SELF_SUPERVISED),
        ("deep_cca", Approach.JOINT_EMBEDDING, False, Views.MODALITIES, Supervision.SELF_SUPERVISED),
        ("vib", Approach.LABELS_ONLY, False, Views.SINGLE, Supervision.SUPERVISED),
        ("supcon", Approach.LABELS_ONLY, True, Views.MULTIPLE, Supervision.SUPERVISED),
        ("pseudo_label", Approach.LABELS_ONLY, False, Views.SINGLE, Supervision.SEMI_SUPERVISED),
        ("vat", Approach.JOINT_EMBEDDING, False, Views.MULTIPLE, Supervision.SEMI_SUPERVISED),
        ("m2", Approach.GENERATIVE, False, Views.SINGLE, Supervision.SEMI_SUPERVISED),
        ("wang2022_simclr", Approach.BOTH, True, Views.MULTIPLE, Supervision.SELF_SUPERVISED),
        ("dccae", Approach.BOTH, False, Views.MODALITIES, Supervision.SELF_SUPERVISED),
    ],
)
def test_taxonomy_of_the_review(
    name: str, approach: Approach, contrastive: bool, views: Views, supervision: Supervision
) -> None:
    kind = kind_of(name)
    assert (kind.approach, kind.contrastive, kind.views, kind.supervision) == (
        approach,
        contrastive,
        views,
        supervision,
    )


@pytest.mark.parametrize(
    ("name", "compression"),
    [
        ("mvib", Compression.EXPLICIT),
        ("vib", Compression.EXPLICIT),
        ("vae", Compression.EXPLICIT),
        ("c_simclr", Compression.EXPLICIT),
        ("review/deterministic_encoders", Compression.EXPLICIT),
        ("vicreg", Compression.IMPLICIT),
        ("byol", Compression.IMPLICIT),
        ("adversarial_autoencoder", Compression.IMPLICIT),
        ("simclr", Compression.NONE),
        ("autoencoder", Compression.NONE),
        # To be sure of a class costs nothing of what the code holds.
        ("entropy_minimisation", Compression.NONE),
    ],
)
def test_compression(name: str, compression: Compression) -> None:
    assert kind_of(name).compression is compression


def test_what_prevents_collapse_is_the_argument_of_the_check() -> None:
    byol = kind_of("byol")
    assert byol.collapse is Verdict.HELD_BY_ASYMMETRY
    assert byol.against_collapse == (MechanismKind.MOMENTUM_AND_PREDICTOR,)
    assert kind_of("vicreg").against_collapse == (MechanismKind.ENTROPY,)
    # What does not suffice, the stopped gradient, is left out.
    assert kind_of("swav").against_collapse == (MechanismKind.BALANCE,)


def test_assumptions_are_named_once_for_all_members() -> None:
    assert kind_of("mvib").assumptions == ("multiview(X, Y)",)


TWO_VIEWS = """
method A
param weight = {weight}
data X: image, Y: label partial
view X[i: 1..2] ~ augment(X)
encoder f: X[i] -> Z[i] = mlp(32)
decoder d: Z[i] ~> X[i] = gaussian(mlp(64))
maximize I(Z[1]; Z[2]) by infonce(temperature: 0.1)
term keep: minimize weight * mean(i) H(X[i] | Z[i]) by d
represent Z
"""


def test_a_term_that_never_counts_makes_no_kind() -> None:
    assert kind_of_text(TWO_VIEWS.format(weight=1)).approach is Approach.BOTH
    assert kind_of_text(TWO_VIEWS.format(weight=0)).approach is Approach.JOINT_EMBEDDING


def test_a_label_that_no_term_uses_is_no_supervision() -> None:
    assert kind_of_text(TWO_VIEWS.format(weight=1)).supervision is Supervision.SELF_SUPERVISED


def test_what_contrasts_needs_the_other_examples_of_the_batch() -> None:
    estimators = load_catalogue().estimators.values()
    contrasting = [entry for entry in estimators if entry.contrasts]
    assert contrasting
    assert all(entry.couples_batch for entry in contrasting)
