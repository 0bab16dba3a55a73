"""Who and what there is: programs, models, users, releases. Few are busy and most are not."""

from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

from benchmarks.town.words import Words
from spanbook.architecture.component import Architecture, Component

T = TypeVar("T")

PROJECTS = (("shop", 12), ("desk", 5), ("default", 2))
ENVIRONMENTS = (("production", 8), ("staging", 2), ("development", 1))
_MODELS = (
    (("gpt-4.1-mini", "openai"), 30),
    (("gpt-4o", "openai"), 12),
    (("claude-sonnet-4-5", "anthropic"), 14),
    (("gemini-2.5-flash", "google"), 10),
    (("gpt-4.1-nano", "openai"), 8),
    (("o4-mini", "openai"), 4),
    (("claude-haiku-4-5", "anthropic"), 5),
    (("mistral-small-latest", "mistral"), 2),
    (("house-llama-8b", "house"), 3),  # has no price
)
_SHAPES = (("chat", 4), ("retrieval", 5), ("agent", 5), ("extraction", 2), ("single", 1))
_VERBS = ("answer", "summarise", "classify", "route", "translate", "check", "draft", "rank")
_OBJECTS = ("ticket", "order", "review", "contract", "invoice", "question", "mail", "call")


class Choice(Generic[T]):
    """Things to choose from, each as often as its weight says."""

    def __init__(self, things: list[T], weights: list[float]) -> None:
        self._things = things
        self._weights = list(accumulate(weights))

    @classmethod
    def of(cls, pairs: "tuple[tuple[T, int], ...]") -> "Choice[T]":
        """Return the choice between things that are given with their weights."""
        return cls([thing for thing, _ in pairs], [weight for _, weight in pairs])

    @classmethod
    def skewed(cls, things: list[T]) -> "Choice[T]":
        """Return a choice in which the n-th thing comes an n-th as often as the first."""
        return cls(things, [1 / (rank + 1) for rank in range(len(things))])

    def pick(self, random: Random) -> T:
        """Return one."""
        return random.choices(self._things, cum_weights=self._weights)[0]


@dataclass(frozen=True)
class Program:
    """One of the company's programs: what its traces are called and look like."""

    name: str
    shape: str
    system: str
    model: tuple[str, str]  # and its provider
    architecture: Architecture


class People:
    """Everything that traces refer to."""

    def __init__(self, random: Random) -> None:
        self.words = Words(random)
        models = Choice.of(_MODELS)
        shapes = Choice.of(_SHAPES)
        names = [f"{verb} {thing}" for thing in _OBJECTS for verb in _VERBS]
        random.shuffle(names)
        self.programs = Choice.skewed(
            [self._program(random, name, shapes, models) for name in names]
        )
        self.models = models
        self.users = Choice.skewed([f"user-{number:04}" for number in range(4_000)])
        self.tags = Choice.skewed([f"{thing}s" for thing in _OBJECTS] + ["beta", "trial", "vip"])
        self.documents = Choice.skewed(
            [
                {
                    "id": f"doc-{number}",
                    "text": self.words.text(random, random.randint(3, 8)),
                    "metadata": {"source": f"handbook/{number // 40}.md", "page": number % 40},
                }
                for number in range(3_000)
            ]
        )
        self.tools = Choice.skewed([f"look_up_{thing}" for thing in _OBJECTS])

    def _program(
        self,
        random: Random,
        name: str,
        shapes: Choice[str],
        models: Choice[tuple[str, str]],
    ) -> Program:
        shape, model = shapes.pick(random), models.pick(random)
        part = Component("llm", "ChatModel", model[0], "steps[1]", {"temperature": 0.2})
        root = Component("chain", "RunnableSequence", name, parts=(part,))
        system = self.words.text(random, random.randint(2, 12))
        return Program(name, shape, system, model, Architecture.of(root))
