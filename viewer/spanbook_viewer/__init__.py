"""The viewer: what a store holds, as pages in a browser."""

from spanbook_viewer.app import create_app
from spanbook_viewer.server import serve

__all__ = ["create_app", "serve"]
