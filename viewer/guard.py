"""Who may look: decided for each HTTP request and each websocket before anything is sent."""

import hmac
import http.cookies
import ipaddress
import secrets
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

PAGES = frozenset({"/", "/index.html"})
"""The page is one file; whatever else a browser asks for, it does not get."""

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_TOKEN_BYTES = 24


@dataclass(frozen=True)
class Verdict:
    """What becomes of a request.

    Attributes:
        status: 200 where it is let through.
        reason: Said to whom is refused.
        headers: To be added to the answer of one that is let through.
    """

    status: int
    reason: str = ""
    headers: Mapping[str, str] | None = None

    @property
    def passes(self) -> bool:
        """Whether it is let through."""
        return self.status == 200


@dataclass(frozen=True)
class Guard:
    """The rule.

    Attributes:
        port: Of the server; it names the cookie, because cookies do not tell ports of one host apart.
        token: What has to be known; None lets everybody in who reaches a loopback address under a loopback name.
    """

    port: int
    token: str | None

    def verdict(self, target: str, headers: Mapping[str, str], *, websocket: bool) -> Verdict:
        """What becomes of a request.

        A page of another site could connect to a port on the reader's own machine, or reach it under a name of its own
        (DNS rebinding): the first is told by the Origin of a websocket, the second by the Host.

        Args:
            target: Path and query, as the client sent them.
            headers: Of the request; names in lower case.
            websocket: Whether it wants to become one.
        """
        try:
            split = urllib.parse.urlsplit(target)
        except ValueError:
            return Verdict(400, "This is not an address.")
        given = urllib.parse.parse_qs(split.query).get("token", [""])[0]
        if self.token is None:
            if _host_name(headers.get("host", "")) not in _LOCAL_NAMES:
                return Verdict(403, "This viewer answers only to localhost.")
        elif not (self._knows(given) or self._knows(self._cookie(headers))):
            return Verdict(403, "This viewer needs the token of the address that nfield view printed: /?token=...")
        if websocket and not _same_site(headers):
            return Verdict(403, "A page from elsewhere wanted to connect.")
        if not websocket and split.path not in PAGES:
            return Verdict(404, "There is nothing here.")
        return Verdict(200, headers=self._answer_headers(websocket))

    @property
    def _cookie_name(self) -> str:
        return f"nfield-{self.port}"

    def _knows(self, given: str) -> bool:
        assert self.token is not None
        return hmac.compare_digest(given.encode(errors="surrogateescape"), self.token.encode())

    def _cookie(self, headers: Mapping[str, str]) -> str:
        jar = http.cookies.SimpleCookie()
        try:
            jar.load(headers.get("cookie", ""))
        except http.cookies.CookieError:
            return ""
        return jar[self._cookie_name].value if self._cookie_name in jar else ""

    def _answer_headers(self, websocket: bool) -> dict[str, str]:
        if websocket:
            return {}
        headers = {
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            # The browser itself sees to it that the page asks no other host for anything.
            "Content-Security-Policy": _POLICY,
        }
        if self.token is not None:
            # The page opens its websocket without the query of its own address.
            headers["Set-Cookie"] = f"{self._cookie_name}={self.token}; Path=/; HttpOnly; SameSite=Strict"
        return headers


_POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "style-src 'self' 'unsafe-inline'; worker-src 'self' data: blob:; connect-src 'self' data: blob:; "
    "frame-ancestors 'none'; form-action 'none'; base-uri 'none'"
)


def new_token() -> str:
    """A token that cannot be guessed."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("")
    (True, True, False, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host_name(host: str) -> str:
    """Without the port.

    >>> _host_name("[::1]:8080"), _host_name("localhost:80")
    ('::1', 'localhost')
    """
    try:
        return urllib.parse.urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _same_site(headers: Mapping[str, str]) -> bool:
    """Whether a websocket comes from the page of this server; clients that are no browsers send no Origin."""
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host", "")
