"""Contrastive estimators: each pair is told from the other pairs of the batch by a similarity."""

from mvib.catalogue.signature import (
    Argument,
    Bound,
    Candidates,
    EstimatorEntry,
    Form,
    Invariance,
    Kind,
    Reduction,
    Rows,
    Spread,
    Widths,
)


def _temperature(default: float) -> Argument:
    return Argument(
        name="temperature",
        default=default,
        positional=True,
        minimum=0,
        open_minimum=True,
        scheduled=True,
        learnable=True,
        learned_minimum=0.01,
        about="scale of the similarities; smaller is sharper",
    )


_PAIRS = "samples of pairs; the cosine is the critic"
_OF_UNIT_ROWS = (Invariance.ROW_SCALE, Invariance.SCALE, Invariance.SWAP)

CONTRASTIVE = (
    EstimatorEntry(
        name="infonce",
        about="Contrasts each pair with the other pairs of the batch.",
        arguments=(
            _temperature(0.5),
            Argument(
                name="negatives",
                kind=Kind.MEMORY,
                default="all",
                choices=("all", "other_view", "own_view"),
                about=(
                    "all: each of the 2N rows against the other 2N - 1; other_view: each of N against the N of the "
                    "other view; own_view: each against its pair and the N - 1 others of its own view; queue(K): each "
                    "of the first view against its pair and K earlier rows. Less log(2 - 1/N) all is a lower bound"
                ),
            ),
            Argument(
                name="anchors",
                kind=Kind.CHOICE,
                default="both",
                choices=("both", "first"),
                about=(
                    "both: the rows of either view are told from others, in turn; first: those of the first only, as "
                    "always with a queue or a critic"
                ),
            ),
            Argument(
                name="domain",
                kind=Kind.VARIABLE,
                default=None,
                is_label=True,
                about="a label that all candidates of a row share with it; what it says is of no use then",
            ),
            Argument(
                name="extra",
                kind=Kind.VARIABLE,
                default=None,
                about="rows of the other examples that are candidates too, with anchors: first, negatives: other_view",
            ),
            Argument(
                name="critic",
                kind=Kind.CRITIC,
                default=None,
                about="a trained score in the place of the cosine; the negatives are then all others of the batch",
            ),
        ),
        source=(
            "van den Oord et al. 2018, eq. 4; Chen et al. 2020, eq. 1 (negatives: all); Radford et al. "
            "2021 (other_view); He et al. 2020, eq. 1 (queue); Chen, Xie and He 2021, eq. 1 (anchors: first); "
            "Kahana and Hoshen 2022 (own_view, domain); Lee et al. 2021 (extra)"
        ),
        implementation="mvib.estimators.infonce:infonce",
        with_critic="mvib.estimators.infonce:from_critic",
        constant_with_critic="mvib.estimators.infonce:constant_from_critic",
        constant="mvib.estimators.infonce:constant",
        contrasts=True,
        forms=(Form.INFORMATION,),
        bound=Bound.LOWER,
        # Within domains it is about I(A; B | domain), which is not below I(A; B) in general. The rows of a queue come
        # from encoders that are no more, those of the own view follow the other variable's law: no value of either is
        # bounded by the information. A critic is given the second variable's other rows, as by `other_view`.
        bound_when=(
            ("domain", "*", Bound.SURROGATE),
            ("negatives", "queue", Bound.SURROGATE),
            ("negatives", "own_view", Bound.SURROGATE),
        ),
        slack_when=(
            ("critic", "*", ""),
            ("extra", "*", "log(2 - 1/N)"),
            ("negatives", "all", "log(2 - 1/N)"),
        ),
        exact_when="the critic is the log density ratio and N goes to infinity",
        formula="log(K) + mean_i [ s_ii / t - log sum_j exp(s_ij / t) ], s the cosines, K terms in the sum",
        needs="samples of pairs; the cosine is the critic unless one is given",
        couples_batch=True,
        saturation=(
            "log(2N - 1) with negatives: all, log(N) with negatives: other_view, own_view or a critic, log(K + 1) with "
            "queue(K)"
        ),
        candidates=(
            Candidates(argument="critic", rows=1),
            Candidates(argument="extra", rows=2, offset=-1),
            Candidates(argument="negatives", word="all", rows=2, offset=-1),
            Candidates(argument="negatives", word="queue", memory=1, offset=1),
            Candidates(rows=1),
        ),
        reduction=Reduction.GATHER,
        rows=Rows.UNIT,
        spreads=((Form.INFORMATION, Spread.REPULSION),),
    ),
    EstimatorEntry(
        name="dcl",
        about="InfoNCE without the pair itself among its candidates (decoupled contrastive learning).",
        arguments=(
            _temperature(0.1),
            Argument(
                name="sigma",
                default=None,
                minimum=0,
                open_minimum=True,
                about="temperature of weights for pairs that are far apart (DCLW: 0.5); left out: no weights",
            ),
        ),
        source="Yeh et al. 2022, eq. 6 and 7",
        implementation="mvib.estimators.dcl:dcl",
        constant="mvib.estimators.dcl:constant",
        contrasts=True,
        forms=(Form.INFORMATION,),
        bound=Bound.SURROGATE,
        formula=(
            "log(2N - 2) + mean_i [ w_i s_ip / t - log sum_j exp(s_ij / t) ], j over both views of the other examples, "
            "w_i = 1 or 2 - N softmax_i(s_ip / sigma)"
        ),
        needs=_PAIRS,
        couples_batch=True,
        reduction=Reduction.GATHER,
        rows=Rows.UNIT,
        invariances=_OF_UNIT_ROWS,
        spreads=((Form.INFORMATION, Spread.REPULSION),),
    ),
    EstimatorEntry(
        name="siglip",
        about="Judges every pair of the batch on its own: joint or independent (sigmoid loss).",
        arguments=(
            _temperature(0.1),
            Argument(
                name="bias",
                default=-10.0,
                learnable=True,
                about="added to all scores; takes up the log of the number of negatives",
            ),
        ),
        source="Zhai et al. 2023, eq. 1",
        implementation="mvib.estimators.siglip:siglip",
        contrasts=True,
        forms=(Form.INFORMATION,),
        bound=Bound.SURROGATE,
        formula=(
            "(1/N) [ sum_i log sigmoid(s_ii / t + bias) + sum_{i != j} log sigmoid(-s_ij / t - bias) ], s the cosines"
        ),
        needs=_PAIRS,
        couples_batch=True,
        saturation="0",
        units="none",
        reduction=Reduction.GATHER,
        rows=Rows.UNIT,
        invariances=_OF_UNIT_ROWS,
        grows=True,
        spreads=((Form.INFORMATION, Spread.REPULSION),),
    ),
    EstimatorEntry(
        name="spectral",
        about="Products of pairs against the squared products of all others (spectral contrastive loss).",
        arguments=(
            Argument(
                name="mu",
                default=1.0,
                positional=True,
                minimum=0,
                open_minimum=True,
                about="greatest squared norm of a row; longer ones are scaled to it",
            ),
        ),
        source="HaoChen et al. 2021, eq. 6",
        implementation="mvib.estimators.spectral:spectral",
        contrasts=True,
        forms=(Form.INFORMATION,),
        bound=Bound.SURROGATE,
        formula="(2 mean_i <z1_i, z2_i> - mean_{i != j} <z1_i, z2_j>^2) / mu, rows clipped to norm sqrt(mu)",
        needs="samples of pairs of rows of one width",
        couples_batch=True,
        saturation="2",
        units="none",
        reduction=Reduction.REDUCE,
        invariances=(Invariance.SWAP,),
        spreads=((Form.INFORMATION, Spread.REPULSION),),
    ),
    EstimatorEntry(
        name="alignment",
        about="Mean distance of the two views of an example, to a power.",
        arguments=(
            Argument(
                name="alpha",
                default=2.0,
                positional=True,
                minimum=0,
                open_minimum=True,
                about="power of the distance",
            ),
        ),
        source="Wang and Isola 2020, section 4.1",
        implementation="mvib.estimators.alignment:alignment",
        forms=(Form.CONDITIONAL_ENTROPY,),
        bound=Bound.SURROGATE,
        formula="mean_i ||u1_i - u2_i||^alpha",
        needs="samples of pairs of rows of one width",
        couples_batch=False,
        units="none",
        reduction=Reduction.LOCAL,
        rows=Rows.UNIT,
        drops="scale and normaliser of the density that the distance stands for",
        invariances=_OF_UNIT_ROWS,
    ),
    EstimatorEntry(
        name="uniformity",
        about="Minus the log of the mean Gaussian kernel of two different rows on the sphere.",
        arguments=(
            Argument(
                name="t",
                default=2.0,
                positional=True,
                minimum=0,
                open_minimum=True,
                scheduled=True,
                about="sharpness of the kernel exp(-t d^2)",
            ),
        ),
        source="Wang and Isola 2020, section 4.1",
        implementation="mvib.estimators.uniformity:uniformity",
        contrasts=True,
        forms=(Form.ENTROPY,),
        bound=Bound.SURROGATE,
        formula="- log mean_{i < j} exp(-t ||u_i - u_j||^2)",
        needs="a batch of rows",
        couples_batch=True,
        saturation="2 t N / (N - 1)",
        reduction=Reduction.GATHER,
        rows=Rows.UNIT,
        drops="the normaliser of the kernel",
        invariances=(Invariance.ROTATION, Invariance.SCALE, Invariance.ROW_SCALE),
        spreads=((Form.ENTROPY, Spread.REPULSION),),
    ),
    EstimatorEntry(
        name="supcon",
        about="Contrasts the rows of each label with all others (supervised contrastive loss, the sum outside).",
        arguments=(
            _temperature(0.1),
            Argument(
                name="base",
                default=None,
                minimum=0,
                open_minimum=True,
                about="scales the value by temperature / base; left out: no scaling",
            ),
        ),
        source="Khosla et al. 2020, eq. 2",
        implementation="mvib.estimators.supcon:supcon",
        constant="mvib.estimators.supcon:constant",
        contrasts=True,
        forms=(Form.INFORMATION,),
        bound=Bound.SURROGATE,
        formula=(
            "(t / base) mean_a [ log(N - 1) + mean_p s_ap / t - log sum_{b != a} exp(s_ab / t) ], a over the N rows of "
            "all views, p over the others of a's label; 0 for an a without any"
        ),
        needs="one or several views, and a label",
        couples_batch=True,
        saturation="the mean of log((N - 1) / P), P the number of other rows of the label, times t / base",
        reduction=Reduction.GATHER,
        rows=Rows.UNIT,
        joins=False,
        same_width=False,
        widths=Widths.ONE,
        labelled=(Form.INFORMATION,),
        spreads=((Form.INFORMATION, Spread.REPULSION),),
    ),
    EstimatorEntry(
        name="patch_infonce",
        about="Contrasts each location of a map with those of all other examples, by products with a vector (AMDIM).",
        arguments=(
            Argument(
                name="clip",
                default=20.0,
                positional=True,
                minimum=0,
                open_minimum=True,
                about="scores are squeezed into (-clip, clip) by a tanh",
            ),
            Argument(name="penalty", default=0.05, minimum=0, about="weight of the mean squared score before the tanh"),
        ),
        source="Bachman et al. 2019 (AMDIM), official code",
        implementation="mvib.estimators.patch_infonce:patch_infonce",
        constant="mvib.estimators.patch_infonce:constant",
        contrasts=True,
        forms=(Form.INFORMATION,),
        bound=Bound.LOWER,
        # The places of one image are no independent negatives; with one place of each the bound is the usual one.
        slack_when=(("clip", "*", "log(T)"),),
        exact_when="the clipped product is the log density ratio, there is no penalty, and N goes to infinity",
        formula=(
            "log(1 + (N - 1) T) + mean_it [ s_iit - log(exp s_iit + sum_{j != i, t'} exp s_ijt') ] - penalty mean r^2, "
            "r_ijt = <a_i, b_jt> / sqrt(D), s = clip tanh(r / clip); of a map A the mean over its places"
        ),
        needs="a vector, tokens or a map A, and tokens or a map B of the same width",
        any_shape=True,
        same_width=False,
        widths=Widths.ONE,
        couples_batch=True,
        saturation="log(1 + (N - 1) T), T the number of locations",
        reduction=Reduction.GATHER,
        spreads=((Form.INFORMATION, Spread.REPULSION),),
    ),
    EstimatorEntry(
        name="distance_infonce",
        about="Distances of samples from the means of all examples, without the term of their own (InfoCL).",
        arguments=(
            Argument(
                name="bandwidth",
                default=20.0,
                positional=True,
                minimum=0,
                open_minimum=True,
                scheduled=True,
                about="what squared distances are divided by, in squared units of the rows",
            ),
        ),
        source="Wang et al. 2022 (LBE)",
        implementation="mvib.estimators.distance_infonce:distance_infonce",
        constant="mvib.estimators.distance_infonce:constant",
        contrasts=True,
        forms=(Form.INFORMATION,),
        bound=Bound.SURROGATE,
        formula="log N - mean_i log sum_j exp(-||a_i - b_j||^2 / bandwidth)",
        needs="samples A of one or several views, and their means B, those of several views side by side",
        couples_batch=True,
        reduction=Reduction.GATHER,
        joins=False,
        same_width=False,
        widths=Widths.SIDE_BY_SIDE,
        drops="the mean squared distance of a sample from its own mean: a constant for noise of a fixed variance",
        spreads=((Form.INFORMATION, Spread.REPULSION),),
    ),
)
