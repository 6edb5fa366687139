import pytest

from viewer.guard import Guard, new_token

TOKEN = "a-token-of-some-length"
OPEN, CLOSED = Guard(8080, None), Guard(8080, TOKEN)


def _page(guard: Guard, target: str = "/", **headers: str):
    return guard.verdict(target, {"host": "localhost:8080", **headers}, websocket=False)


def _socket(guard: Guard, **headers: str):
    return guard.verdict("/", {"host": "localhost:8080", **headers}, websocket=True)


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:9000", "[::1]:8080", "localhost"])
def test_without_a_token_loopback_names_are_let_in(host: str):
    assert _page(OPEN, host=host).passes
    assert _socket(OPEN, host=host).passes


@pytest.mark.parametrize("host", ["evil.example:8080", "192.168.0.7:8080", "localhost.evil.example", "", "[", "a@b:c"])
def test_without_a_token_other_names_are_refused(host: str):
    assert _page(OPEN, host=host).status == 403
    assert _socket(OPEN, host=host).status == 403


def test_a_page_from_elsewhere_cannot_connect():
    assert _socket(OPEN, origin="http://localhost:8080").passes
    assert _socket(OPEN, origin="http://evil.example").status == 403
    assert _socket(OPEN, origin="http://localhost:9999").status == 403
    assert _socket(OPEN, origin="null").status == 403
    assert _socket(CLOSED, origin="http://evil.example", cookie=f"nfield-8080={TOKEN}").status == 403


@pytest.mark.parametrize(
    "target",
    ["/", "/?token=", "/?token=wrong", f"/?token={TOKEN[:-1]}", f"/?token={TOKEN}x", f"/?other={TOKEN}", f"/{TOKEN}"],
)
def test_with_a_token_nothing_is_sent_without_it(target: str):
    verdict = _page(CLOSED, target, host="192.168.0.7:8080")
    assert verdict.status == 403
    assert verdict.headers is None
    assert TOKEN not in verdict.reason


def test_the_token_opens_the_page_and_its_cookie_the_websocket():
    verdict = _page(CLOSED, f"/?token={TOKEN}", host="192.168.0.7:8080")
    assert verdict.passes
    assert verdict.headers is not None
    cookie = verdict.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    pair = cookie.partition(";")[0]
    assert _socket(CLOSED, cookie=f"other=1; {pair}").passes
    assert _page(CLOSED, cookie=pair).passes


@pytest.mark.parametrize("cookie", ["", "nfield-8080=", "nfield-8080=wrong", f"nfield-9090={TOKEN}", "=;=", "\udcff"])
def test_other_cookies_open_nothing(cookie: str):
    assert _socket(CLOSED, cookie=cookie).status == 403


@pytest.mark.parametrize("target", ["/../../etc/passwd", "/%2e%2e/x", "/assets/x.js", "//etc/passwd", "/index.html/.."])
def test_there_is_nothing_but_the_page(target: str):
    assert _page(OPEN, target).status == 404


def test_addresses_that_are_none_are_refused():
    assert not _page(CLOSED, "//[").passes


def test_the_browser_is_told_to_ask_no_other_host():
    headers = _page(OPEN).headers
    assert headers is not None
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert "*" not in policy


def test_tokens_are_long_and_never_the_same():
    assert len(new_token()) >= 32
    assert new_token() != new_token()
