"""Estimators that are measured on samples and have no gradient: nearest neighbours, slices, probes."""

from mvib.catalogue.signature import (
    Argument,
    Bound,
    EstimatorEntry,
    Form,
    Invariance,
    Kind,
    Reduction,
)

_K = Argument(
    name="k",
    kind=Kind.INTEGER,
    default=3,
    minimum=1,
    about="number of neighbours; more have less variance and more bias",
)

NEIGHBOURS = (
    EstimatorEntry(
        name="ksg",
        about="Information from numbers of nearest neighbours, by Kraskov, Stoegbauer and Grassberger.",
        arguments=(
            _K,
            Argument(
                name="variant",
                kind=Kind.INTEGER,
                default=1,
                choices=("mixed",),
                minimum=1,
                maximum=2,
                about="1 or 2 of the paper, for continuous variables; mixed: for discrete ones and mixtures too",
            ),
        ),
        source="Kraskov et al. 2004, eq. 8 and 9; Gao et al. 2017, algorithm 1 (variant: mixed)",
        implementation="mvib.estimators.ksg:ksg",
        forms=(Form.INFORMATION,),
        bound=Bound.EXACT,
        exact_when="N goes to infinity; too low when I is above log N, and in many dimensions",
        formula=(
            "psi(k) + psi(N) - mean_i [ psi(n_a + 1) + psi(n_b + 1) ], n the numbers of rows nearer than the k-th "
            "neighbour in (A, B), max-norm"
        ),
        needs="samples of pairs; the widths may differ",
        couples_batch=True,
        reduction=Reduction.GATHER,
        invariances=(Invariance.TRANSLATION, Invariance.SWAP),
        differentiable=False,
        same_width=False,
    ),
    EstimatorEntry(
        name="kozachenko_leonenko",
        about="Differential entropy from the distances of the k-th nearest neighbours.",
        arguments=(
            _K,
            Argument(
                name="norm",
                kind=Kind.CHOICE,
                default="max",
                choices=("max", "euclidean"),
                about="norm of the distances",
            ),
        ),
        source="Kozachenko and Leonenko 1987; Kraskov et al. 2004, eq. 20",
        implementation="mvib.estimators.kozachenko_leonenko:kozachenko_leonenko",
        forms=(Form.ENTROPY,),
        bound=Bound.EXACT,
        exact_when="N goes to infinity; biased in many dimensions",
        formula="psi(N) - psi(k) + log c_D + D mean_i log e_i, e_i the k-th neighbour's distance, c_D the unit ball",
        needs="rows of a continuous variable, none repeated more than k times",
        couples_batch=True,
        reduction=Reduction.GATHER,
        invariances=(Invariance.TRANSLATION,),
        differentiable=False,
    ),
    EstimatorEntry(
        name="sliced",
        about="Mean information of random projections of both variables.",
        arguments=(
            Argument(
                name="slices",
                kind=Kind.INTEGER,
                default=128,
                positional=True,
                minimum=1,
                about="number of pairs of projections",
            ),
            Argument(name="dim", kind=Kind.INTEGER, default=1, minimum=1, about="dimension of the projections"),
            _K,
            Argument(name="seed", kind=Kind.INTEGER, default=0, minimum=0, about="of the projections"),
        ),
        source="Goldfeld and Greenewald 2021, definition 1; Goldfeld et al. 2022, definition 1 (dim)",
        implementation="mvib.estimators.sliced:sliced",
        forms=(Form.INFORMATION,),
        bound=Bound.LOWER,
        exact_when="both variables have dimension dim",
        formula="mean over random orthonormal U, V of I(U'A; V'B), each by ksg",
        needs="samples of pairs; the widths may differ",
        couples_batch=True,
        reduction=Reduction.GATHER,
        invariances=(Invariance.TRANSLATION,),
        differentiable=False,
        same_width=False,
    ),
    EstimatorEntry(
        name="v_information",
        about="Information on the second variable that a family of predictors finds in the first, on held-out rows.",
        arguments=(
            Argument(
                name="probe",
                kind=Kind.CHOICE,
                default="linear",
                choices=("linear", "mlp"),
                positional=True,
                about="family of predictors",
            ),
            Argument(
                name="folds", kind=Kind.INTEGER, default=5, minimum=2, about="parts of the rows, each held out once"
            ),
        ),
        source="Xu et al. 2020, definitions 2 and 3, cross-fitted",
        implementation="mvib.estimators.v_information:v_information",
        forms=(Form.INFORMATION,),
        bound=Bound.LOWER,
        exact_when="the family has p(b | a), and p(b) as the predictor that is given nothing",
        formula="E[-log q(b)] - E[-log q(b | a)], both q fitted without the rows they are evaluated on",
        needs="samples of pairs, the second a label, or rows that are Gaussian (else it is no bound)",
        couples_batch=True,
        reduction=Reduction.GATHER,
        invariances=(Invariance.TRANSLATION, Invariance.COLUMN_AFFINE),
        differentiable=False,
        same_width=False,
        takes_labels=True,
    ),
)
