"""Families of models and what their prompts cost, as tables."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from spanbook.estimates.estimate import Confidence
from spanbook.estimates.ranks import CL100K, O200K, Table


class Api(StrEnum):
    """The endpoint that a request went to."""

    CHAT = "chat"
    RESPONSES = "responses"
    COMPLETION = "completion"
    EMBEDDING = "embedding"


@dataclass(frozen=True, slots=True)
class Tiles:
    """An image is `base` tokens and `tile` for each square of 512 pixels."""

    base: int
    tile: int


@dataclass(frozen=True, slots=True)
class Patches:
    """An image is `factor` tokens for each square of 32 pixels, of at most `budget` squares."""

    factor: float
    budget: int = 1_536


@dataclass(frozen=True, slots=True)
class Layout:
    """What an endpoint adds to a family's prompts, beyond the texts themselves.

    Where tools and answer formats are `joined`, they are part of the first system message, or of
    one made for them; elsewhere they stand alone. `forced` is the name of the tool that must be
    called, which costs its tokens and 7 more, or nothing.
    """

    joined: bool
    tools: int  # added to the rendered tools
    schema: int  # added to the rendered answer format
    exchange: int  # added to each result of a tool
    forced: bool = True


CHAT = Layout(joined=True, tools=-1, schema=4, exchange=0)
RESPONSES = Layout(joined=False, tools=-3, schema=1, exchange=1)
REASONING_CHAT = Layout(joined=False, tools=84, schema=8, exchange=7, forced=False)
REASONING_RESPONSES = Layout(joined=False, tools=3, schema=8, exchange=7, forced=False)


@dataclass(frozen=True, slots=True)
class Family:
    """Models that count alike.

    `message` is what surrounds each message, `priming` what makes the model answer, `answer` what
    marks an earlier answer as final. `parallel` says that calls made together are written as one.
    """

    models: str  # a regular expression for the whole name
    table: Table | None = O200K
    message: int = 3
    priming: int = 3
    answer: int = 0
    name_replaces_role: bool = False
    parallel: bool = True
    reasons: bool = False
    chat: Layout = CHAT
    responses: Layout = RESPONSES
    images: Tiles | Patches | None = None
    doubt: tuple[str, Confidence] | None = None

    def layout(self, api: Api) -> Layout:
        """Return what the endpoint adds."""
        return self.responses if api is Api.RESPONSES else self.chat


_TILES = Tiles(85, 170)

_GPT_4 = Family(r"gpt-4(-.*)?", CL100K, images=_TILES)
_GPT_4O = Family(r"(chatgpt-)?gpt-4o.*|chatgpt-4o.*|gpt-4\.[15].*", images=_TILES)
_O_SERIES = Family(
    r"o[134](-.*)?|codex-mini.*",
    priming=2,
    answer=2,
    reasons=True,
    responses=REASONING_RESPONSES,
    images=Tiles(75, 150),
)
_GPT_5 = Family(
    r"gpt-5(\.1)?([-_].*)?",
    priming=2,
    answer=2,
    reasons=True,
    parallel=False,
    chat=REASONING_CHAT,
    responses=REASONING_RESPONSES,
    images=Tiles(70, 140),
)
_LATER = replace(
    _GPT_5, models=r"(gpt-)?[56]([-._].*)?|gpt-oss.*", images=Patches(1.2, budget=2_500)
)

_OTHER_VENDORS = (
    r".*(claude|gemini|gemma|palm|llama|mi[sx]tral|codestral|ministral|magistral|pixtral|command"
    r"|deepseek|grok|qwen|sonar|nova-|titan|jamba|kimi|glm|granite|phi-|nemotron|minimax|hermes).*"
)

# The first row whose pattern is the whole name is taken, so exceptions stand before their family.
FAMILIES: tuple[Family, ...] = (
    Family(_OTHER_VENDORS, None, doubt=("foreign_tokenizer", Confidence.GUESS)),
    replace(_GPT_4O, models=r"gpt-.*search.*", doubt=("search_model", Confidence.GUESS)),
    # Seen in two recordings only.
    replace(_GPT_4O, models=r"gpt-(4o(-mini)?-)?audio.*", priming=2, images=None),
    Family(r"gpt-3\.5-turbo-0301", CL100K, message=4, name_replaces_role=True),
    Family(r"gpt-3\.?5.*|text-embedding-.*|(davinci|babbage)(-002|:.*)", CL100K),
    replace(_GPT_4O, models=r"gpt-4o-mini.*", images=Tiles(2833, 5667)),
    replace(_GPT_4O, models=r"gpt-4\.1-mini.*", images=Patches(1.62)),
    replace(_GPT_4O, models=r"gpt-4\.1-nano.*", images=Patches(2.46)),
    _GPT_4O,
    _GPT_4,
    replace(_O_SERIES, models=r"o4-mini.*", images=Patches(1.72)),
    replace(_O_SERIES, models=r"computer-use.*", priming=3, answer=0, images=Tiles(65, 129)),
    _O_SERIES,
    replace(_GPT_5, models=r"gpt-[56].*-pro.*", doubt=("hidden_reasoning", Confidence.LOWER_BOUND)),
    replace(_GPT_5, models=r"gpt-5-mini.*", images=Patches(1.2)),
    replace(_GPT_5, models=r"gpt-5-nano.*", images=Patches(1.5)),
    _GPT_5,
    _LATER,
    # Completion models of before 2023: their own tables are not shipped.
    Family(
        r"(text-|code-)?(ada|babbage|curie|davinci|cushman)([-:].*)?",
        CL100K,
        doubt=("encoding_guess", Confidence.GUESS),
    ),
)

_UNKNOWN = replace(_GPT_4O, models=r".*", doubt=("encoding_guess", Confidence.GUESS))


def find_family(model: str | None) -> Family:
    """Return the family of a model by its name, which may be a vendor's or a deployment's."""
    name = _plain(model or "")
    return next((row for row in FAMILIES if re.fullmatch(row.models, name)), _UNKNOWN)


def _plain(model: str) -> str:
    """Return the name without what routers and fine-tuning add."""
    name = model.lower()
    if re.fullmatch(_OTHER_VENDORS, name):
        return name
    name = name.rpartition("/")[2].removeprefix("openai.")
    return name.split(":")[1] if name.startswith("ft:") else name
