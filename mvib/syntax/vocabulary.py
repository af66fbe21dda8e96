"""The words of the language as messages use them: a model of each statement, and a phrase for each terminal."""

STATEMENTS = {
    "mvib": "mvib 1",
    "method": "method NAME",
    "about": 'about "what the method is"',
    "cite": 'cite "authors, venue, year" arxiv:2002.05709',
    "param": "param beta = 1e-3",
    "data": "data X: image, Y: label",
    "view": "view X[i: 1..2] ~ augment(X)",
    "encoder": "encoder f: X[i] -> R[i] = backbone()",
    "decoder": "decoder q: Z ~> X = gaussian(mlp(512), var: 1)",
    "term": "term LABEL: maximize I(Z[1]; Z[2]) by infonce(temperature: 0.5)",
    "maximize": "maximize I(Z[1]; Z[2]) by infonce(temperature: 0.5)",
    "minimize": "minimize H(Z[1] | Z[2]) by mse()",
    "drop": "drop term LABEL",
    "assume": "assume I(Y; X[1] | X[2]) <= eps",
    "claim": "claim I(Z[1]; Z[2]) <= I(X[1]; X[2])",
    "represent": "represent R",
    "train": "train { epochs: 40  batch: 256 }",
}
MODELS = {**STATEMENTS, "extends": 'method NAME extends "simclr"'}
FUNCTIONALS = frozenset({"I", "H", "TC", "D"})
AGGREGATES = frozenset({"sum", "mean"})

STATEMENT_STARTS = frozenset(
    {"MVIB", "METHOD", "ABOUT", "CITE", "PARAM", "DATA", "VIEW", "ENCODER", "DECODER", "TERM", "MAXIMIZE", "MINIMIZE",
     "DROP", "ASSUME", "CLAIM", "REPRESENT", "TRAIN"}
)  # fmt: skip

PHRASES = {
    "NAME": "a name",
    "SETTING_KEY": "a name",
    "NUMBER": "a number",
    "STRING": "a text in double quotes",
    "QUANTITY": "a quantity such as `I(A; B)` or `H(A | B)`",
    "AGGREGATE": "`sum(i)` or `mean(i)`",
    "STOP_GRADIENT": "`sg(A)`",
    "DETERMINISTIC": "`->`",
    "STOCHASTIC": "`~>`",
    "RELATION_OP": "`<=` or `>=`",
    "PARTIAL": "`partial`",
    "MAXIMIZE": "`maximize`",
    "MINIMIZE": "`minimize`",
    "TERM": "`term`",
    "ARXIV": "`arxiv:ID`",
    "DOI": "`doi:ID`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "COMMA": "`,`",
    "COLON": "`:`",
    "SEMICOLON": "`;`",
    "EQUAL": "`=`",
    "TILDE": "`~`",
    "STAR": "`*`",
    "SLASH": "`/`",
    "PLUS": "`+`",
    "MINUS": "`-`",
    "VBAR": "`|`",
    "_PARALLEL": "`||`",
    "_DOTS": "`..`",
    "_LINK": "`--`",
    "BY": "`by`",
    "ON": "`on`",
    "WEIGHTED": "`weighted by`",
    "IN": "`in`",
    "EXTENDS": "`extends`",
}

CLOSERS = {"(": ")", "[": "]", "{": "}"}

# Signs that a keyboard, a word processor or a paper has in the place of ours.
LOOKALIKES = {
    "≤": "<=", "≥": ">=", "≠": "!=", "→": "->", "⇒": "->", "⟶": "->", "⇝": "~>", "↝": "~>", "⟿": "~>",
    "–": "-", "—": "-", "−": "-", "×": "*", "·": "*", "⋅": "*", "÷": "/",
    "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": '"',
    "’": "'", "′": "'", "∣": "|", "‖": "||", "∥": "||", "…": "..", "∼": "~", "∑": "sum", "，": ",", "；": ";",
    "：": ":", "（": "(", "）": ")", "［": "[", "］": "]", "｛": "{", "｝": "}", "＝": "=", "｜": "|",
}  # fmt: skip

# Words with which other languages start what we call otherwise.
RELATED_WORDS = {
    "maximise": "maximize", "minimise": "minimize", "max": "maximize", "min": "minimize", "loss": "minimize",
    "objective": "minimize", "model": "method", "name": "method", "input": "data", "inputs": "data", "var": "data",
    "variable": "data", "augment": "view", "augmentation": "view", "network": "encoder", "predictor": "decoder",
    "classifier": "decoder", "projector": "encoder", "hyperparameter": "param", "parameter": "param", "let": "param",
    "const": "param", "set": "param", "assert": "claim", "prove": "claim", "given": "assume", "import": "extends",
    "include": "extends", "extends": "extends", "from": "extends", "output": "represent", "return": "represent",
    "training": "train", "config": "train", "description": "about", "paper": "cite", "reference": "cite",
    "remove": "drop", "delete": "drop", "version": "mvib",
}  # fmt: skip

# Names of quantities in other places.
QUANTITY_NAMES = {
    "MI": "I", "mi": "I", "mutual_information": "I", "information": "I", "entropy": "H", "h": "H", "i": "I",
    "total_correlation": "TC", "tc": "TC", "CMI": "I", "Entropy": "H",
    "KL": "D", "kl": "D", "divergence": "D",
}  # fmt: skip
