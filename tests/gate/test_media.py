"""Images, sounds and files in payloads: found, kept once, never confused with prose."""

import base64
import hashlib
import random
from typing import Any

import pytest

from spanbook.gate.media import Media, sniff
from spanbook.gate.plain import Gate
from spanbook.gate.shelf import MediaShelf
from spanbook.settings import Limits, Settings

NOISE = random.Random(7).randbytes(50_000)
PNG = b"\x89PNG\r\n\x1a\n" + NOISE
WAV = b"RIFF\x00\x00\x00\x00WAVE" + NOISE
PDF = b"%PDF-1.7" + NOISE


def digits(content):
    return base64.b64encode(content).decode()


def data_url(content, media_type="image/png"):
    return f"data:{media_type};base64,{digits(content)}"


def stand_in(content, media_type):
    name = hashlib.sha256(content).hexdigest()[:32]
    return {"$": "media", "media_type": media_type, "size": len(content), "hash": name}


class Kept(list[Media]):
    def gate(self, **settings: Any) -> Any:
        return Gate(Settings(**settings), self.append)


@pytest.fixture
def kept():
    return Kept()


BLOCKS = {
    "a data URL in image_url": (
        lambda m: {"type": "image_url", "image_url": {"url": m}},
        data_url(PNG),
        PNG,
        "image/png",
    ),
    "a bare data URL": (lambda m: {"image": [m]}, data_url(PNG), PNG, "image/png"),
    "a data URL with parameters": (
        lambda m: m,
        f"data:audio/wav;rate=8000;base64,{digits(WAV)}",
        WAV,
        "audio/wav",
    ),
    "a data URL of text": (lambda m: [m], data_url(NOISE, "text/plain"), NOISE, "text/plain"),
    "an anthropic source": (
        lambda m: {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": m},
        },
        digits(PNG),
        PNG,
        "image/png",
    ),
    "an input_audio": (
        lambda m: {"type": "input_audio", "input_audio": {"data": m, "format": "wav"}},
        digits(WAV),
        WAV,
        "audio/wav",
    ),
    "raw samples of a known format": (
        lambda m: {"data": m, "format": "pcm16"},
        digits(NOISE),
        NOISE,
        "audio/pcm",
    ),
    "a file_data": (
        lambda m: {"type": "file", "file": {"file_data": m, "filename": "a.pdf"}},
        data_url(PDF, "application/pdf"),
        PDF,
        "application/pdf",
    ),
    "a standard block": (
        lambda m: {"type": "image", "base64": m, "mime_type": "image/x-own"},
        digits(NOISE),
        NOISE,
        "image/x-own",
    ),
    "a google part": (
        lambda m: {"inline_data": {"mimeType": "image/png", "data": m}},
        digits(PNG),
        PNG,
        "image/png",
    ),
    "a generated image": (lambda m: {"b64_json": m}, digits(PNG), PNG, "image/png"),
    "known first bytes": (lambda m: {"result": m}, digits(PNG), PNG, "image/png"),
    "wrapped lines": (
        lambda m: {"type": "image", "data": m},
        base64.encodebytes(PNG).decode(),
        PNG,
        "image/png",
    ),
    "the alphabet of URLs": (
        lambda m: {"type": "image", "data": m},
        base64.urlsafe_b64encode(PNG).decode().rstrip("="),
        PNG,
        "image/png",
    ),
    "raw bytes": (lambda m: {"anything": m}, PNG, PNG, "image/png"),
    "a bytearray": (lambda m: [m], bytearray(PNG), PNG, "image/png"),
    "media of a converter": (lambda m: [m], Media.of(NOISE, "video/x"), NOISE, "video/x"),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_media_is_replaced_and_kept(kept, name):
    block, value, content, media_type = BLOCKS[name]

    data = kept.gate().plain({"before": 1, "block": block(value), "after": 2}, "input")

    assert data == {"before": 1, "block": block(stand_in(content, media_type)), "after": 2}
    assert kept == [Media.of(content, media_type)]


@pytest.mark.parametrize("name", BLOCKS)
def test_hidden_media_is_neither_shown_nor_kept(kept, name):
    block, value, _, _ = BLOCKS[name]

    data = kept.gate(hide=frozenset({"media"})).plain([block(value), "text"], "input")

    assert data == [block({"$": "hidden"}), "text"]
    assert kept == []


PROSE = "The quick brown fox jumps over the lazy dog. " * 2_000


@pytest.mark.parametrize(
    "value",
    [
        {"data": PROSE},
        {"type": "image", "data": PROSE},
        {"type": "file", "file_data": PROSE},
        {"mime_type": "text/plain", "data": PROSE, "type": "media"},
        {"base64": "word\n" * 10_000},
        {"type": "text", "data": "x" * 50_000},
        {"data": "deadbeef" * 8_000},
        {"result": "A" * 50_000},
        {"content": digits(PNG)},
        {"data": "日本語" * 20_000},
        {"url": "https://example.com/" + "a" * 50_000},
        {"text": "data:image/png;base64, is how such a URL begins, as everybody knows by now."},
        {"text": "data:image/png;base64," + "not base64! " * 5_000},
        {"text": "data:text/plain,hello " + "a" * 100},
        {"image": "https://example.com/a.png", "audio": None},
    ],
    ids=lambda v: str(v)[:40],
)
def test_prose_is_not_media(kept, value):
    assert kept.gate().plain(value, "input") == value
    assert kept == []


def test_a_small_image_is_media_too(kept):
    gif = b"GIF89a\x01\x00\x01\x00\x80" + bytes(24) + b",\x00\x00\x00\x00\x01\x00\x01\x00;"

    assert kept.gate().plain(data_url(gif, "image/gif"), "input") == stand_in(gif, "image/gif")


def test_first_bytes_count_more_than_what_a_block_says(kept):
    block = {"type": "image", "media_type": "text/html", "data": digits(PNG)}

    assert kept.gate().plain(block, "input")["data"] == stand_in(PNG, "image/png")


def test_each_content_is_handed_over_once(kept):
    gate = kept.gate()
    url = data_url(PNG)

    steps = [gate.plain([url, {"b64_json": digits(PNG)}, PNG], "input") for _ in range(3)]

    image = stand_in(PNG, "image/png")
    assert steps == [[image, {"b64_json": image}, image]] * 3
    assert len(kept) == 1


def test_a_content_is_handed_over_again_later_since_it_may_have_been_deleted():
    now, kept = [0.0], Kept()
    shelf = MediaShelf(kept.append, 1 << 20, hide=False, clock=lambda: now[0])
    media = Media.of(PNG)

    for now[0] in (0.0, 599.0, 601.0, 602.0):
        shelf.hand_over(media)

    assert kept == [media, media]


def test_content_that_could_not_be_kept_is_handed_over_again():
    kept = []

    def keep(media):
        kept.append(media)
        if len(kept) == 1:
            raise OSError

    gate = Gate(Settings(), keep)
    first, second = gate.plain(PNG, "input"), gate.plain(PNG, "input")

    assert first == second == stand_in(PNG, "image/png")
    assert len(kept) == 2
    assert gate.failures == 1


def test_the_memory_for_media_is_bounded(kept):
    gate = kept.gate()

    gate.plain([b"%PDF-" + str(i).encode() for i in range(900)], "input")
    for start in range(900, 6_000, 900):
        gate.plain([b"%PDF-" + str(i).encode() for i in range(start, start + 900)], "input")

    assert len(kept) == 6_300
    assert len(gate.shelf._kept) <= 4_096


@pytest.mark.parametrize("value", [PNG, data_url(PNG), {"b64_json": digits(PNG)}])
def test_media_over_the_limit_is_named_and_not_kept(kept, value):
    data = kept.gate(limits=Limits(media=1_000)).plain(value, "input")

    data = data.get("b64_json", data)
    assert data == {"$": "media", "media_type": "image/png", "size": len(PNG)}
    assert kept == []


def test_bytes_over_the_limit_are_counted_and_not_read(kept):
    data = kept.gate(limits=Limits(media=1_000)).plain(bytes(5_000), "input")

    assert data == {"$": "bytes", "size": 5_000}


def test_bytes_that_are_no_media_are_not_kept(kept):
    name = hashlib.sha256(b"\x01" * 100).hexdigest()[:32]

    assert kept.gate().plain(b"\x01" * 100, "input") == {"$": "bytes", "size": 100, "hash": name}
    assert kept == []


def test_media_that_the_mask_takes_out_is_not_kept(kept):
    gate = kept.gate(mask=lambda data: {"shown": data["shown"]})
    shown = b"%PDF-" + NOISE

    data = gate.plain({"shown": shown, "private": PNG}, "input")

    assert data == {"shown": stand_in(shown, "application/pdf")}
    assert kept == [Media.of(shown)]


def test_no_media_is_kept_when_the_mask_fails(kept):
    gate = kept.gate(mask=lambda data: 1 / 0)

    assert gate.plain({"private": PNG}, "input") == "[mask failed]"
    assert kept == []


def test_media_that_the_mask_brings_is_kept(kept):
    gate = kept.gate(mask=lambda data: {"new": PNG})

    assert gate.plain({}, "input") == {"new": stand_in(PNG, "image/png")}
    assert len(kept) == 1


def test_media_under_a_secret_key_is_not_kept(kept):
    assert kept.gate().plain({"password": PNG}, "input") == {"password": "[redacted]"}
    assert kept == []


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF1234WEBP", "image/webp"),
        (b"RIFF1234WAVE", "audio/wav"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"%PDF-1.4", "application/pdf"),
        (b"", None),
        (b"RIFF1234AVI ", None),
        (b"12345678WAVE", None),
        (b"\xff\xfb\xff\xff", None),
        (b"\xff\xfe\x00a", None),
        (b"hello", None),
    ],
)
def test_first_bytes_tell_the_media_type(content, media_type):
    assert sniff(content) == media_type
