"""Encodings come from this machine, checked, and never from the network."""

import hashlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from spanbook.estimates import encodings, ranks
from spanbook.estimates.counting import CHUNK, counter
from spanbook.estimates.estimate import Method
from spanbook.estimates.ranks import CL100K, O200K, Table
from spanbook.estimates.wordpieces import count_pieces

pytest.importorskip("tiktoken")

GREETING = "Grüße aus Köln! It's 12345 o'clock.\n\n\tdone()"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nothing is built or cached yet, and whoever opens a connection fails."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("tiktoken.registry.ENCODINGS", {})
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path / "tiktoken"))
    monkeypatch.setenv("DATA_GYM_CACHE_DIR", str(tmp_path / "gym"))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    encodings._build.cache_clear()
    yield
    encodings._build.cache_clear()


@pytest.mark.parametrize(
    ("table", "ids"),
    [
        (CL100K, [6600, 2448, 24352, 9608, 65994, 2312, 0, 1102, 596, 220, 4513, 1774, 297, 63510]),
        (O200K, [3193, 572, 13153, 3976, 85686, 0, 7744, 220, 7633, 2548, 293, 141801, 364, 97230]),
    ],
    ids=["cl100k", "o200k"],
)
def test_the_shipped_tables_give_the_ids_of_tiktoken(table: Table, ids: list[int]):
    encoding = encodings.encoder(table)

    assert encoding is not None
    assert encoding.encode_ordinary(GREETING)[: len(ids)] == ids
    assert encoding.decode(encoding.encode_ordinary(GREETING)) == GREETING


def test_an_encoding_that_tiktoken_has_loaded_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch):
    theirs = object()
    monkeypatch.setattr("tiktoken.registry.ENCODINGS", {"o200k_base": theirs})

    assert encodings.encoder(O200K) is theirs


def place(table: Table, folder: Path, content: bytes) -> None:
    folder.mkdir(parents=True)
    (folder / hashlib.sha1(table.url.encode()).hexdigest()).write_bytes(content)


def test_a_cached_table_with_the_right_hash_is_read(tmp_path: Path):
    content = b"YQ== 0\nYWI= 1\n"
    table = Table(
        "small", "https://example.org/small", hashlib.sha256(content).hexdigest(), 2, 0, ""
    )
    place(table, tmp_path / "data-gym-cache", content)

    assert ranks.read_ranks(table) == {b"a": 0, b"ab": 1}


def test_a_cached_table_with_another_hash_is_passed_over(tmp_path: Path):
    place(O200K, tmp_path / "tiktoken", b"YQ== 0\n")

    found = ranks.read_ranks(O200K)

    assert found is not None
    assert len(found) == O200K.tokens


def test_a_shipped_table_that_was_changed_is_not_used():
    changed = Table("o200k_base", O200K.url, O200K.sha256, O200K.tokens, O200K.first, "0" * 64)

    assert ranks.read_ranks(changed) is None


def test_without_tiktoken_word_pieces_are_counted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tiktoken", None)

    count, method = counter(O200K)

    assert method is Method.HEURISTIC
    assert count("Hello there") == count_pieces("Hello there") == 2


def test_tokens_that_control_models_are_text_like_any_other():
    count, _ = counter(O200K)

    assert count("<|endoftext|>") > 1


@pytest.mark.parametrize("table", [CL100K, O200K])
def test_a_long_text_is_counted_in_pieces_without_a_difference(table: Table):
    encoding = encodings.encoder(table)
    assert encoding is not None
    text = "It isn't one: 17 words, in a line.\n\n  And more\tof them ... " * 4_000

    assert len(text) > 2 * CHUNK
    assert counter(table)[0](text) == len(encoding.encode_ordinary(text))


def test_a_million_spaces_are_counted():
    count, method = counter(O200K)

    assert count(" " * 1_000_000) > 0
    assert method is Method.TIKTOKEN


def test_a_panic_in_the_tokenizer_costs_only_the_exact_number(monkeypatch: pytest.MonkeyPatch):
    class PanicError(BaseException):
        pass

    class Panics:
        def encode_ordinary(self, _: str) -> NoReturn:
            raise PanicError

    monkeypatch.setattr("tiktoken.registry.ENCODINGS", {"o200k_base": Panics()})

    assert counter(O200K)[0]("three plain words") == 3


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_no_panic(monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]):
    class Stops:
        def encode_ordinary(self, _: str) -> NoReturn:
            raise stop

    monkeypatch.setattr("tiktoken.registry.ENCODINGS", {"o200k_base": Stops()})

    with pytest.raises(stop):
        counter(O200K)[0]("text")
