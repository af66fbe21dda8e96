"""Specs that try to get out: names that are modules and builtins of Python, markup and control characters in texts."""

# One for each target: HTML and SVG, DOT, LaTeX, Mermaid, a terminal, Python, and text that is read the wrong way round.
MARKS = (
    "<script>alert(1)</script>", '\\" URL=\\"javascript:alert(1)', "\\\\input{/etc/passwd}", "\\\\write18{id}",
    "%%{init: {}}%%", "\x1b[2J\x1b]0;owned\x07", "\u202eevil\u2066", "__import__('os').system('id')", "\x85", "\u2028",
    "${HOME}", '\\"\\"\\" + open(0) + r\'\'\'',
)  # fmt: skip
TEXT = " ".join(MARKS)

HOSTILE = f"""method antigravity
about "{TEXT}"
cite "{TEXT}" arxiv:<script>alert(1)</script>
data    __import__: image, this: label
view    os[i: 1..2] ~ augment(__import__)
encoder subprocess: os[i] -> eval[i] = backbone()
maximize mean(i != j) I(eval[i]; eval[j]) by infonce()
maximize I(eval[1]; this) by c
decoder c: eval[i] ~> this = categorical()
claim   I(eval[i]; eval[j]) <= I(os[i]; os[j])
represent eval
train {{ data: "npz:/etc/passwd"  epochs: 1 }}
# {TEXT}
"""

# The same without anything hostile, so that what a run opens and imports can be compared.
HARMLESS = """method Harmless
about "text"
cite "text" arxiv:1
data    X: image, Y: label
view    V[i: 1..2] ~ augment(X)
encoder f: V[i] -> Z[i] = backbone()
maximize mean(i != j) I(Z[i]; Z[j]) by infonce()
maximize I(Z[1]; Y) by c
decoder c: Z[i] ~> Y = categorical()
claim   I(Z[i]; Z[j]) <= I(V[i]; V[j])
represent Z
train { data: digits  epochs: 1 }
# text
"""

# Names that nothing may import or call because a spec says so.
NEVER_IMPORTED = frozenset({"antigravity", "this"})
