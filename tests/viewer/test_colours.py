"""Contrast of every colour on every ground, computed from the style sheet itself."""

import re
from importlib.resources import files

import pytest

from spanbook.spans import SpanKind, Status
from spanbook_viewer import formats

CSS = files("spanbook_viewer").joinpath("static/viewer.css").read_text()
PAIR = re.compile(r"--([a-z]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
TOKENS = {name: (light, dark) for name, light, dark in PAIR.findall(CSS)}
GROUNDS = ("bg", "surface", "raised")
TEXTS = ("text", "muted", "link", "error", "ok", "busy")
FAMILIES = sorted(set(formats.FAMILIES.values()))
SCHEMES = ("light", "dark")


def colour(token: str, scheme: str) -> tuple[float, ...]:
    text = TOKENS[token][SCHEMES.index(scheme)]
    return tuple(int(text[place : place + 2], 16) / 255 for place in (1, 3, 5))


def luminance(rgb: tuple[float, ...]) -> float:
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def tint(token: str, scheme: str) -> tuple[float, ...]:
    pairs = zip(colour(token, scheme), colour("bg", scheme), strict=True)
    return tuple(over * 0.1 + under * 0.9 for over, under in pairs)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", [*TEXTS, *FAMILIES])
def test_text_can_be_read_on_every_ground(text, ground, scheme):
    assert contrast(colour(text, scheme), colour(ground, scheme)) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("ground", GROUNDS)
def test_edges_of_controls_can_be_seen_on_every_ground(ground, scheme):
    assert contrast(colour("edge", scheme), colour(ground, scheme)) >= 3


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("token", [*FAMILIES, "error"])
def test_labels_can_be_read_on_their_own_tint(token, scheme):
    assert contrast(colour(token, scheme), tint(token, scheme)) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_can_be_read_in_an_error_block(scheme):
    assert contrast(colour("text", scheme), tint("error", scheme)) >= 4.5
    assert contrast(colour("link", scheme), tint("error", scheme)) >= 4.5


@pytest.mark.parametrize("kind", list(SpanKind))
def test_every_kind_has_a_family_with_a_colour(kind):
    family = formats.FAMILIES[kind]

    assert family in TOKENS
    assert f'[data-family="{family}"] {{ --kind: var(--{family}); }}' in CSS


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_a_glyph_and_a_colour(status):
    assert formats.GLYPHS[status]
    assert f'.status[data-status="{status}"]' in CSS


def test_colours_stand_only_at_the_head_of_the_style_sheet():
    _, body = CSS.split("--mono:", 1)

    assert re.findall(r"#[0-9a-f]{3,8}\b", body) == []
