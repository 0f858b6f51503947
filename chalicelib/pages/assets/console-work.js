// Work on the systems: what is announced and who is told of it, and announcing, moving and withdrawing it. What follows is
// shown before it is done, since nothing that customers were told is ever taken back (M1-13).

import { h, confirmed, theirs } from "./dom.js";
import { act, address, asked, badge, paged, when, words } from "./console-parts.js";

const KINDS = ["scheduled", "emergency"];
const WINDOWS = "/v1/maintenance-windows";

export async function workPage(desk) {
  const list = await paged(desk, {
    load: (cursor) => desk.api.get(`${WINDOWS}?${asked({ cursor })}`),
    row: (one) => windowRow(desk, one),
    empty: "No work has been announced.",
  });
  return [
    h("h1", {}, "Maintenance"),
    h("p", { class: "note" }, "Access is extended by as many calendar days as the work touches, from its announcement on."),
    windowForm(desk, {
      title: "Announce work",
      label: "Announce",
      send: (body) => desk.api.post(WINDOWS, body),
      outcome: "The work is announced.",
    }),
    h("section", { class: "card", "aria-label": "Announced work" }, h("h2", {}, "Announced, newest first"), list.element),
  ];
}

export async function windowPage(desk, id) {
  const path = `${WINDOWS}/${encodeURIComponent(id)}`;
  const shown = await desk.api.get(path);
  return [
    h("h1", {}, "Work on ", when(shown.starts_at)),
    h("section", { class: "card" }, windowRow(desk, shown, { isAlone: true })),
    !shown.withdrawn && windowForm(desk, {
      title: "Change it",
      label: "Change",
      before: shown,
      send: (body) => desk.api.ask("PUT", path, body),
      outcome: "The work is changed.",
    }),
  ];
}

function windowRow(desk, one, { isAlone = false } = {}) {
  return [
    h("div", { class: "row-head" },
      h(isAlone ? "h2" : "h3", {}, words(one.kind), ": ", theirs(one.reason)),
      one.withdrawn ? badge("withdrawn") : badge(told(one), one.telling?.status === "complete" ? "good" : "final")),
    h("p", {}, when(one.starts_at), " to ", when(one.ends_at)),
    consequences(one),
    h("p", { class: "note" }, "Announced ", when(one.announced_at), " by ", theirs(one.announced_by), one.changed_at !== one.announced_at && [" · changed ", when(one.changed_at), " by ", theirs(one.changed_by)]),
    !one.withdrawn && h("div", { class: "buttons" },
      !isAlone && h("a", { class: "button small", href: address("maintenance", one.id) }, "Change"),
      h("button", { type: "button", class: "button small", "aria-label": `Withdraw: ${one.reason}`, "data-of": one.id, onclick: act(desk, () => withdraw(desk, one)) }, "Withdraw")),
  ];
}

function told({ telling }) {
  return telling ? `${telling.counts?.told ?? 0} told, ${words(telling.status).toLowerCase()}` : "nobody told yet";
}

/** The days it takes from each company's customers, and what is to be thought of. */
function consequences({ days, warnings }) {
  return [
    h("ul", { class: "tags" }, Object.entries(days).map(([policy, its]) => h("li", {}, theirs(policy), `: ${its.length} day${its.length === 1 ? "" : "s"} (${its.at(0)}${its.length > 1 ? ` to ${its.at(-1)}` : ""})`))),
    warnings.map((one) => h("p", { class: "wrong" }, one.detail)),
  ];
}

async function withdraw(desk, one) {
  const sure = await confirmed(desk, { title: "Withdraw this work?", text: "Whoever was told of it keeps the days. Nobody else hears of it.", yes: "Withdraw", no: "Back" });
  if (!sure) return;
  await desk.api.ask("PUT", `${WINDOWS}/${encodeURIComponent(one.id)}`, { withdrawn: true });
  await desk.done("The work is withdrawn.", one.id);
}

/** Two presses: the first one asks what would follow and shows it, the second one does exactly that. */
function windowForm(desk, { title, label, before = {}, send, outcome }) {
  const moment = (id, value) => h("input", { id, type: "datetime-local", required: true, value: value ? value.slice(0, 16) : null });
  const starts = moment("work-starts", before.starts_at);
  const ends = moment("work-ends", before.ends_at);
  const kind = h("select", { id: "work-kind" }, KINDS.map((name) => h("option", { value: name, selected: name === before.kind }, words(name))));
  const reason = h("textarea", { id: "work-reason", rows: "2", maxlength: "500", required: true });
  reason.value = before.reason ?? "";
  const policies = h("input", { id: "work-policies", autocomplete: "off", spellcheck: "false", "aria-describedby": "work-policies-hint", value: (before.policies ?? []).join(", ") });
  const look = h("button", { class: "button", disabled: !before.id }, "See what follows");
  const place = h("div", {});

  const body = () => ({
    starts_at: instant(starts.value), ends_at: instant(ends.value), kind: kind.value, reason: reason.value.trim(),
    ...(policies.value.trim() ? { policies: policies.value.split(",").map((name) => name.trim()).filter(Boolean) } : {}),
  });
  const see = act(desk, async () => {
    const wanted = body();
    const shown = await send({ ...wanted, preview: true });
    const carryOut = act(desk, async () => {
      await send(wanted);
      await desk.done(outcome);
    });
    place.replaceChildren(h("div", { class: "warning" },
      h("h3", { tabindex: "-1" }, "What follows"),
      consequences(shown),
      h("p", { class: "note" }, "What customers are told of is never taken back from them."),
      h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: carryOut }, label))));
    place.querySelector("h3").focus();
  });
  // What is shown is of what was written then.
  const changed = () => {
    place.replaceChildren();
    look.disabled = !(starts.value && ends.value && reason.value.trim());
  };
  return h("form", { class: "card asking", novalidate: true, onsubmit: see, oninput: changed },
    h("h2", {}, title),
    h("label", { for: "work-starts" }, "Begins (UTC)"), starts,
    h("label", { for: "work-ends" }, "Ends (UTC)"), ends,
    h("label", { for: "work-kind" }, "Kind"), kind,
    h("label", { for: "work-reason" }, "Reason, as customers read it"), reason,
    h("label", { for: "work-policies" }, "Whose customers"), policies,
    h("p", { class: "note", id: "work-policies-hint" }, "Names of policies, with commas between them. Left empty, it is all that promise an extension."),
    h("div", {}, look),
    place);
}

/** `2026-03-02T02:00` as it was typed, in UTC. */
function instant(typed) {
  return typed ? `${typed.length === 16 ? `${typed}:00` : typed}Z` : typed;
}
