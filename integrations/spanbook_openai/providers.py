"""Providers: who answers at a base URL."""

from functools import lru_cache
from urllib.parse import urlsplit

# The end of a host name; the first that fits counts.
HOSTS: tuple[tuple[str, str], ...] = (
    ("openai.azure.com", "azure"),
    ("cognitiveservices.azure.com", "azure"),
    ("services.ai.azure.com", "azure"),
    ("inference.ai.azure.com", "azure"),
    ("openai.com", "openai"),
    ("mistral.ai", "mistralai"),
    ("deepseek.com", "deepseek"),
    ("openrouter.ai", "openrouter"),
    ("groq.com", "groq"),
    ("together.xyz", "together"),
    ("together.ai", "together"),
    ("perplexity.ai", "perplexity"),
    ("x.ai", "xai"),
    ("fireworks.ai", "fireworks"),
    ("anthropic.com", "anthropic"),
    ("googleapis.com", "google"),
    ("amazonaws.com", "bedrock"),
    ("cerebras.ai", "cerebras"),
    ("sambanova.ai", "sambanova"),
    ("nvidia.com", "nvidia"),
    ("huggingface.co", "huggingface"),
    ("portkey.ai", "portkey"),
    ("moonshot.ai", "moonshot"),
    ("aliyuncs.com", "alibaba"),
)
_OLLAMA = 11434


@lru_cache(maxsize=256)
def provider_of(base_url: str) -> str | None:
    """Return the provider's name; the host where no provider is known for it."""
    try:
        address = urlsplit(base_url)
        host, port = address.hostname, address.port
    except ValueError:
        return None
    if not host:
        return None
    for end, name in HOSTS:
        if host == end or host.endswith("." + end):
            return name
    if port == _OLLAMA:
        return "ollama"
    return host if port is None else f"{host}:{port}"


@lru_cache(maxsize=256)
def is_openai(base_url: str) -> bool:
    """Say whether OpenAI itself answers there, in any region."""
    return provider_of(base_url) == "openai"
