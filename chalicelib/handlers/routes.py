"""Every route of the API in one table: who may call it, whose account it is about, what it takes."""

from __future__ import annotations

from chalicelib.domain.capabilities import CANCEL, LAPSE, RELEASE
from chalicelib.gateways.tokens import ACCOUNT_ROLES
from chalicelib.handlers import (
    activity,
    admin,
    admin_accounts,
    admin_numbers,
    admin_schedule,
    admin_steps,
    admin_switches,
    assisted,
    cancellations,
    cases,
    cursors,
    exports,
    holdings,
    links,
    maintenance,
    membership,
    messages,
    purges,
    seats,
    shapes,
    wallet,
)
from chalicelib.handlers.asking import (
    ADMINS,
    ANYBODY,
    EXPORTERS,
    NOT_MEMBER,
    OPERATOR,
    SERVICE,
    SUPPORT,
    may_ask_to_cancel,
    may_cancel,
    message,
    number,
    reason,
    registration,
    subscription,
)
from chalicelib.handlers.call import Route

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET", path="/v1/membership", act=membership.membership, roles=ACCOUNT_ROLES,
        summary="The whole membership page in one answer.",
    ),
    Route(
        method="GET", path="/v1/entitlements", act=membership.entitlements,
        roles=ANYBODY, whose="query",
        summary="What the account may use at this instant, judged by the clock.",
    ),
    Route(
        method="POST", path="/v1/portal-sessions", act=links.portal_session,
        body=shapes.PortalSession, find=links.find_subscription,
        check=links.check_portal, roles=ADMINS, success=201,
        summary="A link to Stripe's customer portal.",
    ),
    Route(
        method="POST", path="/v1/checkout-sessions", act=links.checkout_session,
        body=shapes.CheckoutSession, check=links.check_checkout, roles=ADMINS, success=201,
        summary="A Checkout link for a plan.",
    ),
    Route(
        method="POST", path="/v1/subscriptions/{id}/cancellation-previews",
        act=cancellations.preview, find=subscription, roles=NOT_MEMBER, success=201,
        summary="What cancelling will lead to, dated and priced.",
    ),
    Route(
        method="POST", path="/v1/subscriptions/{id}/cancellation", act=cancellations.cancel,
        body=shapes.Cancellation, find=cancellations.find_preview,
        roles=may_ask_to_cancel,
        repeated=cancellations.repeated,
        needs=CANCEL,
        summary="Turns renewal off, as previewed and consented to.",
    ),
    Route(
        method="DELETE", path="/v1/subscriptions/{id}/cancellation", act=cancellations.resume,
        find=subscription, roles=may_cancel,
        needs=CANCEL,
        summary="Resumes: undoes a scheduled cancellation, up to the last second.",
    ),
    Route(
        method="POST", path="/v1/subscriptions/{id}/assisted-cancellation-previews",
        act=assisted.preview, body=shapes.Identity, whose="none", roles=SUPPORT, success=201,
        summary="By phone: what cancelling will lead to, once the caller is identified.",
    ),
    Route(
        method="POST", path="/v1/subscriptions/{id}/assisted-cancellation", act=assisted.cancel,
        body=shapes.AssistedCancellation, whose="none", roles=SUPPORT,
        needs=CANCEL,
        summary="By phone: turns renewal off, as previewed and consented to.",
    ),
    Route(
        method="PUT", path="/v1/subscriptions/{id}/seats/{user}", act=seats.assign,
        find=subscription, whose="query", roles=ADMINS | SERVICE,
        summary="Assigns a seat to a user.",
    ),
    Route(
        method="DELETE", path="/v1/subscriptions/{id}/seats/{user}", act=seats.unassign,
        find=subscription, whose="query", roles=ADMINS | SERVICE,
        summary="Takes a seat back.",
    ),
    Route(
        method="PUT", path="/v1/numbers/{e164}", act=holdings.put_number,
        body=shapes.NumberShape, whose="body", roles=SERVICE,
        summary="A phone number the account has bought.",
    ),
    Route(
        method="DELETE", path="/v1/numbers/{e164}", act=holdings.delete_number,
        whose="number", find=number, roles=ADMINS | SERVICE,
        needs=RELEASE,
        summary="Removes a number: it is released at its carrier and costs nothing more.",
    ),
    Route(
        method="PUT", path="/v1/registrations/{id}", act=holdings.put_registration,
        body=shapes.RegistrationShape, whose="body", roles=SERVICE,
        summary="A 10DLC or sign-up registration.",
    ),
    Route(
        method="DELETE", path="/v1/registrations/{id}", act=holdings.delete_registration,
        whose="query", find=registration, roles=ADMINS | SERVICE,
        needs=LAPSE,
        summary="Declines a pending registration, or withdraws an active one.",
    ),
    Route(
        method="POST", path="/v1/scheduled-messages", act=messages.register,
        body=shapes.MessagesShape, whose="body", find=messages.find_subscriptions,
        check=messages.check, roles=SERVICE,
        summary="Schedules up to 100 messages and debits their prices from the wallet.",
    ),
    Route(
        method="POST", path="/v1/scheduled-messages/{id}/sent", act=messages.sent,
        whose="query", find=message, roles=SERVICE,
        summary="The message is sent: it will never be credited.",
    ),
    Route(
        method="DELETE", path="/v1/scheduled-messages/{id}", act=messages.delete,
        whose="query", find=message, roles=SERVICE,
        summary="The message is withdrawn and its price given back.",
    ),
    Route(
        method="POST", path="/v1/activity", act=activity.report,
        body=shapes.ActivityShape, whose="body", check=activity.check, roles=SERVICE,
        summary="The customer did something: what is used is not refunded.",
    ),
    Route(
        method="POST", path="/v1/usage-charges", act=activity.charge,
        body=shapes.UsageChargeShape, whose="body", check=activity.check_charge, roles=SERVICE,
        summary="Debits usage, such as conversation fees, from the wallet.",
    ),
    Route(
        method="GET", path="/v1/wallet", act=wallet.balance,
        whose="query", roles=NOT_MEMBER | SERVICE | OPERATOR,
        summary="The wallet's balance.",
    ),
    Route(
        method="GET", path="/v1/wallet/entries", act=wallet.entries,
        whose="query", lists=True, check=wallet.cursor,
        roles=NOT_MEMBER | SERVICE | OPERATOR,
        summary="The wallet's entries, newest first.",
    ),
    Route(
        method="POST", path="/v1/refund-requests", act=cases.ask_refund,
        body=shapes.RefundRequest, find=cases.find_claim, check=cases.check_claim,
        roles=ADMINS, success=201,
        summary="Asks for a refund of a subscription, or of a top-up: a person decides.",
    ),
    Route(
        method="POST", path="/v1/appeals", act=cases.appeal,
        body=shapes.Appeal, roles=ADMINS, success=201,
        summary="Appeals against a charge, a refusal or a suspension.",
    ),
    Route(
        method="GET", path="/v1/cases/{id}", act=cases.show,
        whose="case", find=cases.find, roles=ADMINS | OPERATOR,
        summary="A case: its deadlines, replies and decision.",
    ),
    Route(
        method="POST", path="/v1/cases/{id}/replies", act=cases.reply,
        body=shapes.CaseReply, whose="case", find=cases.find, check=cases.check_reply,
        roles=ADMINS | OPERATOR, success=201,
        summary="Replies on a case; a customer completes it that way.",
    ),
    Route(
        method="POST", path="/v1/cases/{id}/decision", act=cases.decide,
        body=shapes.CaseDecision, whose="case", find=cases.find, check=cases.check_decision,
        roles=OPERATOR,
        summary="Decides a case, once; what is approved is paid.",
    ),
    Route(
        method="POST", path="/v1/exports", act=exports.ask,
        roles=EXPORTERS, success=202,
        summary="Asks for everything the account has, as a zip.",
    ),
    Route(
        method="GET", path="/v1/exports/{id}", act=exports.show,
        find=exports.find, roles=EXPORTERS,
        summary="An export: being made (202), or with a short-lived link to it.",
    ),
    Route(
        method="POST", path="/v1/maintenance-windows", act=maintenance.announce,
        body=shapes.MaintenanceShape, whose="none", check=maintenance.check_announced,
        roles=OPERATOR, success=201, looks=200,
        summary="Announces work on the systems: it extends access from now on, and everybody is told.",
    ),
    Route(
        method="PUT", path="/v1/maintenance-windows/{id}", act=maintenance.change,
        body=shapes.MaintenanceChangeShape, whose="none", find=maintenance.find,
        check=maintenance.check_changed, roles=OPERATOR,
        summary="Moves or withdraws announced work. What was promised for it stays.",
    ),
    Route(
        method="GET", path="/v1/maintenance-windows", act=maintenance.listed,
        whose="none", lists=True, check=maintenance.check_list, roles=OPERATOR,
        summary="All announced work, the last announced first.",
    ),
    Route(
        method="GET", path="/v1/maintenance-windows/{id}", act=maintenance.show,
        whose="none", find=maintenance.find, roles=OPERATOR,
        summary="Announced work: the days it takes, and how far everybody is told.",
    ),
    Route(
        method="GET", path="/v1/admin/cases", act=cases.listed,
        whose="none", lists=True, check=cases.check_list, roles=OPERATOR,
        summary="Every account's cases, the next deadline first.",
    ),
    Route(
        method="PUT", path="/v1/admin/accounts/{id}", act=admin.put_account,
        body=shapes.AccountShape, whose="none", find=admin.find_account,
        roles=OPERATOR | SERVICE,
        summary="Creates or updates an account; its parked events are applied at once.",
    ),
    Route(
        method="GET", path="/v1/admin/accounts", act=admin_accounts.search,
        whose="none", lists=True, check=admin_accounts.check_search, roles=OPERATOR,
        summary="Finds accounts by id, Stripe customer, subscription, e-mail or phone number.",
    ),
    Route(
        method="POST", path="/v1/admin/accounts/{id}/legal-hold", act=admin_steps.set_legal_hold,
        body=shapes.Reasoned, whose="path", check=reason, roles=OPERATOR,
        summary="Nothing of the account is purged before this is released.",
    ),
    Route(
        method="DELETE", path="/v1/admin/accounts/{id}/legal-hold",
        act=admin_steps.release_legal_hold,
        body=shapes.Reasoned, whose="path", check=reason, roles=OPERATOR,
        summary="Releases the legal hold: the purge is due as before.",
    ),
    Route(
        method="POST", path="/v1/admin/accounts/{id}/purge-approval", act=purges.approve,
        body=shapes.Reasoned, whose="path", check=reason, roles=OPERATOR,
        summary="Proposes the purge that lies ahead, or approves what somebody else proposed.",
    ),
    Route(
        method="GET", path="/v1/admin/accounts/{id}/purge-certificates", act=purges.certificates,
        whose="path", roles=OPERATOR,
        summary="The certificates of the account's purges: what was deleted, and when.",
    ),
    Route(
        method="POST", path="/v1/admin/steps/{key}/hold", act=admin_steps.hold,
        body=shapes.Reasoned, whose="none", find=admin_steps.find_step, check=reason,
        roles=OPERATOR,
        summary="Puts a step on hold, until it is retried.",
    ),
    Route(
        method="POST", path="/v1/admin/steps/{key}/retry", act=admin_steps.retry,
        body=shapes.Reasoned, whose="none", find=admin_steps.find_step, check=reason,
        roles=OPERATOR,
        summary="Tries a step again at once, or releases it from its hold.",
    ),
    Route(
        method="POST", path="/v1/admin/steps/{key}/waive", act=admin_steps.waive,
        body=shapes.Reasoned, whose="none", find=admin_steps.find_step, check=reason,
        roles=OPERATOR,
        summary="Takes a step as done without carrying it out.",
    ),
    Route(
        method="POST", path="/v1/admin/numbers/{e164}/recovery", act=admin_numbers.recover,
        body=shapes.Recovery, whose="body", find=admin_numbers.find, check=reason,
        roles=OPERATOR,
        needs=RELEASE,
        summary="Gets a released number back for its account, while the carrier still allows it.",
    ),
    Route(
        method="GET", path="/v1/admin/kill-switch", act=admin_switches.show, whose="none",
        roles=OPERATOR,
        summary="How the kill switch and every capability stand, and who turned it.",
    ),
    Route(
        method="POST", path="/v1/admin/kill-switch", act=admin_switches.stop,
        body=shapes.Reasoned, whose="none", check=reason, roles=OPERATOR,
        summary="Stops everything that leaves: Stripe, carriers, mail, events, deletions.",
    ),
    Route(
        method="DELETE", path="/v1/admin/kill-switch", act=admin_switches.go_on,
        body=shapes.Reasoned, whose="none", check=reason, roles=OPERATOR,
        summary="Lets everything go on: what fell due meanwhile is done as if late.",
    ),
    Route(
        method="GET", path="/v1/admin/deadlines", act=admin_schedule.deadlines,
        whose="none", lists=True, check=admin_schedule.check_deadlines, roles=OPERATOR,
        summary="What is due next, of all accounts, soonest first.",
    ),
    Route(
        method="GET", path="/v1/admin/jobs", act=admin_schedule.jobs, whose="none", roles=OPERATOR,
        summary="The scheduled jobs, and what waits for each.",
    ),
    Route(
        method="GET", path="/v1/admin/jobs/{id}", act=admin_schedule.job, whose="none",
        find=admin_schedule.find_job, roles=OPERATOR,
        summary="One scheduled job, and the first of what waits for it.",
    ),
    Route(
        method="GET", path="/v1/admin/accounts/{id}/timeline", act=admin_accounts.timeline,
        whose="path", roles=OPERATOR,
        summary="What happened to the account, and what will.",
    ),
    Route(
        method="GET", path="/v1/admin/parked-events", act=admin.parked_events,
        whose="none", lists=True, check=cursors.given_place, roles=OPERATOR,
        summary="Stripe events that wait to be applied.",
    ),
    Route(
        method="POST", path="/v1/admin/parked-events/{id}/replay", act=admin.replay_parked,
        body=shapes.Reasoned, whose="none", check=reason, roles=OPERATOR,
        summary="Tries a parked event again, now.",
    ),
)  # fmt: skip
