"""Spanbook for LangChain and LangGraph: a callback handler, on its own or for a whole program."""

try:
    import langchain_core as _langchain_core
except ImportError as error:
    raise ImportError(
        "spanbook_langchain needs langchain-core: pip install 'spanbook[langchain]'"
    ) from error

from spanbook_langchain.embeddings import SpanbookEmbeddings
from spanbook_langchain.handler import SpanbookCallbackHandler
from spanbook_langchain.install import install, install_from_environment, record, uninstall

__all__ = [
    "SpanbookCallbackHandler",
    "SpanbookEmbeddings",
    "install",
    "record",
    "uninstall",
]

del _langchain_core
install_from_environment()
