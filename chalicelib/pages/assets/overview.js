// Everything the account has, in one column of cards. What there is nothing of is not shown.

import { said } from "./api.js";
import { facts, h, link, theirs } from "./dom.js";
import { drawing, entries, list } from "./timeline.js";

export function overview(page, data) {
  const { t } = page;
  const cards = [notices, plans, ahead, discover, wallet, numbers, registrations, gone, payment, invoices, cases, takeAlong];
  return h("main", { class: "membership" },
    h("header", { class: "head" },
      h("div", {}, h("p", { class: "eyebrow" }, data.title), h("h1", { tabindex: "-1" }, t("membership"))),
      h("button", { type: "button", class: "link", lang: t.language === "fr" ? "en" : "fr", onclick: () => page.setAttribute("locale", t.language === "fr" ? "en" : "fr") }, t("language"))),
    h("p", { class: "note" }, t("account"), " ", theirs(data.account_id), " · ", t("as_of", { when: said(data, "as_of") })),
    page.wayBack(),
    cards.map((card) => card(page, data, t)),
    supportCard(t, data.support));
}

function card(id, title, ...children) {
  return h("section", { class: "card", id, "aria-labelledby": `${id}-title` }, h("h2", { id: `${id}-title` }, title), children);
}

function button(label, work, properties = {}) {
  return h("button", { type: "button", class: "button", onclick: work, ...properties }, label);
}

function may(data, what) {
  return data.allowed[what].ok;
}

// -- plans

function plans(page, data, t) {
  const live = data.subscriptions.filter((one) => !["canceled", "incomplete"].includes(one.status));
  const over = data.subscriptions.filter((one) => one.status === "canceled");
  const canLeave = live.some((one) => one.status !== "pending_cancellation");
  return card("plans", t("plans"),
    live.length === 0 && h("p", {}, t(over.length ? "no_plan" : "no_plan_ever")),
    h("ul", { class: "rows" }, [...live, ...over].map((one) => plan(page, one, t))),
    canLeave && h("div", { class: "buttons" }, button(data.labels.cancel, () => page.startCancelling())));
}

function plan(page, one, t) {
  const leaving = one.status === "pending_cancellation";
  const charge = one.next_charge && t("charge_on", { amount: said(one.next_charge, "amount"), when: said(one.next_charge, "at") });
  return h("li", { class: "row", "data-subscription": one.id },
    h("div", { class: "row-head" }, h("h3", {}, theirs(one.title)), h("span", { class: `badge ${one.status}` }, t.word("status", one.status))),
    leaving && h("p", {}, t("wont_renew")),
    facts([
      [t("renews"), said(one, "renews_at")],
      [t("next_charge"), charge],
      [one.status === "canceled" ? t("ended") : t("last_day"), one.status === "canceled" ? said(one, "access_ends_at") : one.last_day],
      [t("contract_ends"), said(one, "contract_ends_at")],
      [t("extended"), one.extended_days > 0 ? t("extended_days", { count: one.extended_days }) : null],
    ]),
    seats(page, one, t),
    one.allowed.resume.ok && h("div", { class: "buttons" }, button(page.data.labels.resume, page.act(async () => {
      await page.api.delete(`/v1/subscriptions/${encodeURIComponent(one.id)}/cancellation`);
      await page.done(t("resumed"), "resumed");
    }))));
}

function seats(page, one, t) {
  if (one.seats.length === 0) return null;
  return h("div", {},
    h("h4", {}, `${t("seats")} (${one.seats.length})`),
    h("ul", { class: "lines" }, one.seats.map((seat) => h("li", {},
      h("span", {}, theirs(seat.user)),
      may(page.data, "manage") && button(t("unassign"), page.act(async () => {
        await page.api.delete(`/v1/subscriptions/${encodeURIComponent(one.id)}/seats/${encodeURIComponent(seat.user)}`);
        await page.done(t("saved"), "seat");
      }), { class: "button small", "aria-label": t("unassign_named", { what: seat.user }) })))));
}

// -- what lies ahead, and what was said

function ahead(page, data, t) {
  if (data.upcoming.length === 0) return null;
  const dated = entries(data.upcoming);
  return card("upcoming", t("upcoming"), drawing(dated, data.as_of, t), list(dated, t));
}

