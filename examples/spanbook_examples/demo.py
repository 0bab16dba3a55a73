"""The command `spanbook demo`: records the examples and shows them."""

import os
from importlib import import_module

import click

import spanbook

SCENES = (
    *("retrieval", "agent", "conversation", "batch", "functions"),
    *("documents", "workflow", "team"),
)


@click.command()
@click.option(
    "--store", "url", default="sqlite:///spanbook-demo.db", show_default=True, help="The store."
)
@click.option("--view/--no-view", default=True, help="Show the traces afterwards.")
@click.option(
    "--live", is_flag=True, help="Ask OpenAI (OPENAI_API_KEY) instead of the offline models."
)
@click.pass_context
def demo(ctx: click.Context, url: str, view: bool, live: bool) -> None:
    """Record eight small LLM programs, offline, and show their traces."""
    if not live:
        os.environ["SPANBOOK_EXAMPLES_OFFLINE"] = "1"
    recorder = spanbook.configure(url, name="demo")
    for scene in SCENES:
        module = import_module(f"spanbook_examples.{scene}")
        click.secho(f"\n{module.__doc__}", bold=True)
        module.main()
    spanbook.flush()
    click.echo(f"\nRecorded into {recorder.settings.url}")
    if view:
        _show(ctx, recorder.settings.url)


def _show(ctx: click.Context, url: str) -> None:
    """Call `spanbook view`, whatever package brings it."""
    group = ctx.find_root().command
    command = group.get_command(ctx, "view") if isinstance(group, click.Group) else None
    if command is None:
        raise click.ClickException("The viewer is missing: pip install 'spanbook[viewer]'")
    with command.make_context("view", [url], parent=ctx) as view:
        command.invoke(view)
