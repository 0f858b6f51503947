"""The Smarter Contact year: from the first payment to the purge, with everything a customer may do on the way."""

from collections.abc import Iterator
from datetime import datetime

from infra.local.demo.customer import Customer
from infra.local.demo.promises import (
    access_ends,
    data_purged,
    goes_on,
    messages_credited,
    numbers_kept,
    numbers_released,
    registrations_lapse,
)
from infra.local.demo.stories import Story, days, on

SMS, VOICEMAIL, FEE = 3, 9, 150


def life(me: Customer) -> Iterator[datetime]:
    yield on("2027-10-29")
    messaging = me.subscribes(
        "smarter-contact:messaging:month", costs=9900, gives=("send_sms", "launch_campaigns")
    )
    # Bought in the very second of the subscription: no fee falls due on 29 February, the end itself.
    first = me.buys_number(
        "+14155550101", fee=FEE, fees_on=("2027-11-29", "2027-12-29", "2028-01-29")
    )
    brand = me.registers_for_10dlc("acme-brand")
    yield on("2027-10-31", "14:00")
    # The 31st of a short month is its last day. Removed on 20 January, so January's fee never comes.
    second = me.buys_number("+14155550102", fee=FEE, fees_on=("2027-11-30", "2027-12-31"))

    yield on("2027-11-10")
    end = me.cancels_in_portal(messaging, feedback="too_expensive")
    leaving = me.is_told(
        access_ends(end, messaging),
        messages_credited(end, messaging, 0, 0),
        numbers_released(end + days(14), [first, second]),
        registrations_lapse(end + days(30), [brand]),
        data_purged(end.replace(year=end.year + 1)),
    )
    yield on("2027-11-11", "18:20")
    me.resumes_in_portal(messaging, leaving)
    me.expects(goes_on(end, messaging), numbers_kept(end + days(14), [first, second]))

    yield on("2027-11-12")
    calling = me.subscribes(
        "smarter-contact:calling:month", costs=4900, gives=("dialer", "send_rvm")
    )
    yield on("2027-11-15", "11:00")
    third = me.buys_number(
        "+14155550103", fee=FEE, fees_on=("2027-12-15", "2028-01-15", "2028-02-15")
    )
    yield on("2027-12-20", "10:00")
    me.schedules(
        "rvm",
        VOICEMAIL,
        {"voicemail-1": on("2028-01-03"), "voicemail-2": on("2028-01-11"),
         "voicemail-3": on("2028-01-12"), "voicemail-4": on("2028-01-20")},
    )  # fmt: skip
    yield on("2028-01-03")
    me.is_sent("voicemail-1")
    yield on("2028-01-04", "16:05")
    me.deletes_message("voicemail-2", VOICEMAIL)

    yield on("2028-01-05", "16:10")
    shown = me.previews(calling)
    end = shown.access_ends_at
    # voicemail-3 is due in the very second of the end: credited, not sent. Messaging still needs the numbers.
    me.agrees(
        shown,
        access_ends(end, calling),
        messages_credited(end, calling, 2, 2 * VOICEMAIL),
        reason="not_using",
    )
    me.expects(goes_on(end, messaging), numbers_kept(end + days(14), [first, third]))
    yield end
    me.may_not_send("voicemail-3")

    yield on("2028-01-20", "08:00")
    me.removes_number(second)
    yield on("2028-01-28", "12:00")
    me.schedules(
        "sms",
        SMS,
        {"sms-1": on("2028-01-30"), "sms-2": on("2028-02-10"), "sms-3": on("2028-02-29"),
         "sms-4": on("2028-03-05"), "sms-5": on("2028-03-06")},
    )  # fmt: skip
    yield on("2028-01-30")
    me.is_sent("sms-1")
    yield on("2028-01-31", "17:45")
    me.deletes_message("sms-5", SMS)

    yield on("2028-02-01", "10:00")
    shown = me.previews(messaging)
    end = shown.access_ends_at
    me.agrees(
        shown,
        access_ends(end, messaging),
        messages_credited(end, messaging, 2, 2 * SMS),
        numbers_released(end + days(14), [first, third]),
        registrations_lapse(end + days(30), [brand]),
        # A year after 29 February is 1 March, never a day too early.
        data_purged(on("2029-03-01")),
        reason="switched",
    )
    yield on("2028-02-10")
    me.is_sent("sms-2")

    yield end
    me.may_not_send("sms-3")
    me.may_not_schedule("sms")
    me.may_not_resume(messaging)


STORY = Story(
    account="smarter",
    policy="smarter-contact",
    title="Smarter Contact: the whole year",
    tells="Two plans, three numbers, 10DLC, messages and voicemails. Cancelled in the portal and resumed, then "
    "both plans cancelled one after the other; numbers, registration and data follow on their days.",
    life=life,
)
