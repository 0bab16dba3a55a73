"""Settings: what a recorder does and where it writes; from code, else environment, else default."""

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self, cast

from spanbook.errors import SettingsError

log = logging.getLogger("spanbook")

DEFAULT_URL = "sqlite:///spanbook.db"
HIDEABLE = frozenset({"input", "output", "media", "vectors"})
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}

# Variables that a build or hosting service sets to the commit it builds; the first one set wins.
RELEASE_VARIABLES = (
    "RENDER_GIT_COMMIT",
    "CI_COMMIT_SHA",
    "CIRCLE_SHA1",
    "SOURCE_VERSION",
    "TRAVIS_COMMIT",
    "GIT_COMMIT",
    "GITHUB_SHA",
    "BITBUCKET_COMMIT",
    "BUILD_SOURCEVERSION",
    "DRONE_COMMIT_SHA",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one value is kept. What is cut says so and names its original size."""

    depth: int = 32
    items: int = 1_000  # of one list or dict
    nodes: int = 20_000  # values in one input or output altogether
    text: int = 1_000_000  # characters of one string
    media: int = 20_000_000  # bytes of one image, sound or file
    events: int = 1_000  # of one span


@dataclass(frozen=True, slots=True)
class Settings:
    """What a recorder does and where it writes.

    `mask` gets each input, output, attributes, event data and error message as plain data and
    returns what may be kept. `hide` names whole fields to leave out: input, output, media, vectors.
    `version`, `session`, `user`, `tags` and `metadata` are those of traces of which neither their
    spans nor the context say others; tags and metadata add up.
    `sample` is the share of traces kept, 0 to 1, decided by trace id. `journal` is the directory
    of the journal; None puts it beside a SQLite file, else below the user's state directory.
    """

    url: str = DEFAULT_URL
    enabled: bool = True
    project: str = "default"
    name: str | None = None
    release: str | None = None
    environment: str | None = None
    version: str | None = None
    session: str | None = None
    user: str | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] | None = None
    sample: float = 1.0
    mask: Callable[[Any], Any] | None = None
    hide: frozenset[str] = frozenset()
    limits: Limits = field(default_factory=Limits)
    journal: str | None = None
    journal_bytes: int = 1 << 30  # beyond this much waiting on disk, records are dropped, counted
    ingest: bool = True  # a thread of this process fills the store
    architecture: bool = True  # tell what traced chains, graphs and engines are made of
    functions: bool = True  # tell the source of observed functions, and what they are made of
    data_flow: bool = True  # find out whose output became whose input, while the store is filled
    grace: float = 2.0  # seconds that children may outlive their root before they are incomplete

    def __post_init__(self) -> None:
        """Refuse values that cannot be used.

        Raises:
            SettingsError: a sample rate outside 0 to 1, an unknown hide switch, an empty URL, tags
                that are no list.
        """
        if not 0 <= self.sample <= 1:
            raise SettingsError(f"The sample rate is {self.sample}; give a number from 0 to 1.")
        if isinstance(cast(Any, self.tags), str):
            raise SettingsError(f"The tags are {self.tags!r}; give a list of them.")
        unknown = set(self.hide) - HIDEABLE
        if unknown:
            raise SettingsError(
                f"Cannot hide {', '.join(sorted(unknown))}; "
                f"choose from {', '.join(sorted(HIDEABLE))}."
            )
        if not self.url:
            raise SettingsError("The store's URL is empty; give one such as sqlite:///spanbook.db.")

    def context(self) -> dict[str, Any]:
        """Return what is said here of every trace and not known of the process."""
        said = {
            "version": self.version,
            "session": self.session,
            "user": self.user,
            "tags": list(self.tags),
            "metadata": self.metadata,
        }
        return {name: value for name, value in said.items() if value}

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Self:
        """Return the settings `given` in code, else in the environment, else the defaults.

        A variable that cannot be read is reported in the log and left out: a typing error in the
        environment never stops a program.

        Raises:
            SettingsError: a setting `given` in code cannot be used.
        """
        environ = os.environ if environ is None else environ
        names = {f.name for f in fields(cls)}
        unknown = set(given) - names
        if unknown:
            raise SettingsError(
                f"Unknown setting {', '.join(sorted(unknown))}; "
                f"known are {', '.join(sorted(names))}."
            )
        chosen = {name: value for name, value in given.items() if value is not None}
        if "hide" in chosen:
            chosen["hide"] = frozenset(chosen["hide"])
        if isinstance(chosen.get("tags"), Iterable) and not isinstance(chosen["tags"], str):
            chosen["tags"] = tuple(chosen["tags"])
        settings = cls(**chosen)
        for name, value in _from_environment(environ).items():
            if name not in chosen:
                try:
                    settings = replace(settings, **{name: value})
                except SettingsError as error:
                    log.warning("SPANBOOK_%s is not used: %s", name.upper(), error)
        return settings


def _flag(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered not in _TRUE | _FALSE:
        raise SettingsError(f"{text!r} is neither true nor false.")
    return lowered in _TRUE


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


_VARIABLES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "SPANBOOK_URL": ("url", str),
    "SPANBOOK_DISABLED": ("enabled", lambda text: not _flag(text)),
    "SPANBOOK_PROJECT": ("project", str),
    "SPANBOOK_RUN": ("name", str),
    "SPANBOOK_RELEASE": ("release", str),
    "SPANBOOK_ENVIRONMENT": ("environment", str),
    "SPANBOOK_VERSION": ("version", str),
    "SPANBOOK_SESSION": ("session", str),
    "SPANBOOK_USER": ("user", str),
    "SPANBOOK_TAGS": ("tags", lambda text: tuple(sorted(_names(text)))),
    "SPANBOOK_SAMPLE": ("sample", float),
    "SPANBOOK_HIDE": ("hide", _names),
    "SPANBOOK_JOURNAL": ("journal", str),
    "SPANBOOK_INGEST": ("ingest", _flag),
    "SPANBOOK_DATA_FLOW": ("data_flow", _flag),
    "SPANBOOK_ARCHITECTURE": ("architecture", _flag),
    "SPANBOOK_FUNCTIONS": ("functions", _flag),
}


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for variable, (name, read) in _VARIABLES.items():
        text = environ.get(variable)
        if text:
            try:
                found[name] = read(text)
            except ValueError as error:
                log.warning("%s=%r is not used: %s", variable, text, error)
    if "release" not in found:
        release = next((environ[name] for name in RELEASE_VARIABLES if environ.get(name)), None)
        if release:
            found["release"] = release
    return found
