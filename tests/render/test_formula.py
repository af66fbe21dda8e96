from collections.abc import Callable

import pytest

from mvib.driver import Analysis
from mvib.render import objective_latex, objective_text
from mvib.render.formula import fact_formula, scalar_formula
from mvib.render.markup import escape_latex, formula_width, latex, lowered, plain_text, sign, symbol, text_width
from mvib.semantics.values import Constant, Named, Operation
from mvib.syntax import ast

AnalyseText = Callable[[str], Analysis]

TWO_VIEWS = """method T
data X: image
view X[i: 1..2] ~ augment(X)
encoder f: X[i] -> Z[i] = mlp(8)
"""


def _objective(analysis: Analysis) -> str:
    assert analysis.method is not None
    return objective_text(analysis.method)


@pytest.mark.parametrize(
    ("spec", "objective"),
    [
        ("simclr", "L = - I(Z₁; Z₂)"),
        ("vicreg", "L = - sum_i H_var-cov(Z_i) + invariance * H_MSE(Z₁ | Z₂)"),
        ("byol", "L = sum_{i != j} H_q(T_j | Z_i)"),
        ("mvib", "L = - I_JSD(Z₁; Z₂) + beta * mean_{i != j} I(X_i; Z_i | X_j)"),
        ("vae", "L = beta * I(X; Z) + H_d(X | Z)"),
        ("vib", "L = - I_c(Z; Y) + beta * I(X; Z)"),
        ("cpc", "L = mean_{t, k} H_q(sg(Z_{t+k}) | C_t)"),
    ],
)
def test_objective_as_text(spec: str, objective: str, analyse_spec: AnalyseText) -> None:
    assert _objective(analyse_spec(spec)) == objective


@pytest.mark.parametrize(
    ("term", "objective"),
    [
        ("minimize 0.1 * H(Z[1] | Z[2]) by mse()", "L = 0.1 * H_MSE(Z₁ | Z₂)"),
        ("maximize (1 + 2*a) * I(Z[1]; Z[2]) by infonce()", "L = - (1 + 2 * a) * I(Z₁; Z₂)"),
        ("minimize mean(i in 1..2, j != i) H(Z[i] | Z[j]) by mse()", "L = mean_{i in 1..2, j != i} H_MSE(Z_i | Z_j)"),
        ("minimize H(Z[1] | sg(Z[2])) by mse()", "L = H_MSE(Z₁ | sg(Z₂))"),
        ("maximize I[f](X[1]; Z[1]) by infonce()", "L = - I_f(X₁; Z₁)"),
    ],
)  # fmt: skip
def test_weights_aggregations_and_paths(term: str, objective: str, analyse_text: AnalyseText) -> None:
    assert _objective(
        analyse_text(f"{TWO_VIEWS}param a = 3\n{term}\nmaximize a * H(Z[1]) by variance_covariance()")
    ) == (f"{objective} - a * H_var-cov(Z₁)")


def test_objective_as_latex(analyse_spec: AnalyseText) -> None:
    method = analyse_spec("mvib").method
    assert method is not None
    assert objective_latex(method) == (
        r"\mathcal{L} = - I_{\text{JSD}}(Z_{1}; Z_{2})"
        r" + {\beta} \, \operatorname{mean}_{i \neq j}\ I(X_{i}; Z_{i} \mid X_{j})"
    )


def test_facts(analyse_spec: AnalyseText) -> None:
    method = analyse_spec("mvib").method
    assert method is not None
    facts = [s.fact for s in method.spec.statements if isinstance(s, ast.Assume)]
    claims = [s.relation for s in method.spec.statements if isinstance(s, ast.Claim)]
    assert plain_text(fact_formula(facts[0])) == "I(Y; X₁ | X₂) <= eps"
    assert plain_text(fact_formula(claims[0])) == "I(Z₁; Y) >= I(X₁, X₂; Y) - 2 * eps - I(X₁; X₂ | Z₁)"
    assert latex(fact_formula(facts[0])) == r"I(Y; X_{1} \mid X_{2}) \le {\varepsilon}"


def test_brackets_stay_only_where_they_are_needed() -> None:
    a, b = Named("a", Constant(1)), Named("b", Constant(2))
    difference = Operation("-", a, Operation("-", b, Constant(1)))
    assert plain_text(scalar_formula(difference)) == "a - (b - 1)"
    assert plain_text(scalar_formula(Operation("*", Operation("*", a, b), Constant(2)))) == "a * b * 2"
    assert plain_text(scalar_formula(Operation("/", a, Operation("*", b, a)))) == "a / (b * a)"
    assert plain_text(scalar_formula(Constant(-0.5))) == "-0.5"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Z", "Z"),
        ("Z'", "Z'"),
        ("beta", r"{\beta}"),
        ("β", r"{\beta}"),
        ("Ψ'", r"{\Psi}'"),
        ("eps", r"{\varepsilon}"),
        ("slow_net", r"\mathit{slow\_net}"),
        ("λόγ", r"\textit{\ensuremath{\lambda}ό\ensuremath{\gamma}}"),
    ],
)
def test_names_in_latex(name: str, expected: str) -> None:
    assert latex(symbol(name)) == expected


def test_latex_sees_no_command_in_text() -> None:
    text = escape_latex('\\input{x} $a$ & 50% #1 _b_ ^c ~d "e"')
    assert text == (r"\textbackslash{}input\{x\} \$a\$ \& 50\% \#1 \_b\_ \textasciicircum{}c \textasciitilde{}d ''e''")


def test_subscripts() -> None:
    for index, expected in (("12", "Z₁₂"), ("i", "Z_i"), ("JSD", "Z_JSD")):
        assert plain_text((*symbol("Z"), *lowered(symbol(index)))) == expected
    assert plain_text((*symbol("Z"), *lowered((*symbol("i"), *sign("!="), *symbol("j"))))) == "Z_{i != j}"


def test_control_characters_are_made_visible() -> None:
    assert plain_text(symbol("a\x1b[31m")) == "a\\u001b[31m"


def test_widths_are_those_of_times() -> None:
    # Adobe Font Metrics: H 722, e 444, l 278, l 278, o 500.
    assert text_width("Hello", 10) == pytest.approx(22.22)
    assert formula_width(symbol("Z"), 10) == pytest.approx(5.56)
    assert formula_width(lowered(symbol("Z")), 10) == pytest.approx(5.56 * 0.7)
