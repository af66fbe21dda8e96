"""Schedules of parameters over training progress."""

from mvib.catalogue.signature import Argument, ScheduleEntry

_COMMON = (
    Argument(name="start", default=0.0, minimum=0, maximum=1, about="fraction of training in which it stays at a"),
    Argument(
        name="warmup",
        default=0.0,
        minimum=0,
        maximum=1,
        about="fraction of training in which it rises linearly from 0 to a",
    ),
    Argument(
        name="over",
        default=1.0,
        minimum=0,
        open_minimum=True,
        maximum=1,
        about="fraction of training, warm-up included, after which it stays at b",
    ),
)

SCHEDULES = (
    ScheduleEntry(name="linear", about="From a to b in a straight line.", arguments=_COMMON),
    ScheduleEntry(
        name="cosine", about="From a to b along half a cosine: b + (a - b)(1 + cos(pi p)) / 2.", arguments=_COMMON
    ),
    ScheduleEntry(name="exponential", about="From a to b by a constant factor: a (b / a)^p.", arguments=_COMMON),
    ScheduleEntry(
        name="step",
        about="a, and from `at` on b.",
        arguments=(Argument(name="at", default=0.5, minimum=0, maximum=1, about="fraction of training"), *_COMMON),
    ),
)
