"""Images cost by their size, which is read from their first bytes."""

import base64
import struct

import pytest

from spanbook.estimates.families import Patches, Tiles, find_family
from spanbook.estimates.images import Image, data_url_size, image_size, image_tokens

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480)
GIF = b"GIF89a" + struct.pack("<HH", 640, 480)
JPEG = (
    b"\xff\xd8"
    + b"\xff\xe0"
    + struct.pack(">H", 16)
    + bytes(14)
    + b"\xff\xff\xc2"
    + struct.pack(">HBHH", 11, 8, 480, 640)
)
WEBP = b"RIFF\x00\x00\x00\x00WEBP"
WEBP_PLAIN = WEBP + b"VP8 " + bytes(10) + struct.pack("<HH", 640, 480)
WEBP_LOSSLESS = WEBP + b"VP8L" + bytes(5) + struct.pack("<I", 639 | 479 << 14)
WEBP_EXTENDED = WEBP + b"VP8X" + bytes(8) + b"\x7f\x02\x00" + b"\xdf\x01\x00"


@pytest.mark.parametrize(
    "content",
    [PNG, GIF, JPEG, WEBP_PLAIN, WEBP_LOSSLESS, WEBP_EXTENDED],
    ids=["png", "gif", "jpeg", "webp", "webp-lossless", "webp-extended"],
)
def test_the_size_is_in_the_first_bytes(content: bytes):
    assert image_size(content) == (640, 480)


@pytest.mark.parametrize("content", [b"", b"\x89PNG", b"\xff\xd8\xff", b"\xff\xd8abc", b"BM", WEBP])
def test_what_is_cut_or_no_image_has_no_size(content: bytes):
    assert image_size(content) is None


def test_a_data_url_holds_its_image():
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()

    assert data_url_size(url) == (640, 480)


@pytest.mark.parametrize("url", ["https://example.org/a.png", "data:image/png;base64,!", "data:,a"])
def test_other_urls_are_never_followed(url: str):
    assert data_url_size(url) is None


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        ("gpt-4o", (640, 480), 425),
        ("gpt-4o", (1, 1), 255),
        ("gpt-4o", (2560, 1440), 1105),
        ("gpt-4o", (4096, 8192), 1105),
        ("gpt-4o-mini", (640, 480), 14_167),
        ("gpt-4o-mini", (512, 300), 8_500),
        ("gpt-5", (640, 480), 350),
        ("o1", (640, 480), 375),
        ("gpt-5-mini", (640, 480), 360),
        ("gpt-5-nano", (640, 480), 450),
        ("o4-mini", (640, 480), 516),
        ("gpt-4.1-mini", (640, 480), 486),
        ("gpt-4.1-mini", (1800, 2400), 2353),
        ("gpt-3.5-turbo", (640, 480), 0),
    ],
)
def test_an_image_costs_what_its_model_says(model: str, size: tuple[int, int], tokens: int):
    assert image_tokens(Image(size), find_family(model).images) == tokens


def test_an_image_in_low_detail_costs_the_same_whatever_its_size():
    assert image_tokens(Image((4000, 4000), is_small=True), Tiles(85, 170)) == 85
    assert image_tokens(Image((4000, 4000), is_small=True), Patches(1.0)) == 256
