// Finding an account, and what happened to it and what will: each with why. And its wallet's ledger.

import { save } from "./calendar.js";
import { h, facts, theirs } from "./dom.js";
import { accountLink, act, address, asked, badge, details, held, money, paged, part, reasoned, sentence, when, words } from "./console-parts.js";
import { because, stepRow } from "./console-steps.js";

// -- finding

export async function searchPage(desk) {
  const field = h("input", { id: "query", type: "search", value: desk.searched, maxlength: "254", autocomplete: "off", spellcheck: "false", "aria-describedby": "query-hint" });
  const found = h("section", { "aria-label": "Accounts found" }, await results(desk));
  const search = act(desk, async () => {
    desk.searched = field.value.trim();
    found.replaceChildren(await results(desk));
    const count = found.querySelectorAll(".row").length;
    desk.say(count === 0 ? "No account was found." : `${count} account${count === 1 ? "" : "s"} shown.`);
  });
  return [
    h("h1", {}, "Accounts"),
    h("form", { class: "search", role: "search", onsubmit: search },
      h("label", { for: "query" }, "Search"),
      field,
      h("button", { class: "button" }, "Search"),
      h("p", { class: "note", id: "query-hint" }, "The beginning of an account's id, or a whole Stripe id, e-mail address or phone number.")),
    found,
  ];
}

async function results(desk) {
  const query = desk.searched;
  const { element } = await paged(desk, {
    load: (cursor) => desk.api.get(`/v1/admin/accounts?${asked({ query, cursor })}`),
    row: accountRow,
    empty: query ? `No account was found for “${query}”.` : "There are no accounts yet.",
  });
  return element;
}

function accountRow(one) {
  return [
    h("div", { class: "row-head" }, h("h2", {}, accountLink(one.account_id)), badge(one.policy)),
    facts([["E-mail", one.email && theirs(one.email)], ["Stripe customer", one.stripe_customer_id && theirs(one.stripe_customer_id)]]),
    one.subscriptions.length === 0
      ? h("p", { class: "note" }, "It has no subscription.")
      : h("ul", { class: "tags" }, one.subscriptions.map((plan) => h("li", {}, theirs(plan.plan ?? plan.id), `: ${words(plan.status).toLowerCase()}`))),
  ];
}

// -- one account

export async function accountPage(desk, id) {
  const path = `/v1/admin/accounts/${encodeURIComponent(id)}`;
  const [shown, { data: certificates }] = await Promise.all([desk.api.get(`${path}/timeline`), desk.api.get(`${path}/purge-certificates`)]);
  const steps = (list) => list.map((one) => h("li", { class: "row" }, stepRow(desk, { ...one, account_id: id }, shown.as_of)));
  return [
    heading(id, "timeline"),
    h("p", { class: "note" }, `Policy ${shown.policy}. It is `, when(shown.as_of), " now."),
    legalHold(desk, id, shown.legal_hold),
    shown.failed.length > 0 && part("Failed", "", steps(shown.failed)),
    shown.held.length > 0 && part("On hold", "", steps(shown.held)),
    part("Ahead", "Nothing lies ahead of this account.", steps(shown.future)),
    numbers(desk, id, shown.numbers),
    purge(shown.purge),
    certificates.length > 0 && part("Purge certificates", "", certificates.map((one) => h("li", { class: "row" }, certificate(desk, one)))),
    part("Past", "Nothing has happened yet.", shown.past.toReversed().map((one) => h("li", { class: "row past" }, happened(id, one))),
      shown.past_left_off > 0 && `${shown.past_left_off} older entries are left off here; the export has them.`),
    shown.evidence.length > 0 && part("Consents on record", "", shown.evidence.map((one) => h("li", { class: "row past" }, consent(one)))),
  ];
}

function heading(id, current) {
  const tabs = [["timeline", "Timeline", address("accounts", id)], ["ledger", "Wallet", address("accounts", id, "ledger")]];
  return [
    h("h1", {}, theirs(id)),
    h("nav", { class: "tabs", "aria-label": "Account" }, tabs.map(([name, label, href]) => h("a", { href, "aria-current": name === current ? "page" : null }, label))),
  ];
}

function legalHold(desk, id, hold) {
  const path = `/v1/admin/accounts/${encodeURIComponent(id)}/legal-hold`;
  return h("section", { class: hold ? "card warning" : "card" },
    h("div", { class: "row-head" },
      h("h2", {}, "Legal hold"),
      hold
        ? reasoned(desk, { label: "Release the legal hold", of: "legal-hold", title: "Release the legal hold?", text: "What is to be purged is purged on its date again.", yes: "Release", work: (reason) => desk.api.ask("DELETE", path, { reason }), outcome: () => "The legal hold is released." })
        : reasoned(desk, { label: "Set a legal hold", of: "legal-hold", title: "Set a legal hold?", text: "Nothing of the account is purged until it is released.", yes: "Set", work: (reason) => desk.api.post(path, { reason }), outcome: () => "The account is on legal hold." })),
    hold ? held(hold) : h("p", { class: "note" }, "There is none: the account's data is purged when the policy says so."));
}

/** `step.number_fee` is a fee that was taken; `step.held` is what somebody did to a step. */
const CARRIED_OUT = /^step\.(?!held$|released$|retried$|waived$)/;