function notices(page, data, t) {
  const [newest, ...rest] = data.notices;
  if (newest === undefined) return null;
  const shown = (one) => h("details", {},
    h("summary", {}, h("span", { class: "note" }, said(one, "at")), " ", theirs(one.title)),
    h("p", { class: "letter" }, theirs(one.text)));
  return card("notices", t("notices"), [newest, ...rest.slice(0, 4)].map(shown));
}

// -- the wallet

function wallet(page, data, t) {
  const { balance, due, top_up: bounds } = data.wallet;
  if (!bounds && !due && balance.amount === 0) return null;
  return card("wallet", t("wallet"),
    h("p", { class: "figure" }, said(data.wallet, "balance")),
    h("p", { class: "note" }, t("wallet_note")),
    due && h("div", { id: "balance-due" },
      h("h3", {}, t("balance_due")),
      may(data, "manage") && h("div", { class: "buttons" },
        button(t("settle", { amount: said(data.wallet, "due") }), page.act(() => page.toCheckout({ purpose: "balance_due" }))))),
    bounds && may(data, "manage") && topUp(page, data, t));
}

function topUp(page, data, t) {
  const bounds = data.wallet.top_up;
  const { currency } = data.wallet.balance;
  const words = { least: said(bounds, "minimum"), most: said(bounds, "maximum") };
  const pay = (amount) => page.toCheckout({ purpose: "top_up", amount: { amount, currency } });
  const wrong = h("p", { class: "wrong", id: "top-up-wrong", role: "alert" });
  const field = h("input", { id: "top-up-amount", name: "amount", inputmode: "decimal", autocomplete: "off", "aria-describedby": "top-up-bounds top-up-wrong" });
  const submit = page.act(async () => {
    const amount = minorUnits(field.value, data.wallet.decimals);
    const good = amount !== null && amount >= bounds.minimum.amount && amount <= bounds.maximum.amount;
    field.toggleAttribute("aria-invalid", !good);
    wrong.textContent = good ? "" : t("top_up_wrong", { ...words, example: "25" });
    if (!good) return field.focus();
    return pay(amount);
  });
  return h("div", {},
    h("h3", {}, t("top_up")),
    h("div", { class: "buttons" }, bounds.suggested.map((one) => button(said(one, "amount"), page.act(() => pay(one.amount.amount))))),
    h("form", { class: "inline", novalidate: true, onsubmit: submit },
      h("label", { for: "top-up-amount" }, t("top_up_amount", { currency: currency.toUpperCase() })),
      field,
      h("button", { type: "submit", class: "button" }, t("top_up")),
      h("p", { class: "note", id: "top-up-bounds" }, t("top_up_bounds", words)),
      wrong));
}

/** What somebody typed, in minor units: digits are moved, nothing is multiplied. Null if it is no amount. */
export function minorUnits(text, decimals) {
  const found = /^([0-9]{1,12})(?:[.,]([0-9]*))?$/.exec(text.replace(/[\s\u00a0\u202f]/g, ""));
  if (found === null || (found[2] ?? "").length > decimals) return null;
  return Number(found[1] + (found[2] ?? "").padEnd(decimals, "0"));
}

// -- what it holds

function numbers(page, data, t) {
  if (data.numbers.length === 0) return null;
  return card("numbers", t("numbers"), h("ul", { class: "rows" }, data.numbers.map((one) => h("li", { class: "row" },
    h("div", { class: "row-head" }, h("h3", {}, theirs(one.number)), h("span", { class: "badge" }, t.word("number", one.status))),
    facts([[t("fee"), said(one, "monthly_fee")], [t("next_fee"), said(one, "next_fee_at")], [t("release"), said(one, "release_at")]]),
    may(data, "manage") && one.status === "active" && h("div", { class: "buttons" }, button(t("remove"), removing(page, one, t), { "aria-label": t("remove_named", { what: one.number }) }))))));
}

function removing(page, one, t) {
  return page.act(async () => {
    const sure = await page.ask({ title: t("remove_title"), text: [theirs(one.number), ". ", t("remove_text")], yes: t("remove"), no: t("keep_number") });
    if (!sure) return;
    await page.api.delete(`/v1/numbers/${encodeURIComponent(one.number)}`);
    await page.done(t("number_removed"), "number");
  });
}

function registrations(page, data, t) {
  if (data.registrations.length === 0) return null;
  return card("registrations", t("registrations"), h("ul", { class: "rows" }, data.registrations.map((one) => h("li", { class: "row" },
    h("div", { class: "row-head" }, h("h3", {}, t.word("registration", one.kind), " ", theirs(one.id)), h("span", { class: "badge" }, t.word("registration", one.status))),
    may(data, "manage") && ["pending", "active"].includes(one.status) && h("div", { class: "buttons" },
      button(t(one.status === "pending" ? "cancel_request" : "withdraw"), withdrawing(page, one, t)))))));
}

