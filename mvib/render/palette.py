"""Colours and sizes of the diagrams. Cool hues are sets of weights, warm hues are terms of the objective.

Okabe and Ito's palette for all kinds of colour vision comes first, and Paul Tol's muted one continues it.
"""

BLACK = "#000000"
GREY = "#6E6E6E"
PLATE_LINE = "#9A9A9A"

WEIGHTS = ("#0072B2", "#009E73", "#56B4E9", "#332288", "#117733", "#4477AA")
TERMS = ("#D55E00", "#AA3377", "#E69F00", "#5C2E00", "#CC79A7", "#999933")

DATA_FILL = "#D4D4D4"
VIEW_FILL = "#EDEDED"
REPRESENTATION_FILL = "#FFFFFF"
TARGET_FILL = "#FBEBC8"

NODE_SIZE = 16.0
EDGE_SIZE = 13.0
LEGEND_SIZE = 12.0
PLATE_SIZE = 12.0
BADGE_SIZE = 9.0

NODE_RADIUS = 18.0
BADGE_RADIUS = 6.5


def nth(colours: tuple[str, ...], position: int) -> str:
    """A colour by its position; after the last the first comes again, and numbers and labels tell them apart."""
    return colours[position % len(colours)]
