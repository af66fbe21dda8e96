"""Copies of encoders, and encoders whose gradient is stopped."""

from mvib.catalogue.signature import Argument, Kind, ModuleEntry, Role

COPIES = (
    ModuleEntry(
        name="ema",
        about=(
            "A slow copy of an encoder: t <- m t + (1 - m) s after each step. It starts as an exact copy "
            "and never gets a gradient."
        ),
        arguments=(
            Argument(name="encoder", kind=Kind.ENCODER, positional=True, about="the encoder that is copied"),
            Argument(
                name="momentum", default=0.996, minimum=0, maximum=1, scheduled=True, about="m, the share that stays"
            ),
        ),
        source="He et al. 2020, eq. 2; Grill et al. 2020",
        gives="what the encoder gives",
        role=Role.MOMENTUM,
        implementation="mvib.nn.momentum:MomentumCopy",
    ),
    ModuleEntry(
        name="stopgrad",
        about="An encoder with the same weights whose output carries no gradient.",
        arguments=(
            Argument(name="encoder", kind=Kind.ENCODER, positional=True, about="the encoder whose weights it uses"),
        ),
        gives="what the encoder gives",
        role=Role.STOP_GRADIENT,
    ),
    ModuleEntry(
        name="frozen",
        about="A network that is not trained: weights and running statistics stay, and normalisation uses the latter.",
        arguments=(
            Argument(name="network", kind=Kind.MODULE, positional=True, about="the network, or an encoder to copy"),
        ),
        gives="what the network gives",
        role=Role.FROZEN,
    ),
)
