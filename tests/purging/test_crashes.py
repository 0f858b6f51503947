"""A purge and an export, broken at every call they make in every way a call can break; and what may happen meanwhile.

Whatever went wrong: in the end everything is gone (or the file is there), once, and every thing was counted once.
"""

import io
import json
import zipfile
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import exporting, tombstones, wiring
from chalicelib.domain import steps
from chalicelib.gateways.files import FilesUnavailable
from chalicelib.gateways.purgers import Page, PageByPage
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.store.table import StoreError
from chalicelib.sweeping import sweep
from tests.crashes.meanwhile import Meanwhile, every_moment
from tests.operators.desk import ACME, DAY, NUMBER, PURGE, Desk
from tests.purging.test_purge import certificates, everything
from tests.support.cases import disputed, settled, show
from tests.support.faults import Crash, FaultyTable, every_fault, faulty
from tests.support.life import Life

LATER = timedelta(hours=2)
ASKED = (
    "subscriptions_of", "every_invoice_of", "open_disputes_of", "dispute", "charge", "paid_by",
)  # fmt: skip


class Shelf:
    """Somebody else's store, deleted page by page, whose every deletion may go wrong."""

    name, policies = "shelf", ()

    def __init__(self, things):
        self.things = dict.fromkeys(things)

    def erase(self, wanted, progress):
        return PageByPage(self.pages, self.delete).erase(progress)

    def plan(self, wanted, most):
        return PageByPage(self.pages, self.delete).plan(most)

    def pages(self, after, through):
        left = [
            t
            for t in sorted(self.things)
            if (after is None or t > after) and (through is None or t <= through)
        ]
        for start in range(0, len(left), 2):
            some = left[start : start + 2]
            yield Page(some, {"things": len(some)}, some[-1])

    def delete(self, things):
        for thing in things:
            self.things.pop(thing, None)


def through(life, plan, shelf=None):
    """The same world, and every call to it may go wrong as planned."""
    files = faulty(
        life.files, plan, names=("write", "delete_prefix", "names"), reads=("names",),
        unavailable=lambda: FilesUnavailable("as planned"),
    )  # fmt: skip
    stripe = faulty(
        life.world.stripe, plan, names=ASKED, reads=ASKED,
        unavailable=lambda: StripeUnavailable("as planned"),
    )  # fmt: skip
    purgers = life.world.purgers
    if shelf is not None:

        class Faulty(Shelf):
            def __init__(self):
                self.things = shelf.things

            def delete(self, things):
                from chalicelib.gateways.purgers import PurgerUnavailable
                from tests.support.faults import FOR_WRITES, Call

                plan.perform(
                    Call("shelf", FOR_WRITES),
                    lambda: shelf.delete(things),
                    lambda: PurgerUnavailable("as planned"),
                )

        purgers = (*(p for p in purgers if p.name != "shelf"), Faulty())
    return replace(
        life.world,
        table=FaultyTable(life.world.table, plan),
        files=files,
        stripe=stripe,
        purgers=purgers,
    )


def due():
    """A year after its end, with something everywhere."""
    desk = Desk()
    life = desk.life
    life.schedule(ACME, ("m1", "sms", life.now + 90 * DAY, 1))
    desk.leave()
    life.saas.put({"account_id": ACME, "data": {"contacts": 3}})
    shelf = Shelf("abcde")
    life.world = replace(life.world, purgers=(life.saas, shelf))
    wiring.use(life.world)
    life.move(PURGE - DAY)
    life.files.write(exporting.documents_of(ACME) + "a.pdf", io.BytesIO(b"a"))
    life.sleep(PURGE)
    return desk, shelf


def is_over(desk, shelf, where):
    life = desk.life
    (one,) = certificates(life)
    assert one["deleted"]["saas"] == {"contacts": 3}, where
    assert one["deleted"]["shelf"] == {"things": 5}, where
    assert one["deleted"]["files"] == {"files": 1}, where
    assert one["deleted"]["lapse"]["message"] == one["deleted"]["lapse"]["number"] == 1, where
    assert shelf.things == {}, where
    assert life.saas.view()["data"] == {}, where
    assert list(life.files.names("accounts/")) == [], where
    (stone,) = tombstones.newest(life.files)
    assert stone.certificate_sha256 == one["sha256"], where
    assert not [
        row for row in everything(life) if row["sk"].startswith(("number#", "message#", "preview#"))
    ], where
    past = [p["what"] for p in desk.timeline()["past"]]
    assert (past.count("data.purge_begun"), past.count("step.data_purged")) == (1, 1), where
    assert len([m for m in life.mail("deleted") if "Reminder" not in m["subject"]]) == 1, where


