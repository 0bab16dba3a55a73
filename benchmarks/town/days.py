"""Ninety days of the company, as segments of a journal: one for each process, in order of time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from benchmarks.town.people import ENVIRONMENTS, PROJECTS, Choice, People, Program
from benchmarks.town.scenes import Message, Scene
from benchmarks.town.story import Story, line

DAYS = 90
GIANTS = (10_000, 20_000)  # spans of two batches, told where they are a tenth of all at most
_BATCHES = 0.002  # of all traces
_KILLED = 0.03  # of all processes
_HOUR_NS = 3_600 * 10**9


@dataclass
class Segment:
    """What one process appended in one day."""

    name: str
    lines: list[bytes] = field(default_factory=list[bytes])
    spans: int = 0


@dataclass
class Conversation:
    """A session: one user, one program, and what was said so far."""

    session: str
    user: str
    program: Program
    history: list[Message] = field(default_factory=list[Message])


class Town:
    """All that happens in the days before `until`. The same seed and day, the same records."""

    def __init__(self, spans: int, until: datetime, seed: int = 1) -> None:
        self._random = Random(seed)
        self._people = People(self._random)
        self._wanted = spans
        self._until = until
        self._told = 0
        self._giants = [size for size in GIANTS if size * 10 <= spans]
        self._known: set[str] = set()  # architectures
        self._open: dict[str, list[Conversation]] = {}

    def segments(self) -> Iterator[Segment]:
        """Tell day after day, project after project."""
        mornings = [self._until - timedelta(days=day) for day in range(DAYS, 0, -1)]
        work = [
            (morning, project, weight * (0.3 if morning.weekday() > 4 else 1 + day / DAYS))
            for day, morning in enumerate(mornings)
            for project, weight in PROJECTS
        ]
        total, done = sum(weight for *_, weight in work), 0.0
        for number, (morning, project, weight) in enumerate(work):
            done += weight
            due = round(self._wanted * done / total) - self._told
            yield self._segment(morning, number // len(PROJECTS), project, max(due, 0))

    def _segment(self, morning: datetime, day: int, project: str, spans: int) -> Segment:
        """Tell what one process did from six in the morning until ten at night."""
        random = self._random
        began = int(morning.timestamp()) * 10**9 + 6 * _HOUR_NS
        pid = random.randint(1_000, 60_000)
        segment = Segment(f"{began + pid:020d}-{pid}-{random.getrandbits(64):016x}.jsonl")
        release = f"1.{day // 15}.{day % 15 // 3}"
        process = {
            "type": "process",
            "version": 1,
            "run": f"{random.getrandbits(128):032x}",
            "name": f"{project}-worker",
            "project": project,
            "host": f"node-{random.randint(1, 6)}",
            "pid": pid,
            "command": f"{project}.py",
            "python": "3.12.4",
            "release": release,
            "environment": Choice.of(ENVIRONMENTS).pick(random),
            "start": began,
        }
        segment.lines.append(line(process))
        while segment.spans < spans:
            at = began + int(segment.spans / spans * 16 * _HOUR_NS)
            story = self._trace(project, at, release, segment)
            segment.lines += story.lines
            segment.spans += story.spans
        if random.random() < _KILLED:
            segment.lines.pop()  # before its last span could end
        else:
            segment.lines.append(line({"type": "exit", "at": began + 17 * _HOUR_NS}))
        self._told += segment.spans
        return segment

    def _trace(self, project: str, at: int, release: str, segment: Segment) -> Story:
        random = self._random
        if self._giants and segment.spans + self._told > self._wanted // 2:
            return self._batch(at, (self._giants.pop() - 1) // 3)
        if random.random() < _BATCHES:
            return self._batch(at, random.randint(20, 150))
        talk = self._conversation(project)
        context: dict[str, Any] = {"architecture": talk.program.architecture.hash}
        if talk.program.shape in ("chat", "agent"):
            context |= {"session": talk.session, "user": talk.user}
        elif random.random() < 0.7:
            context["user"] = talk.user
        tags = {self._people.tags.pick(random) for _ in range(random.choice((0, 0, 1, 1, 2, 3)))}
        if tags:
            context["tags"] = sorted(tags)
        if random.random() < 0.2:
            context["metadata"] = {"region": random.choice(("eu", "us")), "attempt": 1}
        if random.random() < 0.5:
            context["version"] = release[:3]
        story = Story(random, at, {"context": context})
        self._describe(talk.program, story)
        question = self._people.words.text(random, random.randint(1, 2))
        Scene(self._people, story, talk.program).play(talk.history, question)
        return story

    def _batch(self, at: int, items: int) -> Story:
        program = self._people.programs.pick(self._random)
        story = Story(self._random, at, {"context": {"name": "nightly batch", "tags": ["batch"]}})
        Scene(self._people, story, program).batch(items)
        return story

    def _describe(self, program: Program, story: Story) -> None:
        made_of = program.architecture
        if made_of.hash not in self._known:
            self._known.add(made_of.hash)
            body = made_of.root.to_data()
            text = line(body).decode().strip()
            told = {"type": "architecture", "hash": made_of.hash, "name": program.name}
            story.lines.append(line({**told, "body": text}))

    def _conversation(self, project: str) -> Conversation:
        """Go on with a conversation, most of which end after a few turns, or begin one."""
        talks = self._open.setdefault(project, [])
        if len(talks) > 150 or (talks and self._random.random() < 0.75):
            place = self._random.randrange(len(talks))
            talk = talks[place]
            if len(talk.history) > 60 or self._random.random() < 0.25:
                talks[place] = talks[-1]
                talks.pop()
            return talk
        talk = Conversation(
            f"chat-{self._random.getrandbits(48):012x}",
            self._people.users.pick(self._random),
            self._people.programs.pick(self._random),
        )
        talks.append(talk)
        return talk


def midnight() -> datetime:
    """Return when today began."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