function withdrawing(page, one, t) {
  return page.act(async () => {
    const sure = await page.ask({ title: t("withdraw_title"), text: [theirs(one.id), ". ", t("withdraw_text")], yes: t("withdraw"), no: t("keep_registration") });
    if (!sure) return;
    await page.api.delete(`/v1/registrations/${encodeURIComponent(one.id)}`);
    await page.done(t("registration_done"), "registration");
  });
}

/** SC-7: what is gone stays gone, and whoever returns is told so. */
function gone(page, data, t) {
  const { numbers: released = [], registrations: lapsed = [] } = data.gone ?? {};
  if (released.length + lapsed.length === 0) return null;
  const line = (name, when) => h("li", {}, h("span", {}, theirs(name)), h("span", { class: "note" }, t("gone_on", { when })));
  return card("gone", t("gone"), h("p", {}, t("gone_text")), h("ul", { class: "lines" },
    released.map((one) => line(one.number, said(one, "released_at"))),
    lapsed.map((one) => line(one.id, said(one, "lapsed_at")))));
}

// -- paying

function payment(page, data, t) {
  const one = data.payment_method;
  const portal = data.subscriptions.length > 0 && data.subscriptions[0].allowed.portal.ok;
  if (!one && !portal && !data.billing_unavailable) return null;
  const month = one && String(one.exp_month).padStart(2, "0");
  return card("payment", t("payment"),
    data.billing_unavailable ? h("p", {}, t("billing_unavailable")) : !one && h("p", {}, t("no_card")),
    one && h("p", {}, t("card", { brand: capital(one.brand), last4: one.last4 }), h("span", { class: "note" }, ` · ${t("expires")} ${month}/${one.exp_year}`)),
    portal && h("div", { class: "buttons" },
      button(t("change_card"), page.act(() => page.toPortal({ flow: "payment_method_update" }))),
      button(t("portal"), page.act(() => page.toPortal()))));
}

