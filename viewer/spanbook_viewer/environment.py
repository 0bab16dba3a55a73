"""What every template of ours may use, on pages and in files alike."""

from jinja2 import Environment, StrictUndefined

from spanbook_viewer import formats, template_words


def furnish(environment: Environment) -> Environment:
    """Give a template environment our filters, tests and words."""
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    # Jinja leaves the types of these tables open.
    environment.filters |= formats.FILTERS | template_words.FILTERS  # pyright: ignore[reportUnknownMemberType]
    environment.tests |= template_words.TESTS  # pyright: ignore[reportUnknownMemberType]
    environment.globals |= template_words.GLOBALS  # pyright: ignore[reportUnknownMemberType]
    return environment
