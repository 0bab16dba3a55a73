"""What the company's programs do: chats with a growing history, retrieval, agents, batches."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from benchmarks.town.people import People, Program
from benchmarks.town.story import Record, Story

Message = dict[str, Any]
_FAILURES = (
    ("RateLimitError", "429 Too Many Requests: try again in 20 s"),
    ("TimeoutError", "The model did not answer within 60 s"),
    ("ValueError", "Expected JSON, got prose"),
)


class FailedError(Exception):
    """A span of the story failed, and with it those above."""

    def __init__(self, type: str, message: str) -> None:
        super().__init__(message)
        self.told = {"type": type, "message": message}


class Scene:
    """One trace of one program."""

    def __init__(self, people: People, story: Story, program: Program) -> None:
        self._people = people
        self._story = story
        self._program = program
        self._random: Random = story.random

    def play(self, history: list[Message], question: str) -> None:
        """Tell the trace; what is asked and answered is added to `history`."""
        history.append({"role": "user", "content": question})
        match self._program.shape:
            case "chat":
                self._chat(history, question)
            case "retrieval":
                self._retrieval(question)
            case "agent":
                self._agent(history)
            case "extraction":
                self._extraction(question)
            case _:
                self._single(history)

    def batch(self, items: int) -> None:
        """Tell a batch: an item is a chain around a model call and a parser, some at once."""
        root = self._story.begin("step", self._program.name, input={"items": items})
        for number in range(items):
            self._story.within(lambda number=number: self._item(root, number))
        self._story.now = self._story.latest
        self._story.end(root, {"items": items})

    def _item(self, root: Record, number: int) -> None:
        question = f"{number}: {self._words(1)}"

        def body(item: Record) -> Any:
            answer = self._ask(item, [{"role": "user", "content": question}])
            self._story.step("parser", "StrOutputParser", item, 0.3, answer, answer)
            return {"answer": answer}

        self._around("chain", {"question": question}, body, "item", root)

    def _chat(self, history: list[Message], question: str) -> None:
        with_system = [{"role": "system", "content": self._program.system}, *history]

        def body(root: Record) -> Any:
            self._story.step("prompt", "ChatPromptTemplate", root, 0.4, {"question": question})
            answer = self._ask(root, with_system)
            self._story.step("parser", "StrOutputParser", root, 0.3, answer, answer)
            history.append({"role": "assistant", "content": answer})
            return {"answer": answer}

        self._around("chain", {"question": question}, body)

    def _retrieval(self, question: str) -> None:
        def body(root: Record) -> Any:
            documents = self._retrieve(root, question)
            context = "\n\n".join(document["text"] for document in documents)
            prompt = [
                {"role": "system", "content": self._program.system},
                {"role": "user", "content": f"{question}\n\n{context}"},
            ]
            given = {"question": question, "context": context}
            self._story.step("prompt", "ChatPromptTemplate", root, 0.5, given, {"messages": prompt})
            answer = self._ask(root, prompt)
            self._story.step("parser", "StrOutputParser", root, 0.3, answer, answer)
            if self._random.random() < 0.3:
                self._story.step("guardrail", "no promises", root, 3, answer, {"passed": True})
            return {"answer": answer, "sources": [document["id"] for document in documents]}

        self._around("chain", {"question": question}, body)

    def _retrieve(self, below: Record, question: str) -> list[Mapping[str, Any]]:
        found = [
            self._people.documents.pick(self._random) for _ in range(self._random.choice((3, 4, 8)))
        ]
        retriever = self._story.begin("retriever", "handbook", below, {"query": question})
        usage = {"input": len(question) // 4, "output": 0}
        embedding = self._story.begin("embedding", "embed query", retriever, {"count": 1})
        self._story.pass_time(60)
        output = {"count": 1, "dimension": 1536}
        model = {"model": "text-embedding-3-small", "provider": "openai"}
        self._story.end(embedding, output, usage=usage, **model)
        self._story.pass_time(15)
        documents = [{**document, "score": round(self._random.random(), 3)} for document in found]
        self._story.end(retriever, {"documents": documents})
        if self._random.random() < 0.4:
            best = {"documents": documents[:3]}
            self._story.step("reranker", "cross-encoder", below, 90, {"query": question}, best)
        return found

    def _agent(self, history: list[Message]) -> None:
        messages = [{"role": "system", "content": self._program.system}, *history]

        def body(root: Record) -> Any:
            turns = min(int(self._random.paretovariate(1.3)), 25)
            for _ in range(turns):
                tool = self._people.tools.pick(self._random)
                call = {"id": f"call_{self._random.getrandbits(40):x}", "name": tool}
                call["arguments"] = {"id": self._random.randint(1, 90_000)}
                asked = {"role": "assistant", "content": "", "tool_calls": [call]}
                self._ask(root, messages, asked)
                messages.append(asked)
                messages.append(self._use(root, call))
            answer = self._ask(root, messages)
            history.append({"role": "assistant", "content": answer})
            return {"answer": answer}

        self._around("agent", {"messages": [history[-1]]}, body)

    def _use(self, below: Record, call: Mapping[str, Any]) -> Message:
        tool = self._story.begin("tool", call["name"], below, call["arguments"])
        self._story.pass_time(120)
        if self._random.random() < 0.04:
            content = f"KeyError: {call['arguments']['id']}"
            told = {"type": "KeyError", "message": str(call["arguments"]["id"])}
            self._story.end(tool, status="error", error=told)
        else:
            content = self._words(self._random.randint(1, 6))
            self._story.end(tool, {"result": content})
        return {"role": "tool", "tool_call_id": call["id"], "content": content}

    def _extraction(self, question: str) -> None:
        text = self._words(self._random.randint(5, 40))

        def body(root: Record) -> Any:
            self._ask(root, [{"role": "user", "content": f"{self._program.system}\n\n{text}"}])
            found = {"order": self._random.randint(1, 90_000), "subject": question}
            self._story.step("parser", "JsonOutputParser", root, 0.6, output=found)
            return found

        self._around("chain", {"text": text}, body)

    def _single(self, history: list[Message]) -> None:
        try:
            self._ask(None, [{"role": "system", "content": self._program.system}, *history])
        except FailedError:
            return

    def _around(
        self,
        kind: str,
        input: Any,
        body: Callable[[Record], Any],
        name: str = "",
        below: Record | None = None,
    ) -> None:
        span = self._story.begin(kind, name or self._program.name, below, input)
        try:
            output = body(span)
        except FailedError as failed:
            self._story.end(span, status="error", error=failed.told)
        else:
            stopped = self._random.random() < 0.003
            self._story.end(span, output, "cancelled" if stopped else "ok")

    def _ask(
        self, below: Record | None, messages: list[Message], answer: Message | None = None
    ) -> str:
        """Tell a model call; return what the model said."""
        name, provider = self._program.model
        if self._random.random() < 0.05:
            name, provider = self._people.models.pick(self._random)
        text = self._words(self._random.randint(1, 12)) if answer is None else ""
        call = self._story.begin(
            "llm", name if below else self._program.name, below, {"messages": messages}
        )
        first = self._story.now + int(self._random.lognormvariate(0, 0.5) * 300_000_000)
        self._story.pass_time(250 + len(text) * 4)
        more: Record = {"model": name, "provider": provider}
        if self._random.random() < 0.012:
            type, message = self._random.choice(_FAILURES)
            self._story.end(call, status="error", error={"type": type, "message": message}, **more)
            raise FailedError(type, message)
        if first < self._story.now:
            more["first_token"] = first
        if self._random.random() > 0.01:  # else the provider reports none
            more["usage"] = self._usage(messages, text)
        output = {"messages": [answer or {"role": "assistant", "content": text}]}
        self._story.end(call, output, **more)
        return text

    def _usage(self, messages: list[Message], text: str) -> Record:
        taken = sum(len(message["content"]) for message in messages) // 4 + 8
        usage = {"input": taken, "output": len(text) // 4 + 6}
        if len(messages) > 3 and self._random.random() < 0.5:
            usage["cache_read"] = taken // 2
        return usage

    def _words(self, sentences: int) -> str:
        return self._people.words.text(self._random, sentences)
