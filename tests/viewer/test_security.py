"""Who may ask."""

import pytest

from spanbook_viewer.app import create_app


@pytest.fixture
def guarded_client(shown):
    return create_app(shown.book, token="a b&c", allowed_hosts=None).test_client()


@pytest.mark.parametrize("host", ["localhost:5050", "127.0.0.1:5050", "[::1]:5050", "localhost"])
def test_names_of_this_machine_are_answered(host, client):
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:5050", "", "local host"])
def test_other_names_are_refused_so_that_dns_rebinding_gets_nothing(host, client):
    answer = client.get("/traces.json", headers={"Host": host})

    assert answer.status_code in (400, 403)
    assert b"answer question" not in answer.data


def test_a_refusal_says_what_to_do(client):
    answer = client.get("/traces/", headers={"Host": "evil.example"})

    assert answer.status_code == 403
    assert "does not answer to the name evil.example" in answer.text


def test_names_that_are_allowed_are_answered(shown):
    client = create_app(shown.book, allowed_hosts=["spanbook.example"]).test_client()

    assert client.get("/health", headers={"Host": "spanbook.example"}).status_code == 200
    assert client.get("/health", headers={"Host": "localhost"}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/traces/", "/traces.json", "/media/00", "/nowhere"])
def test_without_the_token_nothing_is_shown(path, guarded_client):
    answer = guarded_client.get(path)

    assert answer.status_code == 401
    assert "answer question" not in answer.text


@pytest.mark.parametrize("token", ["", "a", "a b&d", "ä", "a b&c "])
def test_a_wrong_token_is_refused(token, guarded_client):
    answer = guarded_client.get("/traces/", query_string={"token": token})

    assert answer.status_code == 401
    assert "The token is wrong." in answer.text
    assert '<input name="token" type="password"' in answer.text


def test_the_right_token_becomes_a_cookie_and_leaves_the_address(guarded_client):
    answer = guarded_client.get("/traces/?token=a+b%26c&status=ok")

    assert answer.status_code == 302
    assert answer.location == "/traces/?status=ok"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "a b" not in cookie
    assert guarded_client.get("/traces/").status_code == 200


def test_programs_send_the_token_as_bearer(guarded_client):
    def status(header):
        return guarded_client.get("/traces.json", headers={"Authorization": header}).status_code

    assert status("Bearer a b&c") == 200
    assert status("Bearer a") == 401
    assert status("Basic a b&c") == 401


def test_a_token_in_the_address_cannot_lead_elsewhere(guarded_client):
    answer = guarded_client.get("//evil.example/?token=a+b%26c")

    assert not answer.headers.get("Location", "/").startswith("//")


def test_the_style_sheet_of_the_refusal_needs_no_token(guarded_client):
    with guarded_client.get("/static/viewer.css") as answer:
        assert answer.status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_nothing_can_be_changed(method, shown, client):
    for path in ("/traces/", shown.address("answer question"), "/preferences"):
        assert getattr(client, method)(path).status_code == 405


def test_media_says_what_it_is_and_nothing_in_it_can_run(shown, client):
    (image,) = _blobs(shown, "image/png")

    answer = client.get(f"/media/{image}")

    assert answer.mimetype == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in answer.headers["Cache-Control"]
    assert "private" in answer.headers["Cache-Control"]
    assert client.get(f"/media/{image}", headers={"Range": "bytes=0-3"}).data == b"\x89PNG"


@pytest.mark.parametrize("digest", ["0" * 32, "zz", "%2e%2e", "0" * 31])
def test_unknown_media_are_not_found(digest, client):
    assert client.get(f"/media/{digest}").status_code == 404


def _blobs(shown, media_type):
    spans = shown.book.trace(shown.trace("look at pictures"))
    payload = spans.payload(spans.spans[0].span_id)
    parts = payload.input["messages"][0]["content"]
    media = [part["media"] for part in parts if "media" in part]
    return [item["hash"] for item in media if item["media_type"] == media_type]