function capital(word) {
  const text = String(word ?? "");
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function invoices(page, data, t) {
  if (data.invoices.length === 0) return null;
  return card("invoices", t("invoices"), h("ul", { class: "lines" }, data.invoices.map((one) => h("li", {},
    h("span", {}, said(one, "date"), h("span", { class: "note" }, " · ", theirs(one.number ?? one.id))),
    h("span", { class: "end" }, said(one, "amount"), " ", h("span", { class: "note" }, t.word("invoice", one.status)), " ",
      one.link && link(one.link, t("view"), { target: "_blank", "aria-label": t("view_named", { what: one.number ?? one.id }) }))))));
}

function cases(page, data, t) {
  const forms = [refund(page, data, t), appeal(page, data, t)].filter((one) => one !== null);
  if (data.cases.length + forms.length === 0) return null;
  return card("cases", t("cases"), data.cases.length > 0 && h("ul", { class: "rows" }, data.cases.map((one) => h("li", { class: "row" },
    h("div", { class: "row-head" }, h("h3", {}, t.word("case", one.kind)), h("span", { class: "badge" }, t.word("state", one.state))),
    facts([
      [t("received"), said(one, "received_at")],
      [t("missing"), one.missing?.length ? one.missing.map((field) => t.word("field", field)).join(", ") : null],
      [t("first_reply_due"), said(one, "first_reply_due")],
      [t("decision_due"), said(one, "decision_due")],
      [t("payable"), one.eligibility?.eligible ? said(one.eligibility, "payable") : null],
      [t("not_payable"), one.eligibility?.reasons.map((reason) => reason.title).join(" ")],
      [t("decision"), one.decision ? theirs(one.decision.reason) : null],
    ])))), forms);
}

/** M1-7: what a refund would be is worked out when it is asked for; a person decides. */
function refund(page, data, t) {
  const plans = data.subscriptions.filter((one) => one.status !== "incomplete");
  if (!data.allowed.refund.ok || plans.length === 0) return null;
  const plan = h("select", { id: "refund-plan" }, plans.map((one) => h("option", { value: one.id }, one.title)));
  const comment = h("textarea", { id: "refund-comment", rows: "3", maxlength: "5000" });
  return asking(page, t("ask_refund"), [label(plan, t("for_plan")), plan, label(comment, t("your_words")), comment], async () => {
    await page.api.post("/v1/refund-requests", { subscription_id: plan.value, ...(comment.value.trim() ? { comment: comment.value.trim() } : {}) });
    await page.done(t("case_sent"), "case");
  });
}

/** M1-9: payment, date, amount and description; what is missing is asked for, and only then the clock starts. */
function appeal(page, data, t) {
  if (!data.allowed.appeal.ok) return null;
  const { currency } = data.wallet.balance;
  const payment = h("input", { id: "appeal-payment", maxlength: "500", autocomplete: "off" });
  const date = h("input", { id: "appeal-date", type: "date" });
  const amount = h("input", { id: "appeal-amount", inputmode: "decimal", autocomplete: "off", "aria-describedby": "appeal-wrong" });
  const description = h("textarea", { id: "appeal-description", rows: "4", maxlength: "5000" });
  const wrong = h("p", { class: "wrong", id: "appeal-wrong", role: "alert" });
  const fields = [
    label(payment, t("appeal_payment")), payment, label(date, t("appeal_date")), date,
    label(amount, t("appeal_amount", { currency: currency.toUpperCase() })), amount, wrong,
    label(description, t("appeal_description")), description,
  ];
  return asking(page, t("ask_appeal"), fields, async () => {
    const minor = amount.value.trim() ? minorUnits(amount.value, data.wallet.decimals) : undefined;
    wrong.textContent = minor === null ? t("amount_wrong") : "";
    if (minor === null) return amount.focus();
    const stated = { payment: payment.value.trim(), date: date.value, description: description.value.trim() };
    const given = Object.fromEntries(Object.entries(stated).filter(([, text]) => text !== ""));
    await page.api.post("/v1/appeals", { ...given, ...(minor === undefined ? {} : { amount: { amount: minor, currency } }) });
    return page.done(t("case_sent"), "case");
  });
}

function asking(page, title, fields, send) {
  return h("details", {}, h("summary", {}, title),
    h("form", { class: "asking", novalidate: true, onsubmit: page.act(send) }, fields,
      h("button", { type: "submit", class: "button" }, page.t("send"))));
}

function label(field, text) {
  return h("label", { for: field.id }, text);
}

// -- taking along, coming back, asking

function takeAlong(page, data, t) {
  if (!may(data, "export")) return null;
  return card("data", t("data"),
    h("p", {}, t("export_text")),
    data.exports.map((one) => exported(page, one, t)),
    h("div", { class: "buttons" }, button(t("export"), page.act(async () => {
      await page.api.post("/v1/exports");
      await page.done(t("export_making"), "export");
    }))));
}

function exported(page, one, t) {
  if (one.state !== "ready") return h("p", { class: "note" }, t("export_making"));
  // The link is made anew for each click, and lives for minutes.
  return h("p", {}, h("button", { type: "button", class: "link", onclick: page.act(async () => {
    const { url } = await page.api.get(`/v1/exports/${encodeURIComponent(one.id)}`);
    if (page.tell("lapse-leave", { url })) location.assign(url);
  }) }, t("export_download")), h("span", { class: "note" }, ` · ${said(one, "asked_at")}`));
}

function discover(page, data, t) {
  if (data.discover.length === 0) return null;
  return card("discover", t("discover"), h("ul", { class: "rows" }, data.discover.map((one) => h("li", { class: "row" },
    h("h3", {}, theirs(one.title)),
    h("ul", { class: "plain prices" }, data.prices.filter((price) => price.plan === one.plan).map((price) => {
      const words = t(price.interval === "year" ? "per_year" : "per_month", { amount: said(price, "amount") });
      return h("li", {}, h("span", {}, words), may(data, "manage") && button(t("subscribe"),
        page.act(() => page.toCheckout({ purpose: "plan", price: price.price })), { "aria-label": t("subscribe_named", { what: one.title, price: words }) }));
    }))))));
}

export function supportCard(t, support) {
  const { email, phone, hours, how } = support;
  return card("support", t("support"),
    how && h("p", {}, how),
    !(email || phone || how) && h("p", {}, t("support_none")),
    facts([
      [t("support_email"), email && link(`mailto:${email}`, email)],
      [t("support_phone"), phone && link(`tel:${phone.replace(/[^+0-9]/g, "")}`, phone)],
      [t("support_hours"), hours],
    ]));
}