/** An entry of the history: what, who, and why. */
function happened(id, one) {
  const { why = {}, data = {} } = one;
  // The reason stands by itself; the notices were mailed, and are long.
  const { reason, case_id: caseId, notices: _, ...more } = data;
  return [
    h("div", { class: "row-head" }, h("h3", {}, words(one.what.replace(CARRIED_OUT, ""))), when(one.at)),
    h("p", { class: "note" }, "By ", theirs(one.by), " · ", h("span", { class: "fact" }, theirs(one.id))),
    (why.reason ?? reason) && h("p", {}, h("q", {}, theirs(why.reason ?? reason))),
    why.says && h("p", {}, sentence(why.says)),
    because(why),
    details(more),
    caseId && h("p", {}, h("a", { href: address("cases", id, caseId) }, "Open the case")),
  ];
}

function consent(one) {
  return [
    h("div", { class: "row-head" }, h("h3", {}, theirs(one.who)), when(one.at)),
    details({ roles: (one.roles ?? []).join(", "), channel: one.channel, subscription: one.subscription_id, evidence: one.id }),
  ];
}

/** Its numbers; and one that was released is had back here, while its carrier still gives it back. */
function numbers(desk, id, all) {
  if (all.length === 0) return null;
  return part("Phone numbers", "", all.map((one) => h("li", { class: "row" },
    h("div", { class: "row-head" }, h("h3", {}, theirs(one.number)), badge(words(one.status).toLowerCase(), one.status === "active" ? "good" : "")),
    h("p", { class: "note" }, "At ", theirs(one.provider), one.released_at && [" · released ", when(one.released_at)], one.recoverable_until && [" · can be had back until ", when(one.recoverable_until)]),
    one.status === "released" && one.recoverable_until && h("div", { class: "buttons" }, reasoned(desk, {
      label: "Have it back", about: one.number, of: one.number, title: `Have ${one.number} back?`, text: "It is rented from its carrier again, for a plan of this account that needs it. Its fees go on.",
      work: (reason) => desk.api.post(`/v1/admin/numbers/${encodeURIComponent(one.number)}/recovery`, { account_id: id, reason }),
      outcome: (now) => now.status === "active" ? `${one.number} is the account's again.` : `The carrier has not answered yet: it is asked for ${one.number} until it has.` })))));
}

/** What was deleted, and when. The file is what was sealed: its SHA-256 is of the rest of it. */
function certificate(desk, one) {
  const { sha256, deleted, newer, finished_at: finishedAt, began_at: beganAt, due_at: dueAt, approvals } = one;
  return [
    h("div", { class: "row-head" }, h("h3", {}, theirs(one.id)), when(finishedAt)),
    h("p", { class: "note" }, "Due ", when(dueAt), " · began ", when(beganAt)),
    Object.entries(deleted).map(([name, counts]) => h("div", {}, h("p", { class: "name" }, theirs(name)), details(counts) ?? h("p", { class: "note" }, "Nothing was there."))),
    Object.values(newer ?? {}).some(Boolean) && details({ newer }),
    approvals > 0 && h("p", { class: "note" }, `${approvals} people had agreed to it.`),
    h("p", { class: "note" }, "SHA-256 ", h("span", { class: "fact" }, sha256)),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "button small", onclick: () => save(JSON.stringify(one, null, 2), `${one.id}.json`, desk, "application/json") }, "Download the certificate")),
  ];
}

function purge(shown) {
  if (!shown || (!shown.began_at && !shown.purged_at && shown.purgers.length === 0)) return null;
  return part("Purge", "No purger has begun.", shown.purgers.map((one) => h("li", { class: "row" },
    h("div", { class: "row-head" }, h("h3", {}, theirs(one.name)), one.done_at ? badge("done", "good") : badge("not done", "wrong")),
    details({ ...one.deleted, done_at: one.done_at, attempts: one.attempts || null }),
    one.last_error && h("p", { class: "wrong" }, theirs(one.last_error)))));
}

// -- its wallet

export async function ledgerPage(desk, id) {
  const whose = { account_id: id };
  const [balance, entries] = await Promise.all([
    desk.api.get(`/v1/wallet?${asked(whose)}`),
    paged(desk, { load: (cursor) => desk.api.get(`/v1/wallet/entries?${asked({ ...whose, cursor })}`), row: entryRow, empty: "The wallet has no entries." }),
  ]);
  return [
    heading(id, "ledger"),
    h("section", { class: "card" },
      h("h2", {}, "Balance"),
      h("p", { class: "figure" }, money(balance.balance)),
      balance.balance_due?.amount > 0 && h("p", { class: "wrong" }, `${money(balance.balance_due)} are due.`),
      (balance.other_balances ?? []).map((one) => h("p", {}, money(one)))),
    h("section", { class: "card" }, h("h2", {}, "Entries, newest first"), entries.element),
  ];
}

function entryRow(one) {
  return [
    h("div", { class: "row-head" },
      h("h3", {}, words(one.kind)),
      h("span", { class: one.amount?.amount < 0 ? "amount out" : "amount" }, money(one.amount))),
    h("p", { class: "note" }, when(one.at), ` · entry ${one.id}`),
    details(one.note),
    h("details", {},
      h("summary", {}, "Both sides, and its cause"),
      h("ul", { class: "tags" }, one.lines.map((line) => h("li", {}, theirs(line.account), `: ${money(line.amount)}`))),
      details({ cause: one.cause, hash: one.hash })),
  ];
}
