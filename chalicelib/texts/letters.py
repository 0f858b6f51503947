"""A notice, in words: one letter, as text and as HTML, in the account's language and time zone.

It holds no card data, no link and no content of the account: only what happened, dates, counts and amounts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from chalicelib.domain import notices
from chalicelib.domain.notices import Ahead, Notice
from chalicelib.domain.policy import Policy, Text
from chalicelib.domain.words import title
from chalicelib.texts import moments, money, words
from chalicelib.texts.inert import inert


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads it: language, time zone, and whose customer they are."""

    locale: str
    time_zone: str
    policy: Policy

    @property
    def language(self) -> str:
        return "fr" if self.locale[:2].lower() == "fr" else "en"


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    paragraphs: tuple[str, ...]
    items: tuple[str, ...]
    """What follows, dated; listed between the first paragraphs and the signature."""
    items_title: str
    closing: tuple[str, ...]
    signature: tuple[str, ...]
    language: str

    @property
    def body(self) -> str:
        """What it says, without the signature: the text of an in-product notice."""
        listed = "\n".join(f"- {item}" for item in self.items)
        follows = [f"{self.items_title}\n{listed}"] if self.items else []
        parts = [*self.paragraphs, *follows, *self.closing]
        return "\n\n".join(parts)

    @property
    def text(self) -> str:
        return f"{self.body}\n\n-- \n" + "\n".join(self.signature) + "\n"

    @property
    def html(self) -> str:
        paragraphs, closing = _as_html(self.paragraphs), _as_html(self.closing)
        items = "".join(f"<li>{escape(item)}</li>\n" for item in self.items)
        listed = f"<p>{escape(self.items_title)}</p>\n<ul>\n{items}</ul>\n" if items else ""
        signature = "<br>\n".join(escape(line) for line in self.signature)
        return (
            f'<!doctype html>\n<html lang="{self.language}">\n<head><meta charset="utf-8">'
            f"<title>{escape(self.subject)}</title></head>\n"
            '<body style="font-family: sans-serif; line-height: 1.5; max-width: 40em">\n'
            f'<h1 style="font-size: 1.3em">{escape(self.subject)}</h1>\n{paragraphs}{listed}{closing}'
            f"<hr>\n<p>{signature}</p>\n</body>\n</html>\n"
        )


def _as_html(paragraphs: Sequence[str]) -> str:
    return "".join(f"<p>{escape(paragraph)}</p>\n" for paragraph in paragraphs)


def letter(notice: Notice, reader: Reader) -> Letter:
    known = words.OF_KIND[notice.kind]
    filled = _filled(notice, reader)
    opening = reader.policy.texts.get(f"mail_{notice.kind}") or known.opening
    said = [opening, *_also(notice)]
    return Letter(
        subject=inert(_say(known.subject, reader, filled)),
        paragraphs=tuple(_say(text, reader, filled) for text in said),
        items=tuple(_item(one, reader) for one in notice.ahead),
        items_title=_plain(words.WHAT_FOLLOWS, reader),
        closing=tuple(_say(text, reader, filled) for text in _closing(notice)),
        signature=tuple(_signature(reader)),
        language=reader.language,
    )


def _filled(notice: Notice, reader: Reader) -> dict[str, str]:
    return {
        "plan": _plan(notice, reader),
        "moment": _moment(notice.at, reader),
        "last_day": moments.last_day(notice.at, reader.time_zone, reader.language),
        "amount": money.amount(notice.amount, reader.language) if notice.amount else "",
        "count": str(notice.count or 0),
        "what": _plain(words.REMINDED_OF[notice.before], reader) if notice.before else "",
        "kept": _things(notice.kept, notice.kept_counts, reader),
        "gone": _things(notice.gone, notice.gone_counts, reader),
        "unsure": str(notice.unsure),
        "thing": inert(notice.thing or ""),
        "ends": _moment(notice.ends_at, reader) if notice.ends_at else "",
        "reason": inert(notice.reason or ""),
    }


