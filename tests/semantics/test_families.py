"""Families: which members there are, what makes each, and what index arithmetic leaves out."""

import pytest

from mvib.semantics.method import VariableKind
from tests.semantics.spec_text import AUTOENCODER, TWO_VIEWS, channels_of, resolved, slugs


def members(text: str, key: str) -> list[str]:
    return [str(member) for member in resolved(text).variables[key].members]


def test_family_lives_beside_a_plain_variable() -> None:
    method = resolved(TWO_VIEWS)
    assert list(method.variables) == ["X", "X[]", "Z[]"]
    assert [family.kind for family in method.variables.values()] == [
        VariableKind.DATA,
        VariableKind.VIEW,
        VariableKind.REPRESENTATION,
    ]
    assert method.variables["X[]"].type == "image"


def test_members_share_one_set_of_weights() -> None:
    method = resolved(TWO_VIEWS)
    assert channels_of(method, "f") == ["f: X[1] -> Z[1]", "f: X[2] -> Z[2]"]
    assert list(method.modules) == ["augment", "f"]


def test_bounds_may_be_parameters_and_arithmetic() -> None:
    text = TWO_VIEWS.replace("data ", "param V = 2\nparam W = V + 1\ndata ").replace("1..2", "V - 1 .. 2 * W")
    assert members(text, "X[]") == [f"X[{i}]" for i in range(1, 7)]


def test_ranges_may_start_below_one() -> None:
    assert members(TWO_VIEWS.replace("1..2", "-1..1"), "Z[]") == ["Z[-1]", "Z[0]", "Z[1]"]


def test_two_indices() -> None:
    text = "method M\ndata X: image\nview V[i: 1..2, t: 1..3] ~ augment(X)\nencoder f: V[i,t] -> Z[i,t] = mlp(8)\n"
    assert len(members(text, "Z[]")) == 6
    assert channels_of(resolved(text), "f")[3] == "f: V[2,1] -> Z[2,1]"


def test_one_index_of_two_may_be_fixed() -> None:
    text = "method M\ndata X: image\nview V[i: 1..2, t: 1..2] ~ augment(X)\nencoder f: V[1,t] -> Z[t] = mlp(8)\n"
    assert channels_of(resolved(text), "f") == ["f: V[1,1] -> Z[1]", "f: V[1,2] -> Z[2]"]


def test_arithmetic_drops_pairs_outside() -> None:
    text = (
        "method M\ndata X: image\nview X[t: 1..4] ~ augment(X)\nencoder f: X[t] -> Z[t] = mlp(8)\n"
        "encoder g: (Z[t], Z[t+1]) -> P[t] = mlp(8)\n"
    )
    assert channels_of(resolved(text), "g") == [
        "g: (Z[1], Z[2]) -> P[1]",
        "g: (Z[2], Z[3]) -> P[2]",
        "g: (Z[3], Z[4]) -> P[3]",
    ]
    assert members(text, "P[]") == ["P[1]", "P[2]", "P[3]"]


def test_what_is_made_may_be_shifted() -> None:
    text = TWO_VIEWS + "encoder g: Z[i] -> P[i+10] = mlp(8)\n"
    assert members(text, "P[]") == ["P[11]", "P[12]"]


def test_a_number_outside_is_a_mistake_and_an_index_outside_is_an_edge() -> None:
    assert slugs(TWO_VIEWS + "encoder g: Z[3] -> P = mlp(8)\n") == ["index-out-of-range"]
    assert slugs(TWO_VIEWS + "encoder g: Z[i+1] -> P[i: 1..2] = mlp(8)\n") == []


def test_declared_range_may_be_smaller_but_not_larger_than_its_sources() -> None:
    assert members(TWO_VIEWS + "encoder g: Z[i] -> P[i: 2..2] = mlp(8)\n", "P[]") == ["P[2]"]
    assert slugs(TWO_VIEWS + "encoder g: Z[i] -> P[i: 1..3] = mlp(8)\n") == ["index-out-of-range"]