def test_a_purge_broken_anywhere_is_finished_and_counts_each_thing_once():
    """SC-10: before and after every call, lost answers, throttles."""

    def clean(plan):
        desk, shelf = due()
        sweep(through(desk.life, plan, shelf), steps.DATA_PURGED)

    for plan in every_fault(clean):
        desk, shelf = due()
        with suppress(Crash, StoreError):
            sweep(through(desk.life, plan, shelf), steps.DATA_PURGED)
        assert plan.struck, plan
        desk.life.move(PURGE + LATER)

        is_over(desk, shelf, f"{plan} at {plan.calls[min(plan.faults)].name}")


def at_every_moment(happens):
    def alone(plan):
        desk, shelf = due()
        sweep(through(desk.life, plan, shelf), steps.DATA_PURGED)

    for moment in every_moment(alone):
        desk, shelf = due()
        plan = Meanwhile(moment, lambda desk=desk: happens(desk))
        sweep(through(desk.life, plan, shelf), steps.DATA_PURGED)
        assert plan.happened
        yield plan, desk, shelf


def test_a_second_run_at_any_moment_changes_nothing():
    for plan, desk, shelf in at_every_moment(
        lambda desk: sweep(desk.life.world, steps.DATA_PURGED)
    ):
        desk.life.move(PURGE + LATER)

        is_over(desk, shelf, plan)


def test_a_legal_hold_at_any_moment_holds_all_of_it_or_comes_too_late():
    """Held: nothing is deleted anywhere. Begun: the operator is told, and it finishes."""
    seen = set()

    def holds(desk):
        desk.held = desk.legal_hold("POST")

    for plan, desk, shelf in at_every_moment(holds):
        desk.life.move(PURGE + LATER)

        seen.add(desk.held.status)
        if desk.held.status == 409 or certificates(desk.life):
            is_over(desk, shelf, plan)
            continue
        assert len(shelf.things) == 5, plan
        assert desk.life.saas.view()["purges"] == [], plan
        assert [row for row in everything(desk.life) if row["sk"].startswith("number#")], plan
    assert seen == {200, 409}


def test_a_dispute_nobody_told_of_holds_a_purge_broken_anywhere_and_is_opened_once():
    """M1-12: before and after every call, lost answers, throttles: until the bank has spoken nothing is deleted."""

    def disputed_and_due():
        desk, shelf = due()
        desk.life.control("drop_webhooks")
        return desk, shelf, disputed(desk.life, subscription=desk.subscription)

    def clean(plan):
        desk, shelf, _ = disputed_and_due()
        sweep(through(desk.life, plan, shelf), steps.DATA_PURGED)
        assert {"Gated.open_disputes_of", "Gated.dispute"} <= {call.name for call in plan.calls}

    for plan in every_fault(clean):
        desk, shelf, dispute = disputed_and_due()
        with suppress(Crash, StoreError):
            sweep(through(desk.life, plan, shelf), steps.DATA_PURGED)
        assert plan.struck, plan
        where = f"{plan} at {plan.calls[min(plan.faults)].name}"
        desk.life.move(PURGE + LATER)

        assert not certificates(desk.life), where
        assert len(shelf.things) == 5, where
        assert show(desk.life, dispute)["state"] == "open", where
        assert len(desk.told("dispute.opened")) == 1, where
        settled(desk.life, dispute, "won")
        desk.life.control("resume_webhooks")
        desk.life.move(PURGE + 2 * DAY)
        is_over(desk, shelf, where)


def test_a_dispute_at_any_moment_holds_all_of_it_or_comes_too_late():
    """Opened at Stripe without a word: what is not held was begun before, and is finished."""
    outcomes = set()

    def opens(desk):
        desk.life.control("drop_webhooks")
        desk.dispute = disputed(desk.life, subscription=desk.subscription)

    for plan, desk, shelf in at_every_moment(opens):
        desk.life.move(PURGE + LATER)

        if certificates(desk.life):
            outcomes.add("too late")
            assert any(call.name == "Gated.open_disputes_of" for call in plan.calls[: plan.at]), (
                plan
            )
            is_over(desk, shelf, plan)
            # And so does whatever comes later still.
            break
        outcomes.add("held")
        assert show(desk.life, desk.dispute)["state"] == "open", plan
        assert len(shelf.things) == 5, plan
    assert outcomes == {"held", "too late"}


