"""The commands `spanbook store …`: what a store holds, and its upkeep."""

import click

from spanbook.commands import upkeep
from spanbook.commands.stats import stats


@click.group()
def store() -> None:
    """Look after a store."""


for command in (
    stats,
    upkeep.backup,
    upkeep.check,
    upkeep.copy,
    upkeep.delete,
    upkeep.keep,
    upkeep.prune,
    upkeep.vacuum,
):
    store.add_command(command)
