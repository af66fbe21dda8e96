"""Shapes of the values between modules, without the batch axis, and the complaint of a module that cannot take one."""

Shape = tuple[int, ...]


class ShapeError(Exception):
    """A module cannot take the shape it is given.

    Attributes:
        expected: what the module takes, such as `an image (channels, height, width)`.
        found: the shape it was given.
        remedy: text that can be pasted or followed.
        argument: the argument that another number would mend; empty for none.
        needed: that number.
    """

    def __init__(
        self, *, expected: str, found: Shape, remedy: str, argument: str = "", needed: int | None = None
    ) -> None:
        """Record the shape that is expected and the one that was found, with the remedy."""
        super().__init__(f"expected {expected}, found {describe(found)}; {remedy}")
        self.expected = expected
        self.found = found
        self.remedy = remedy
        self.argument = argument
        self.needed = needed


def describe(shape: Shape) -> str:
    """Return a shape in words: what its number of axes usually stands for, and its sizes."""
    names = {
        0: "a single number",
        1: "a vector",
        2: "a sequence (steps, features)",
        3: "an image (channels, height, width)",
    }
    name = names.get(len(shape), f"an array of {len(shape)} axes")
    return f"{name} of {' x '.join(map(str, shape))}" if shape else name
