"""Puts the local stack's strip (clock, account, role) above our pages. The pages themselves know nothing of it."""

from __future__ import annotations

from pathlib import Path

from infra.local.messages import Answer, Request

FILES = Path(__file__).parent / "bar"
KINDS = {"bar.js": "text/javascript; charset=utf-8", "bar.css": "text/css; charset=utf-8"}
PAGES = ("/membership", "/console")
TAGS = (
    b'    <link rel="stylesheet" href="/_bar/bar.css">\n'
    b'    <script type="module" src="/_bar/bar.js"></script>\n'
    b"  </head>"
)


def file(request: Request) -> Answer | None:
    """None when it is not about the strip."""
    folder, _, name = request.path.rpartition("/")
    if folder != "/_bar" or name not in KINDS or request.method not in ("GET", "HEAD"):
        return None
    headers = (("Content-Type", KINDS[name]), ("Cache-Control", "no-store"))
    return Answer(200, headers, (FILES / name).read_bytes())


def above(request: Request, answer: Answer) -> Answer:
    """The page with the strip; every other answer as it is."""
    is_page = request.path.rstrip("/") in PAGES and answer.status == 200
    if not is_page or not (answer.header("Content-Type") or "").startswith("text/html"):
        return answer
    return Answer(answer.status, answer.headers, answer.body.replace(b"  </head>", TAGS, 1))
