"""Mail to customers: each notice under its own key, with tries of its own, and given up when it is too old.

The words are made in the moment of sending, for the account as it is then; what they say was fixed when it happened.
"""

from __future__ import annotations

from chalicelib import log
from chalicelib.domain import capabilities, notices
from chalicelib.domain.account import Account
from chalicelib.domain.capabilities import OFF, SHADOW, SwitchedOff
from chalicelib.effects.effect import OutOfTime
from chalicelib.gateways.mail import MailRefused
from chalicelib.sharing import Reach
from chalicelib.store import accounts, outbox, shadows
from chalicelib.store.outbox import Unsent
from chalicelib.store.shadows import Noted
from chalicelib.store.table import Action, Key, StoreError
from chalicelib.sweeping import Outcome, Report, backoff, each_due
from chalicelib.texts.letters import Letter, Reader, letter
from chalicelib.wiring import World

MOST_TRIES = 16
"""Of one mail: nearly three days with the backoff. Then it is given up; the notice in the product stays."""


def send_unsent(
    world: World, out_of_time: OutOfTime = lambda: False, reach: Reach | None = None
) -> Report:
    """Mails that failed, or whose sender died."""
    return each_due(world, outbox.UNSENT, out_of_time, lambda due: _send_due(world, due.key), reach)


def _send_due(world: World, key: Key) -> Outcome:
    try:
        return send_isolated(world, key)
    except Exception as error:  # noqa: BLE001 - one bad row holds up nobody else; it stays due
        log.problem("mailing_failed", error, row=key.sk)
        return "to be tried again"


def send_isolated(world: World, key: Key) -> Outcome:
    """Sends a notice, or writes down when to try again. Raises the table's errors only."""
    unsent = outbox.load(world.table, key)
    if unsent is None or unsent.state != outbox.TO_SEND:
        return "called off"
    try:
        return _send(world, unsent)
    except SwitchedOff:
        return "switched off"
    except StoreError:
        # Perhaps it was sent. It stays claimed, and is settled when the claim has run out.
        raise
    except Exception as error:  # noqa: BLE001 - isolated: it is tried again, and the rest goes on
        return _not_sent(world, unsent, error)


def _send(world: World, unsent: Unsent) -> Outcome:
    now, notice = world.clock.now(), unsent.notice
    needed = capabilities.of_notice(notice.kind, notice.before)
    mode = world.gate.mode(needed)
    if mode == OFF:
        # It stays as it is: neither a try nor a failure.
        return "switched off"
    loaded = accounts.load(world.table, unsent.account_id)
    if loaded is None or world.mail is None or (notice.until is not None and now >= notice.until):
        return _finish(world, unsent, outbox.NOTED)
    to = _address(world, loaded.account, notice)
    if to is None:
        return _finish(world, unsent, outbox.NOTED)
    if mode == SHADOW:
        return _note_in_shadow(world, unsent, loaded.account, needed)
    words = in_words(world, loaded.account, notice)
    world.mail.send(
        key=unsent.key,
        to=to,
        subject=words.subject,
        text=words.text,
        html=words.html,
        account_id=unsent.account_id,
        at=now,
    )
    return _finish(world, unsent, outbox.SENT)


def _note_in_shadow(
    world: World, unsent: Unsent, account: Account, needed: tuple[str, ...]
) -> Outcome:
    """Recorded as it would have been sent, and never sent later: in weeks nobody wants to hear of it any more."""
    noted = Noted(
        what=f"mail:{unsent.fact_id}:{unsent.n}",
        due=unsent.said_at,
        at=world.clock.now(),
        capability=",".join(needed),
        policy=account.policy,
        would={"notice": unsent.notice.kind, "about": unsent.notice.at},
    )
    also = [shadows.put(account.id, noted, world.settings.due_shards)]
    outbox.finish(world.table, unsent, outbox.SHADOWED, also)
    log.event("notice_noted_in_shadow", kind=unsent.notice.kind, account=account.id)
    return "noted in shadow"


def _address(world: World, account: Account, notice: notices.Notice) -> str | None:
    """The account's; the receipt of a purge goes where the account could be reached just before."""
    if notice.kind == notices.DATA_PURGED:
        return outbox.receipt_address(world.table, account.id)
    return account.email


def in_words(world: World, account: Account, notice: notices.Notice) -> Letter:
    policy = world.policies.get(account.policy)
    return letter(notice, Reader(account.locale, account.time_zone, policy))


def _finish(world: World, unsent: Unsent, state: str) -> Outcome:
    also: list[Action] = []
    if unsent.notice.kind == notices.DATA_PURGED:
        also.append(outbox.forget_receipt(unsent.account_id))
    if unsent.notice.kind == notices.CANCELLATION_CONFIRMED and state == outbox.SENT:
        also.append(outbox.confirmation(unsent, world.clock.now()))
    outbox.finish(world.table, unsent, state, also)
    log.event("notice_done", kind=unsent.notice.kind, account=unsent.account_id, state=state)
    return "done"


def _not_sent(world: World, unsent: Unsent, error: Exception) -> Outcome:
    now, attempts = world.clock.now(), unsent.attempts + 1
    log.problem("mail_failed", error, account=unsent.account_id, attempts=attempts)
    if isinstance(error, MailRefused) or attempts >= MOST_TRIES:
        return _finish(world, unsent, outbox.GIVEN_UP)
    outbox.try_later(world.table, unsent, log.reason(error), now + backoff(attempts))
    return "to be tried again"
