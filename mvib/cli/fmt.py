"""`mvib fmt FILE...`: rewrite specs in the canonical layout, or with --check only say which are not."""

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
def command(files: tuple[str, ...], check: bool) -> int:
    """Rewrite specs in the one canonical layout. `-` reads standard input and writes standard output."""
    code = DONE
    for file in files:
        source = read_file(file)
        parsed = parse_source(source)
        if parsed.diagnostics:
            print_diagnostics(parsed.diagnostics)
            code = SPEC_WRONG
            continue
        text = format_spec(parsed.spec)
        if file == "-" and not check:
            click.echo(text, nl=False)
        elif text != source.text:
            if check:
                click.echo(f"{source.name}: not in the canonical layout")
                code = SPEC_WRONG
            else:
                write_whole(Path(source.name), text.encode())
                click.echo(f"{source.name}: rewritten")
    return code
