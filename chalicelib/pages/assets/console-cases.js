// Cases: refund requests, appeals and disputes, with the clocks that run, what was said, and what an operator answers.

import { h, facts, theirs } from "./dom.js";
import { accountLink, act, address, asked, badge, decimals, details, money, paged, when, words } from "./console-parts.js";

const CLOCKS = { first_reply: "First reply due", decision: "Decision due", next_step: "Next step due", evidence: "Evidence due" };
const WRONG_AMOUNT = "Enter an amount such as 12.50.";

export async function casesPage(desk, state) {
  const { element } = await paged(desk, {
    load: (cursor) => desk.api.get(`/v1/admin/cases?${asked({ state, cursor })}`),
    row: caseRow,
    empty: state === "open" ? "No case is open." : "No case is closed yet.",
  });
  return [
    h("h1", {}, "Cases"),
    h("nav", { class: "tabs", "aria-label": "Cases" },
      h("a", { href: "#/cases", "aria-current": state === "open" ? "page" : null }, "Open"),
      h("a", { href: "#/cases/closed", "aria-current": state === "closed" ? "page" : null }, "Closed")),
    h("section", { class: "card", "aria-label": `Cases, ${state}` }, element),
  ];
}

function caseRow(one) {
  return [
    h("div", { class: "row-head" },
      h("h2", {}, h("a", { href: address("cases", one.account_id, one.id) }, words(one.kind), " of ", theirs(one.account_id))),
      badge(words(one.state).toLowerCase())),
    clocks(one),
    h("p", { class: "note" }, "Received ", when(one.received_at)),
  ];
}

function clocks(one) {
  const running = one.waiting_for ?? [];
  if (running.length > 0) return h("ul", { class: "clocks" }, running.map((clock) => h("li", { class: clock.overdue ? "wrong" : null },
    `${CLOCKS[clock.kind] ?? words(clock.kind)}: `, when(clock.due_at), clock.overdue && [" ", badge("overdue", "wrong")])));
  if (one.closed_at) return h("p", {}, "Closed ", when(one.closed_at));
  return h("p", {}, one.missing.length > 0 ? `No clock runs: the customer has yet to say ${one.missing.map((name) => words(name).toLowerCase()).join(", ")}.` : "No clock runs.");
}

export async function casePage(desk, accountId, id) {
  const path = `/v1/cases/${encodeURIComponent(id)}`;
  const query = `?${asked({ account_id: accountId })}`;
  const one = await desk.api.get(path + query);
  const isOpen = !one.closed_at;
  return [
    h("h1", {}, words(one.kind), " of ", theirs(accountId)),
    h("p", {}, accountLink(accountId), " · ", badge(words(one.state).toLowerCase())),
    h("section", { class: "card" }, h("h2", {}, "Clocks"), clocks(one), dates(one)),
    h("section", { class: "card" }, h("h2", {}, "What it is about"), about(one)),
    one.eligibility && h("section", { class: "card" }, h("h2", {}, "What the policy says"), eligibility(one.eligibility)),
    (one.decision || one.earlier_decisions?.length > 0) && h("section", { class: "card" }, h("h2", {}, "Decision"), [...(one.earlier_decisions ?? []), one.decision].filter(Boolean).map(decided)),
    h("section", { class: "card" }, h("h2", {}, "Replies"),
      one.replies.length === 0 ? h("p", { class: "note" }, "Nobody has replied yet.") : h("ol", { class: "rows" }, one.replies.map((reply) => h("li", { class: "row" }, said(reply))))),
    isOpen && replyForm(desk, path + query),
    isOpen && (one.kind === "dispute"
      ? h("p", { class: "note" }, "A dispute is the bank's to decide.")
      : decisionForm(desk, path + query, one)),
  ];
}

function dates(one) {
  return facts([["Received", when(one.received_at)], ["First reply given", when(one.first_reply_at)], ["First reply due", when(one.first_reply_due)], ["Decision due", when(one.decision_due)], ["Next step promised", when(one.next_step_at)]]);
}

function about(one) {
  const { dispute } = one;
  return [
    facts([["Subscription", one.subscription_id && theirs(one.subscription_id)], ["Ledger entry", one.ledger_entry && theirs(one.ledger_entry)], ["Payment", one.payment && theirs(one.payment)], ["Date", one.date && theirs(one.date)], ["Amount", money(one.amount)],
      ["Refund", one.refund && `${money(one.refund.amount)}, ${one.refund.status}`], ["Dispute", dispute && [theirs(dispute.id), `, ${money(dispute.amount)}, ${words(dispute.status).toLowerCase()}`]], ["Evidence due", when(dispute?.evidence_due)]]),
    one.comment && h("blockquote", {}, theirs(one.comment)),
    one.description && h("blockquote", {}, theirs(one.description)),
    one.reopened_because && h("p", {}, "Reopened ", when(one.reopened_at), ": ", theirs(one.reopened_because)),
  ];
}

