"""`mvib fmt FILE...`: rewrite specs in the canonical layout, or with --check only say which are not."""

import json
from pathlib import Path

import click

from mvib.cli.exit_codes import DONE, SPEC_WRONG
from mvib.cli.spec_argument import print_diagnostics, read_file
from mvib.syntax.formatter import format_spec
from mvib.syntax.parser import parse_source
from mvib.writing import write_whole


@click.command("fmt")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--check", is_flag=True, help="Change nothing; exit 1 when a file is not in the canonical layout.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Of what is said of files.")
def command(files: tuple[str, ...], check: bool, form: str) -> int:
    """Rewrite specs in the one canonical layout. `-` reads standard input and writes standard output."""
    if form == "json" and "-" in files and not check:
        raise click.UsageError("`-` writes the spec to standard output, where --format json has no place: add --check")
    code = DONE
    states: dict[str, str] = {}
    for file in files:
        source = read_file(file)
        parsed = parse_source(source)
        if parsed.diagnostics:
            print_diagnostics(parsed.diagnostics)
            code, states[source.name] = SPEC_WRONG, "not parsed"
            continue
        text = format_spec(parsed.spec)
        if file == "-" and not check:
            click.echo(text, nl=False)
            continue
        state = ""
        if text != source.text:
            state = "not in the canonical layout" if check else "rewritten"
            if check:
                code = SPEC_WRONG
            else:
                write_whole(Path(source.name), text.encode())
        states[source.name] = state or "in the canonical layout"
        if state and form == "text":
            click.echo(f"{source.name}: {state}")
    if form == "json":
        click.echo(json.dumps([{"file": name, "state": state} for name, state in states.items()], indent=2))
    return code
