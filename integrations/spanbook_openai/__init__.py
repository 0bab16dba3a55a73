"""Spanbook for the OpenAI client: one client, or every client that a program makes."""

from spanbook_openai.install import install, install_from_environment, uninstall
from spanbook_openai.wrapping import unwrap, wrap_openai

__all__ = ["install", "uninstall", "unwrap", "wrap_openai"]

install_from_environment()
