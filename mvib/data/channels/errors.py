"""The mistake a user makes when a view channel is put on data that it cannot take."""


class ChannelError(Exception):
    """A view channel was given data of a shape, or an argument, that it cannot take.

    Attributes:
        expected: what the channel takes, in words.
        found: what it was given: the shape of one example without the batch axis, or the value of an argument.
        remedy: text that the user can paste or follow.
    """

    def __init__(self, expected: str, found: tuple[int, ...] | str, remedy: str) -> None:
        super().__init__(f"expected {expected}, found {found}; {remedy}")
        self.expected = expected
        self.found = found
        self.remedy = remedy
