"""What the two hosted pages share: plain HTML, forms and no script."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; background: #f6f8fa; color: #1a1f36 }
main { max-width: 34rem; margin: 3rem auto; padding: 2rem; background: #fff;
  border: 1px solid #d8dee4; border-radius: 8px }
h1 { font-size: 1.4rem; margin-top: 0 } h2 { font-size: 1.1rem; margin-top: 2rem }
button { font: inherit; padding: .5rem 1rem; border-radius: 6px; border: 1px solid #635bff;
  background: #635bff; color: #fff; cursor: pointer; margin: .25rem .5rem .25rem 0 }
button.plain { background: #fff; color: #3c4257; border-color: #c1c9d2 }
label { display: block; margin: .75rem 0 } input, select, textarea { font: inherit; width: 100%;
  box-sizing: border-box; padding: .4rem; border: 1px solid #8792a2; border-radius: 6px }
[role=alert] { background: #fde8e8; border: 1px solid #c53030; padding: .75rem; border-radius: 6px }
table { width: 100%; border-collapse: collapse } td, th { text-align: left; padding: .3rem 0 }
.note { color: #4f566b; font-size: .875rem }
"""


@dataclass(frozen=True)
class Page:
    """A page or, with `location`, a redirect."""

    status: int
    html: str = ""
    location: str | None = None


def page(title: str, body: str, *, alert: str | None = None, status: int = 200) -> Page:
    warning = f'<p role="alert">{escape(alert)}</p>' if alert else ""
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{escape(title)}</h1>{warning}{body}"
        '<p class="note">Stripe emulator of the local stack. No real money moves.</p>'
        "</main></body></html>"
    )
    return Page(status, html)


def redirect(location: str) -> Page:
    return Page(303, location=location)


def button(name: str, value: str, label: str, *, plain: bool = False) -> str:
    look = ' class="plain"' if plain else ""
    return f'<button name="{name}" value="{escape(value)}"{look}>{escape(label)}</button>'


def money(amount: int, currency: str) -> str:
    return f"{amount // 100:,}.{amount % 100:02d} {currency.upper()}"


def day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%-d %B %Y")
