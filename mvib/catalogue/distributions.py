"""The distributions of stochastic encoders, decoders and priors."""

from mvib.catalogue.signature import Argument, DistributionEntry, Kind, Support

_NET = Argument(
    name="net", kind=Kind.MODULE, default=None, positional=True, about="the network in front; left out: identity"
)
_DIM = Argument(
    name="dim",
    kind=Kind.INTEGER,
    default=None,
    minimum=1,
    maximum=1 << 20,
    about="width of the variable; a linear layer of the parameters it needs is added",
)
_SHIFT = Argument(name="shift", default=0.0, about="added to the raw scale: std = softplus(raw + shift)")

DISTRIBUTIONS = (
    DistributionEntry(
        name="gaussian",
        about="Independent normal entries.",
        arguments=(
            _NET,
            Argument(
                name="var",
                default="learned",
                minimum=0,
                open_minimum=True,
                choices=("learned",),
                about="variance of every entry: `learned` from the input, or a number",
            ),
            _DIM,
            _SHIFT,
        ),
        encodes=True,
        decodes=True,
        about_types=("image", "vector", "sequence"),
        loss="squared error",
        closed_form_from=("normal", "gaussian"),
        implementation="mvib.nn.heads:GaussianHead",
        width="dim",
        layer_when=(("var", "learned"), ("dim", "*")),
        fits_width=True,
    ),
    DistributionEntry(
        name="laplace",
        about="Independent Laplace entries.",
        arguments=(
            _NET,
            Argument(
                name="scale",
                default="learned",
                minimum=0,
                open_minimum=True,
                choices=("learned",),
                about="scale of every entry: `learned` from the input, or a number",
            ),
            _DIM,
            _SHIFT,
        ),
        encodes=True,
        decodes=True,
        about_types=("image", "vector", "sequence"),
        loss="absolute error",
        implementation="mvib.nn.heads:LaplaceHead",
        width="dim",
        layer_when=(("scale", "learned"), ("dim", "*")),
        fits_width=True,
    ),
    DistributionEntry(
        name="bernoulli",
        about="Independent entries in [0, 1], each with its own probability of one.",
        arguments=(
            _NET,
            Argument(
                name="per_entry",
                kind=Kind.BOOLEAN,
                default=False,
                about="whether the log-density is in nats per entry: the mean over entries and not their sum",
            ),
        ),
        decodes=True,
        about_types=("image", "vector"),
        loss="binary cross-entropy",
        support=Support.INTERVAL,
        drops="for entries strictly between 0 and 1 it is no normalised density, but the usual loss",
        implementation="mvib.nn.heads:BernoulliHead",
        fits_width=True,
    ),
    DistributionEntry(
        name="categorical",
        about="One of K classes.",
        arguments=(
            _NET,
            Argument(name="temperature", default=1.0, minimum=0, open_minimum=True, about="divides the logits"),
        ),
        decodes=True,
        about_types=("label",),
        support=Support.CLASSES,
        loss="cross-entropy",
        implementation="mvib.nn.heads:CategoricalHead",
    ),
    DistributionEntry(
        name="vmf",
        about="von Mises-Fisher: a direction on the unit sphere.",
        arguments=(
            _NET,
            Argument(name="kappa", default=1.0, positional=True, minimum=0, open_minimum=True, about="concentration"),
        ),
        encodes=True,
        decodes=True,
        about_types=("vector",),
        support=Support.SPHERE,
        loss="kappa (1 - cosine)",
        drops="the normaliser, and kappa itself, so that a perfect prediction costs 0",
        closed_form_from=("uniform_sphere",),
        implementation="mvib.nn.heads:VonMisesFisherHead",
        fits_width=True,
    ),
    DistributionEntry(
        name="mixture",
        about=(
            "K Gaussians of independent entries with weights: for a decoder given its input (a mixture density "
            "network), or `mixture(10)` as a prior that is trained with the objective."
        ),
        arguments=(
            _NET,
            Argument(
                name="components",
                kind=Kind.INTEGER,
                positional=True,
                minimum=1,
                maximum=1 << 10,
                about="how many Gaussians, each with its own weight, mean and variances",
            ),
        ),
        decodes=True,
        is_prior=True,
        about_types=("image", "vector", "sequence"),
        loss="- log sum_k w_k N(x; m_k, s_k^2)",
        learns=(
            "as a prior it has parameters of its own in each term; by a rate all are trained, by `mmd` the means and "
            "variances, and the weights stay equal: no gradient passes the choice of a component"
        ),
        source="Bishop 1994, 'Mixture density networks', equation 22; as a prior: Tomczak and Welling 2018",
        implementation="mvib.nn.heads:MixtureHead",
        learned_prior="mvib.nn.mixture:LearnedMixture",
    ),
    DistributionEntry(
        name="normal",
        about="The standard normal prior.",
        is_prior=True,
        implementation="mvib.nn.distributions:StandardNormal",
    ),
    DistributionEntry(
        name="uniform",
        about="The uniform prior between 0 and 1.",
        is_prior=True,
        support=Support.INTERVAL,
        implementation="mvib.nn.distributions:UnitUniform",
    ),
    DistributionEntry(
        name="uniform_sphere",
        about=(
            "The uniform prior on the unit sphere, its density by the sphere's area: for `D(Z || uniform_sphere) by "
            "mmd()`, and for the rates of `vmf` encoders, which are numbers of `kappa` and the width."
        ),
        is_prior=True,
        support=Support.SPHERE,
        implementation="mvib.nn.distributions:UniformSphere",
    ),
    DistributionEntry(
        name="one_hot",
        about="The one-hot code of a class, all classes equally probable, as a prior.",
        is_prior=True,
        support=Support.CODES,
        implementation="mvib.nn.distributions:OneHotUniform",
    ),
)
