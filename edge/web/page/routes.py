"""What a browser asks for: the page, how it looks, and what renews it."""

from collections.abc import Callable
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request, Response

from edge.language import Speaker
from edge.web.page.picture import picture
from edge.web.page.wanted import wanted_language
from edge.web.said import Report

# Nothing from elsewhere, which a charger LAN doesn't have; no script but its own, whatever a station calls itself; no
# other page around it.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PARTS: Final = {"page.css": "text/css", "page.js": "text/javascript"}


def page_routes(status: Callable[[], Report]) -> APIRouter:
    """``/`` with what it needs, made from what ``status`` gives at each request."""
    routes = APIRouter(include_in_schema=False)

    @routes.head("/")
    @routes.get("/")
    async def read_page(request: Request) -> Response:
        """The site as the last completed tick saw it, for people, in the language that their browser asks for."""
        says = Speaker(wanted_language(request.headers.get("accept-language", "")))
        answer = _answer(picture(says, status()), "text/html")
        answer.headers.update({"content-language": says.language, "vary": "accept-language"})
        return answer

    for name, kind in _PARTS.items():
        _add_part(routes, name, kind)
    return routes


def _add_part(routes: APIRouter, name: str, kind: str) -> None:
    content = files("edge.web.page").joinpath(name).read_text(encoding="utf-8")

    @routes.get(f"/{name}")
    async def read_part() -> Response:
        return _answer(content, kind)


def _answer(content: str, kind: str) -> Response:
    return Response(
        content,
        media_type=kind,
        headers={
            "cache-control": "no-store",
            "content-security-policy": _POLICY,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
        },
    )
