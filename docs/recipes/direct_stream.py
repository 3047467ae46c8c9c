"""A page that transcribes the microphone of a browser, and the server that gives it temporary keys.

Install ``pip install "soniox_ds[proxy]" starlette``, set SONIOX_API_KEY and run, in this folder,

    uvicorn direct_stream:application --port 8767

Then open http://localhost:8767 in a browser, or http://localhost:8767/?proxy to stream through the proxy.
"""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from soniox_ds import proxy

PAGE = Path(__file__).with_name("direct_stream.html").read_text(encoding="utf-8")


async def page(request: Request) -> Response:
    """Return the page."""
    return HTMLResponse(PAGE)


# Everybody who can reach this server streams at your expense. For a server on the internet, pass allow=, a function
# that looks at scope["headers"], for example at the cookie of your login.
application = Starlette(routes=[Route("/", page), Mount("/", proxy.app(max_session_s=600))])