function eligibility(found) {
  return [
    h("p", {}, found.eligible ? "It can be refunded." : "It cannot be refunded."),
    h("ul", {}, found.reasons.map((one) => h("li", {}, one.title))),
    facts([["Paid", money(found.paid)], ["Refunded before", money(found.already_refunded)], ...found.deductions.map((one) => [one.title, money(one.amount)]), ["Payable", money(found.payable)]]),
  ];
}

function decided(one) {
  return h("div", {},
    h("p", {}, h("strong", {}, one.approve ? "Approved" : "Refused"), one.amount && `: ${money(one.amount)}`, " · ", when(one.at), " · ", one.role === "policy" ? "by the policy" : ["by ", theirs(one.by)]),
    h("blockquote", {}, theirs(one.reason)));
}

function said(reply) {
  return [
    h("div", { class: "row-head" }, h("h3", {}, words(reply.role), " · ", theirs(reply.by)), when(reply.at)),
    reply.text && h("p", { class: "letter" }, theirs(reply.text)),
    reply.next_step_at && h("p", { class: "note" }, "Next step by ", when(reply.next_step_at)),
    details({ payment: reply.payment, date: reply.date, amount: money(reply.amount), description: reply.description }),
  ];
}

function replyForm(desk, path) {
  const text = h("textarea", { id: "reply", rows: "4", maxlength: "5000", required: true });
  const next = h("input", { id: "next-step", type: "date", "aria-describedby": "next-step-hint" });
  const send = h("button", { class: "button", disabled: true }, "Send reply");
  text.addEventListener("input", () => { send.disabled = text.value.trim() === ""; });
  const submit = act(desk, async () => {
    const interim = next.value ? { interim: true, next_step_at: `${next.value}T00:00:00Z` } : {};
    await desk.api.post(path.replace("?", "/replies?"), { text: text.value.trim(), ...interim });
    await desk.done("The reply is sent.");
  });
  return h("form", { class: "card asking", onsubmit: submit },
    h("h2", {}, "Reply"),
    h("label", { for: "reply" }, "What the customer is told"), text,
    h("label", { for: "next-step" }, "Next step (interim reply only)"), next,
    h("p", { class: "note", id: "next-step-hint" }, "With a date this is an interim reply, and promises the next step by the beginning of that day, UTC."),
    h("div", {}, send));
}

function decisionForm(desk, path, one) {
  const currency = (one.eligibility?.payable ?? one.amount)?.currency;
  const radio = (value, label) => h("label", { class: "choice" }, h("input", { type: "radio", name: "approve", value }), h("span", {}, label));
  const reason = h("textarea", { id: "decision-reason", rows: "4", maxlength: "5000", required: true });
  const amount = currency && h("input", { id: "decision-amount", inputmode: "decimal", autocomplete: "off", "aria-describedby": "decision-hint" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const send = h("button", { class: "button", disabled: true }, "Decide");
  const chosen = () => form.querySelector("input[name=approve]:checked")?.value;
  const submit = act(desk, async () => {
    const approve = chosen() === "yes";
    const typed = approve && amount ? amount.value.trim() : "";
    const minor = typed ? minorUnits(typed, currency) : null;
    wrong.textContent = typed && minor === null ? WRONG_AMOUNT : "";
    if (wrong.textContent) { amount.focus(); return; }
    await desk.api.post(path.replace("?", "/decision?"), { approve, reason: reason.value.trim(), ...(minor === null ? {} : { amount: { amount: minor, currency } }) });
    await desk.done(approve ? "The case is approved." : "The case is refused.");
  });
  const form = h("form", { class: "card asking", onsubmit: submit, oninput: () => { send.disabled = !chosen() || reason.value.trim() === ""; } },
    h("h2", {}, "Decide"),
    h("p", { class: "note" }, "A case is decided once. What is approved is paid."),
    h("fieldset", {}, h("legend", { class: "unseen" }, "Decision"), radio("yes", "Approve"), radio("no", "Refuse")),
    h("label", { for: "decision-reason" }, "Reason, as the customer reads it"), reason,
    amount && [h("label", { for: "decision-amount" }, `Amount in ${currency.toUpperCase()}, if approved`), amount, h("p", { class: "note", id: "decision-hint" }, one.kind === "appeal" ? "Left empty, nothing is credited." : "Left empty, it is all that is payable."), wrong],
    h("div", {}, send));
  return form;
}

/** `12.50` → 1250; null for what is no amount of this currency. */
function minorUnits(typed, currency) {
  const places = decimals(currency);
  const found = /^(\d{1,9})(?:[.,](\d+))?$/.exec(typed);
  if (!found || (found[2] ?? "").length > places) return null;
  return Number(found[1] + (found[2] ?? "").padEnd(places, "0"));
}