def test_who_returns_at_any_moment_keeps_everything_or_finds_it_empty_and_never_half():
    outcomes = set()

    def returns(desk):
        desk.back = desk.life.subscribe(ACME)

    for plan, desk, shelf in at_every_moment(returns):
        desk.life.move(PURGE + LATER)

        ids = [one["id"] for one in desk.life.membership(ACME)["subscriptions"]]
        assert desk.back in ids, plan
        assert desk.life.features(ACME)["send_sms"] is True, plan
        if certificates(desk.life):
            outcomes.add("empty")
            assert ids == [desk.back], plan
            assert shelf.things == {}, plan
            assert desk.life.saas.view()["data"] == {}, plan
        else:
            outcomes.add("kept")
            assert len(ids) == 2, plan
            assert len(shelf.things) == 5, plan
            assert desk.life.saas.view()["data"] == {ACME: {"contacts": 3}}, plan
    assert outcomes == {"kept", "empty"}


# -- exports


class FarAway:
    at_hand = False

    def __init__(self, files):
        self.files = files

    def __getattr__(self, name):
        return getattr(self.files, name)


def asked():
    life = Life()
    life.account(ACME)
    life.subscribe(ACME)
    life.number(ACME, NUMBER)
    life.schedule(ACME, *((f"m{n}", "sms", life.now + 90 * DAY, 1) for n in range(5)))
    life.world = replace(life.world, files=FarAway(life.files))
    wiring.use(life.world)
    made = life.customer(ACME, "POST", "/v1/exports")
    assert made.status == 202
    return life, made.body["id"]


def is_whole(life, export_id, where):
    wiring.use(life.world)
    shown = life.customer(ACME, "GET", f"/v1/exports/{export_id}")
    assert (shown.status, shown.body["progress"]) == (200, 100), where
    (name,) = life.files.names("accounts/")
    with zipfile.ZipFile(io.BytesIO(b"".join(life.files.read(name)))) as zip:
        assert zip.testzip() is None, where
        assert len(zip.namelist()) == len(set(zip.namelist())) == exporting.PARTS, where
        manifest = json.loads(zip.read("manifest.json"))
        counts = {part["name"]: part["rows"] for part in manifest["parts"]}
    assert (counts["scheduled_messages.csv"], counts["numbers.csv"], counts["ledger.csv"]) == (
        5,
        1,
        2,
    ), where
    assert len(life.events("export.completed")) == 1, where


def test_an_export_broken_anywhere_is_made_whole_and_once():
    """GT-6, OS-5: before and after every call, lost answers, throttles."""

    def clean(plan):
        life, _ = asked()
        sweep(through(life, plan), steps.EXPORT_MADE)

    for plan in every_fault(clean):
        life, export_id = asked()
        with suppress(Crash, StoreError):
            sweep(through(life, plan), steps.EXPORT_MADE)
        assert plan.struck, plan
        life.move(life.now + LATER)

        is_whole(life, export_id, f"{plan} at {plan.calls[min(plan.faults)].name}")


def test_a_run_that_has_no_more_time_leaves_no_half_file_and_says_how_far_it_was():
    life, export_id = asked()
    calls = iter([False] * 6)

    sweep(life.world, steps.EXPORT_MADE, lambda: next(calls, True))
    waiting = life.customer(ACME, "GET", f"/v1/exports/{export_id}")
    files = list(life.files.names(""))
    life.move(life.now + LATER)

    assert (waiting.status, waiting.body["state"], files) == (202, "making", [])
    assert 0 < waiting.body["progress"] < 100
    is_whole(life, export_id, "afterwards")


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "＝1",
        "＋1",
        "－1",
        "＠a",
        "|cmd",
        "%0a=1",
        ";=1",
    ],
)
def test_no_hostile_cell_is_a_formula(cell):
    """What a spreadsheet runs, it runs for what the cell begins with; also behind a space, or in full width."""
    from chalicelib.domain.exports import cell as written

    told = str(written(cell))

    assert not told.lstrip(" \t\r\n").startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")), told
