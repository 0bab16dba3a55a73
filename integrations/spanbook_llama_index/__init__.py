"""Spanbook for LlamaIndex: query and chat engines, pipelines, workflows and agents."""

try:
    import llama_index.core as _llama_index
except ImportError as error:
    raise ImportError(
        "spanbook_llama_index needs llama-index-core: pip install 'spanbook[llama-index]'"
    ) from error

from spanbook_llama_index import components as _components
from spanbook_llama_index.handler import SpanbookCallbackHandler
from spanbook_llama_index.install import install, install_from_environment, uninstall

__all__ = ["SpanbookCallbackHandler", "install", "uninstall"]

del _components, _llama_index
install_from_environment()
