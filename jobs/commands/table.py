"""`seedscope table`: the study's tables of what seeds are worth, and of what guidance is."""

import typer

from seedscope.jobs.commands.table_diverse import table_diverse
from seedscope.jobs.commands.table_golden import table_golden
from seedscope.jobs.commands.table_guidance import table_guidance

table = typer.Typer(
    no_args_is_help=True, help="What golden and diverse seeds are worth, as tables of the published study."
)
table.command("golden")(table_golden)
table.command("diverse")(table_diverse)
table.command("guidance")(table_guidance)
