"""The command `spanbook view`."""

import click

from spanbook.commands.address import store_argument
from spanbook_viewer.listening import PORT


@click.command()
@store_argument
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help=f"Port; else {PORT} or the next free one."
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@click.option("--token", envvar="SPANBOOK_TOKEN", help="What every visitor must know.")
def view(url: str, host: str, port: int | None, no_browser: bool, token: str | None) -> None:
    """Show a store in the browser.

    URL is a store such as sqlite:///spanbook.db, or the path of a SQLite file; without it,
    $SPANBOOK_URL, else spanbook.db in this folder.
    """
    from spanbook_viewer.server import serve  # `spanbook --help` needs no Flask

    serve(url, host=host, port=port, open_browser=not no_browser, token=token, say=click.echo)
