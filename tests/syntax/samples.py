"""Good specs that tests read, mutate and format, and a tokenizer of their own."""

import re
from pathlib import Path

from hypothesis import strategies as st

GOOD = {path.stem: path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "good").glob("*.mvib"))}

TOKEN = re.compile(
    r"""\#[^\n]*|"(?:[^"\\\n]|\\[^\n])*"|(?:arxiv|doi):[^\s"\#,]+
    |->|~>|\.\.|--|\|\||[<>!]=|(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?|[^\W\d]\w*'*|\S""",
    re.VERBOSE,
)


def tokens_of(text: str) -> list[str]:
    """The tokens of a good spec, comments left out."""
    return [token for token in TOKEN.findall(text) if not token.startswith("#")]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A good spec with a few tokens deleted, inserted, repeated or swapped."""
    tokens = tokens_of(draw(st.sampled_from(sorted(GOOD.values()))))
    start = draw(st.integers(0, max(0, len(tokens) - 30)))
    tokens = tokens[start : start + 30] if draw(st.booleans()) else tokens
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(tokens) - 1)))
        match draw(st.sampled_from(("delete", "insert", "swap", "cut"))):
            case "delete":
                del tokens[at : at + 1]
            case "insert":
                tokens.insert(at, draw(st.sampled_from((*sorted(set(tokens)), ";", "(", "]", "}", "'", '"', "=", "≤"))))
            case "swap":
                tokens[at : at + 2] = reversed(tokens[at : at + 2])
            case _:
                del tokens[at + 1 :]
    return "".join(token + draw(st.sampled_from((" ", " ", "\n"))) for token in tokens)
