"""`mvib prove FILE [RELATION]`: the claims of a spec, or one more: proved, false, or not implied."""

import json

import click

from mvib.cli.exit_codes import DONE, SPEC_WRONG
from mvib.cli.spec_argument import analyse_file, plugin_option, print_diagnostics, set_option
from mvib.render.verdict import verdict_json, verdict_lines, verdicts_latex
from mvib.theory.claims import judge_claims
from mvib.theory.prover import SECONDS
from mvib.theory.verdict import Status


@click.command("prove")
@click.argument("file")
@click.argument("relation", required=False)
@set_option
@plugin_option
@click.option("--proof", is_flag=True, help="Print the derivations.")
@click.option("--seconds", type=click.FloatRange(min=0.1), default=SECONDS, show_default=True, help="For each claim.")
@click.option("--format", "form", type=click.Choice(["text", "json", "latex"]), default="text", help="Of the verdicts.")
def command(
    file: str,
    relation: str | None,
    settings: tuple[str, ...],
    plugins: tuple[str, ...],
    proof: bool,
    seconds: float,
    form: str,
) -> int:
    """Prove the claims of a spec, or the one RELATION that is given, such as 'I(Z[1]; Z[2]) <= I(X[1]; X[2])'."""
    analysis = analyse_file(file, settings, plugins, claim=relation, prove=False)
    if not analysis.is_sound or analysis.method is None or analysis.graph is None:
        print_diagnostics(analysis.diagnostics)
        return SPEC_WRONG
    verdicts = judge_claims(analysis.method, analysis.graph, seconds=seconds)
    match form:
        case "json":
            click.echo(json.dumps([verdict_json(verdict) for verdict in verdicts], indent=2, ensure_ascii=False))
        case "latex":
            click.echo(verdicts_latex(analysis.method, verdicts), nl=False)
        case _:
            blocks = ["\n".join(verdict_lines(verdict, with_proof=proof)) for verdict in verdicts]
            click.echo("\n\n".join(blocks) if blocks else "there are no claims; give one behind the file")
    return DONE if all(verdict.status is Status.PROVED for verdict in verdicts) else SPEC_WRONG
