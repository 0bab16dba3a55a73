"""The command line: a group that finds its sub-commands by entry point."""

from spanbook.commands.group import main

__all__ = ["main"]