def test_members_of_one_family_from_several_statements() -> None:
    text = "method M\ndata A: vector, B: vector\nencoder f: A -> Z[1] = mlp(8)\nencoder h: B -> Z[2] = mlp(4, 8)\n"
    method = resolved(text + "encoder g: Z[i] -> P[i] = mlp(8)\n")
    assert [str(member) for member in method.variables["Z[]"].members] == ["Z[1]", "Z[2]"]
    assert channels_of(method, "g") == ["g: Z[1] -> P[1]", "g: Z[2] -> P[2]"]


def test_a_member_may_be_made_from_another_member() -> None:
    text = "method M\ndata A: vector\nencoder f: A -> Z[1] = mlp(8)\nencoder h: Z[1] -> Z[2] = mlp(8)\n"
    assert channels_of(resolved(text)) == ["f: A -> Z[1]", "h: Z[1] -> Z[2]"]


def test_several_arrows_share_weights() -> None:
    text = "method M\ndata A: vector, B: vector\nencoder f: A -> R, B -> S = mlp(8)\n"
    method = resolved(text)
    assert channels_of(method) == ["f: A -> R", "f: B -> S"]
    assert list(method.modules) == ["f"]


def test_encoder_of_several_sources() -> None:
    text = "method M\ndata A: vector, B: image\nencoder f: (A, B) -> Z = mlp(8)\n"
    assert channels_of(resolved(text)) == ["f: (A, B) -> Z"]


def test_several_draws_of_one_density() -> None:
    text = AUTOENCODER.replace("~> Z =", "~> Z[i: 1..3] =").replace("decoder d: Z ", "decoder d: Z[i] ")
    assert channels_of(resolved(text), "e") == [f"e: X ~> Z[{i}]" for i in (1, 2, 3)]


def test_module_family_has_weights_for_each_index() -> None:
    text = TWO_VIEWS.replace("encoder f:", "encoder f[i: 1..2]:")
    method = resolved(text)
    assert channels_of(method, "f[1]") == ["f[1]: X[1] -> Z[1]"]
    assert channels_of(method, "f[2]") == ["f[2]: X[2] -> Z[2]"]
    assert {module.family for module in method.modules.values()} == {"augment", "f"}


def test_decoder_family_with_arithmetic() -> None:
    text = (
        "method M\ndata X: image\nview X[t: 1..4] ~ augment(X)\nencoder f: X[t] -> Z[t] = mlp(8)\n"
        "decoder q[k: 1..2]: Z[t] ~> Z[t+k] = gaussian(mlp(8))\n"
    )
    method = resolved(text)
    assert channels_of(method, "q[1]") == ["q[1]: Z[1] ~> Z[2]", "q[1]: Z[2] ~> Z[3]", "q[1]: Z[3] ~> Z[4]"]
    assert channels_of(method, "q[2]") == ["q[2]: Z[1] ~> Z[3]", "q[2]: Z[2] ~> Z[4]"]


def test_decoder_between_members_leaves_equal_ones_out() -> None:
    method = resolved(TWO_VIEWS + "decoder q: Z[i] ~> Z[j] = gaussian(mlp(8))\n")
    assert channels_of(method, "q") == ["q: Z[1] ~> Z[2]", "q: Z[2] ~> Z[1]"]


def test_view_statement_may_make_several_variables() -> None:
    method = resolved("method M\ndata X: image\nview A, B[i: 1..2] ~ augment(X)\n")
    assert channels_of(method) == ["augment_A: X ~> A", "augment_B: X ~> B[1]", "augment_B: X ~> B[2]"]


@pytest.mark.parametrize("name", ["augment", "augment_A"])
def test_view_channels_never_take_the_name_of_an_encoder(name: str) -> None:
    method = resolved(f"method M\ndata X: image\nview A, B ~ augment(X)\nencoder {name}: A -> Z, B -> Y = mlp(8)\n")
    assert channels_of(method, name) == [f"{name}: A -> Z", f"{name}: B -> Y"]


def test_view_takes_parameters_behind_its_source() -> None:
    text = "method M\nparam s = 0.5\ndata X: vector\nview N ~ noise(X, s)\nencoder f: N -> Z = mlp(8)\n"
    call = resolved(text).modules["noise"].call
    assert call is not None
    assert call.text() == "noise(s)"