def _also(notice: Notice) -> Iterator[Text]:
    """The sentences that depend on what the notice holds."""
    match notice.kind:
        case notices.CANCELLATION_CONFIRMED:
            yield words.LAST_DAY
            if notice.pays_number_fees:
                yield words.FEES_GO_ON
        case notices.ENDED:
            if notice.count and notice.amount:
                yield words.CREDITED
        case notices.PAYMENT_FAILED:
            if notice.amount is not None and notice.amount.amount > 0:
                yield words.AMOUNT_DUE
            yield words.ACCESS_PAUSED if notice.is_paused else words.ACCESS_UNTIL
        case (
            notices.MAINTENANCE
            | notices.MAINTENANCE_RECORDED
            | notices.MAINTENANCE_MOVED
            | notices.MAINTENANCE_WITHDRAWN
        ):
            yield from _work(notice)
        case notices.CAME_BACK:
            yield from _kept_and_gone(notice)
        case _:
            return


def _work(notice: Notice) -> Iterator[Text]:
    if notice.count:
        yield words.EXTENDED_BY_ONE if notice.count == 1 else words.EXTENDED
    is_changed = notice.kind in (notices.MAINTENANCE_MOVED, notices.MAINTENANCE_WITHDRAWN)
    if is_changed and notice.count is not None:
        yield words.STAYS_EXTENDED
    if notice.restored:
        yield words.RESTORED
    if notice.gone:
        yield words.GONE
    if notice.reason:
        yield words.BECAUSE


def _closing(notice: Notice) -> Iterator[Text]:
    if notice.kind == notices.CANCELLATION_CONFIRMED:
        yield words.CAN_RESUME


def _kept_and_gone(notice: Notice) -> Iterator[Text]:
    if notice.kept:
        yield words.KEPT
    if notice.gone:
        yield words.GONE
    if notices.REGISTRATIONS in notice.gone:
        yield words.REAPPLY
    if notice.unsure:
        yield words.ASKING_THE_CARRIER


def _things(things: tuple[str, ...], counts: Mapping[str, int], reader: Reader) -> str:
    named = ((_plain(words.THINGS[thing], reader), counts.get(thing)) for thing in things)
    return ", ".join(_numbered(what, count, reader) for what, count in named)


def _numbered(what: str, count: int | None, reader: Reader) -> str:
    return _say(words.NUMBERED, reader, {"what": what, "count": str(count)}) if count else what


def _item(one: Ahead, reader: Reader) -> str:
    what = _numbered(title(one.kind, reader.policy, reader.locale), one.count, reader)
    return f"{_moment(one.at, reader)}: {what}"


def _signature(reader: Reader) -> Iterator[str]:
    """The company's own name and support contact, at the end of every mail (OS-7)."""
    support = reader.policy.support
    yield reader.policy.title
    contact = [part for part in (support.email, support.phone) if part]
    hours = support.hours.in_language(reader.locale) if support.hours else None
    if contact:
        yield f"{_plain(words.QUESTIONS, reader)} {', '.join(contact)}" + (
            f" ({hours})" if hours else ""
        )
    yield _plain(words.AUTOMATIC, reader)


def _plan(notice: Notice, reader: Reader) -> str:
    known = reader.policy.plans.get(notice.plan or "")
    return inert(known.title if known else notice.plan or reader.policy.title)


def _moment(at: datetime, reader: Reader) -> str:
    return moments.moment(at, reader.time_zone, reader.language)


def _plain(text: Text, reader: Reader) -> str:
    return text.in_language(reader.locale)


def _say(text: Text, reader: Reader, filled: dict[str, str]) -> str:
    """Fills in by name, in one pass: what is filled in is never read for further names."""
    said = _plain(text, reader)
    parts = said.split("{")
    out = [parts[0]]
    for part in parts[1:]:
        name, closed, rest = part.partition("}")
        out.append(f"{filled[name]}{rest}" if closed and name in filled else f"{{{part}")
    return "".join(out)
