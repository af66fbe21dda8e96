"""The keys of a train block, the optimizers, the learning-rate schedules and the data sets."""

from dataclasses import replace

from mvib.catalogue.signature import Argument, Kind, LearningRateEntry, OptimizerEntry, SourceEntry

_LR = Argument(name="lr", default=1e-3, positional=True, minimum=0, open_minimum=True, about="peak learning rate")
_WEIGHT_DECAY = Argument(
    name="weight_decay", default=0.0, minimum=0, scheduled=True, about="not applied to biases and normalisation layers"
)

SETTINGS = (
    Argument(name="data", kind=Kind.SOURCE, default="digits", about="the data set; `--data` overrides it"),
    Argument(name="backbone", kind=Kind.MODULE, default=None, about="what `backbone()` stands for"),
    Argument(
        name="epochs",
        kind=Kind.INTEGER,
        default=40,
        minimum=1,
        maximum=1_000_000,
        about="passes over the training data",
    ),
    Argument(name="batch", kind=Kind.INTEGER, default=256, minimum=2, maximum=1 << 24, about="examples a step"),
    Argument(name="optimizer", kind=Kind.OPTIMIZER, default="adamw", about="the optimizer"),
    Argument(name="schedule", kind=Kind.SCHEDULE, default="cosine", about="the learning rate over training"),
    Argument(
        name="precision",
        kind=Kind.CHOICE,
        default="fp32",
        choices=("fp32", "bf16", "fp16"),
        about="of the networks; losses are always computed in fp32",
    ),
    Argument(
        name="seed", kind=Kind.INTEGER, default=0, minimum=0, maximum=2**63 - 1, about="of weights, order and views"
    ),
    Argument(
        name="labelled",
        kind=Kind.INTEGER,
        default=None,
        minimum=1,
        maximum=1 << 40,
        about="how many examples keep a `partial` label; left out: all",
    ),
    Argument(
        name="tuning",
        default=0.0,
        minimum=0,
        maximum=0.5,
        about="share of the training data (of each class nearly) that is left out of training, to choose settings by",
    ),
    Argument(
        name="clip",
        default=None,
        minimum=0,
        open_minimum=True,
        about="largest norm of the gradient; left out: no clipping",
    ),
    Argument(
        name="accumulate",
        kind=Kind.INTEGER,
        default=1,
        minimum=1,
        maximum=1 << 24,
        about="in how many parts a batch is computed, one after the other, where it does not fit at once",
    ),
)

OPTIMIZERS = (
    OptimizerEntry(
        name="adamw",
        about="Adam with decoupled weight decay.",
        arguments=(
            _LR,
            replace(_WEIGHT_DECAY, default=1e-4),
            Argument(
                name="betas",
                kind=Kind.INTERVAL,
                default=(0.9, 0.999),
                minimum=0,
                maximum=1,
                about="decay of both moments",
            ),
        ),
        source="Loshchilov and Hutter 2019",
    ),
    OptimizerEntry(
        name="sgd",
        about="Stochastic gradient descent with momentum.",
        arguments=(
            _LR,
            _WEIGHT_DECAY,
            Argument(name="momentum", default=0.9, minimum=0, maximum=1, about="momentum"),
            Argument(name="nesterov", kind=Kind.BOOLEAN, default=False, about="Nesterov's momentum"),
        ),
    ),
    OptimizerEntry(
        name="lars",
        about="SGD whose step for each layer is scaled by the ratio of the norms of weights and gradient.",
        arguments=(
            _LR,
            _WEIGHT_DECAY,
            Argument(name="momentum", default=0.9, minimum=0, maximum=1, about="momentum"),
            Argument(name="eta", default=1e-3, minimum=0, open_minimum=True, about="trust coefficient"),
        ),
        source="You et al. 2017; official code of VICReg and Barlow Twins",
    ),
)

_WARMUP = Argument(
    name="warmup", default=0.0, minimum=0, maximum=1, about="fraction of the steps in which the rate rises from 0"
)

LEARNING_RATES = (
    LearningRateEntry(
        name="cosine",
        about="Half a cosine from the peak to `final` times the peak, step by step.",
        arguments=(_WARMUP, Argument(name="final", default=0.0, minimum=0, maximum=1, about="last rate over the peak")),
        source="Loshchilov and Hutter 2017",
    ),
    LearningRateEntry(name="constant", about="The peak rate.", arguments=(_WARMUP,)),
)

SOURCES = (
    SourceEntry(
        name="digits",
        about="Handwritten digits of scikit-learn: 1797 images of 1x8x8 in [0, 1], a stratified fifth held out.",
        columns=(("image", "image"), ("label", "label")),
        source="Alpaydin and Kaynak 1998, UCI repository",
        implementation="mvib.data.sources:load_source",
    ),
    SourceEntry(
        name="digits-halves",
        about="The same digits with the left and the right half as two modalities.",
        columns=(("left", "image"), ("right", "image"), ("label", "label")),
        implementation="mvib.data.sources:load_source",
    ),
    SourceEntry(
        name="npz",
        about="Arrays of a numpy file, `--data npz:PATH`: NAME or NAME_train and NAME_test; never unpickled.",
        columns=(),
        implementation="mvib.data.sources:load_source",
    ),
    SourceEntry(
        name="npy",
        about="Arrays of files that stay on disk, `--data npy:X=PATH,Y=PATH`; never unpickled.",
        columns=(),
        implementation="mvib.data.sources:load_source",
    ),
    SourceEntry(
        name="folder",
        about="Pictures, `--data folder:PATH`: a folder for each class, under train/ and test/ or split here.",
        columns=(("image", "image"), ("label", "label")),
        implementation="mvib.data.sources:load_source",
    ),
    SourceEntry(
        name="csv",
        about="Numbers of a table as one vector, `--data csv:PATH,label=COLUMN`.",
        columns=(("features", "vector"),),
        implementation="mvib.data.sources:load_source",
    ),
    SourceEntry(
        name="parquet",
        about="The same of a parquet file, `--data parquet:PATH,label=COLUMN`; needs pyarrow.",
        columns=(("features", "vector"),),
        implementation="mvib.data.sources:load_source",
    ),
    SourceEntry(
        name="synthetic",
        about="Views with known shared, private and task-relevant information, `--data synthetic:views=2,shared=4`.",
        columns=(("view1", "vector"), ("view2", "vector"), ("label", "label")),
        source="Sridharan and Kakade 2008, for the multiview assumption that it makes true or false",
        implementation="mvib.data.sources:load_source",
    ),
    SourceEntry(
        name="hf",
        about="A data set of the Hugging Face hub, `--data hf:NAME`; needs datasets, and runs no script.",
        columns=(),
        implementation="mvib.data.sources:load_source",
    ),
    SourceEntry(
        name="wds",
        about="Tar shards in the form of webdataset, `--data wds:shards/{000..009}.tar`.",
        columns=(("image", "image"), ("label", "label")),
        implementation="mvib.data.sources:load_source",
    ),
)
