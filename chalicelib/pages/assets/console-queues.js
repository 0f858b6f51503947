// What waits, over all accounts: deadlines, Stripe events that could not be applied yet, and the jobs' backlogs. And the
// switches that make everything wait.

import { calendar, save } from "./calendar.js";
import { h, theirs } from "./dom.js";
import { accountLink, act, address, asked, badge, details, paged, part, reasoned, when, words } from "./console-parts.js";
import { stepRow } from "./console-steps.js";

const MOST_IN_CALENDAR = 1000;
const OF_CASES = { first_reply: "First reply to a case", decision: "Decision of a case", next_step: "Next step of a case", evidence: "Evidence for a dispute" };

// -- deadlines

export async function deadlinesPage(desk) {
  const list = await paged(desk, {
    load: (cursor) => desk.api.get(`/v1/admin/deadlines?${asked({ cursor })}`),
    row: (one) => deadlineRow(desk, one),
    empty: "Nothing is due, of any account.",
  });
  return [
    h("div", { class: "row-head" },
      h("h1", {}, "Deadlines"),
      list.all.length > 0 && h("button", { type: "button", class: "button small", onclick: act(desk, () => download(desk, list)) }, "Download as calendar (.ics)")),
    h("p", { class: "note" }, "What is due next, of all accounts, soonest first. What is on hold is not listed: it has no date."),
    h("section", { class: "card", "aria-label": "Deadlines" }, list.element),
  ];
}

function deadlineRow(desk, one) {
  const account = [accountLink(one.account_id), ": "];
  if (!one.case_id) return stepRow(desk, one, null, account);
  return [
    h("div", { class: "row-head" }, h("h3", {}, account, titleOf(one)), when(one.due_at)),
    h("div", { class: "why" }, one.overdue && badge("overdue", "wrong"), badge(words(one.case_kind).toLowerCase())),
    h("p", {}, h("a", { href: address("cases", one.account_id, one.case_id) }, "Open the case")),
  ];
}

function titleOf(one) {
  return one.title ?? OF_CASES[one.kind] ?? words(one.kind);
}

/** All of them, not only those that are shown. */
async function download(desk, list) {
  const all = [...list.all];
  let cursor = list.following();
  while (cursor && all.length < MOST_IN_CALENDAR) {
    const page = await list.load(cursor);
    all.push(...page.data);
    cursor = page.next_cursor;
  }
  const entries = all.map((one) => ({ at: one.due_at, kind: "deadline", title: `${titleOf(one)} ${one.subject ?? ""}`.trim() + `, ${one.account_id}`, uid: one.key ?? `${one.case_id}-${one.kind}` }));
  const asOf = `${new Date().toISOString().slice(0, 19)}Z`;
  save(calendar(entries, { asOf, company: "Lapse", id: "deadlines" }), "lapse-deadlines.ics", desk);
  desk.say(cursor ? `The first ${all.length} deadlines are in the calendar file; there are more.` : `${all.length} deadline${all.length === 1 ? " is" : "s are"} in the calendar file.`);
}

// -- parked events

export async function parkedPage(desk) {
  const list = await paged(desk, {
    load: (cursor) => desk.api.get(`/v1/admin/parked-events?${asked({ cursor })}`),
    row: (one) => parkedRow(desk, one),
    empty: "No event waits.",
  });
  return [
    h("h1", {}, "Parked events"),
    h("p", { class: "note" }, "Stripe events that wait to be applied. Each is tried again by itself; replaying tries it at once."),
    h("section", { class: "card", "aria-label": "Waiting" }, list.element),
  ];
}

function parkedRow(desk, one) {
  return [
    h("div", { class: "row-head" }, h("h3", {}, theirs(one.type)), h("span", {}, "Parked ", when(one.parked_at))),
    h("p", {}, theirs(one.reason)),
    details({ event: one.id, customer: one.customer, attempts: one.attempts }),
    h("p", { class: "note" }, "Created ", when(one.created), " · tried again ", when(one.next_try_at)),
    h("div", { class: "buttons" }, reasoned(desk, { label: "Replay", about: one.id, title: "Replay this event?", text: `${one.type} ${one.id} is tried again now.`,
      work: (reason) => desk.api.post(`/v1/admin/parked-events/${encodeURIComponent(one.id)}/replay`, { reason }), outcome: () => "The event is applied." })),
  ];
}

// -- jobs

export async function jobsPage(desk) {
  const { data } = await desk.api.get("/v1/admin/jobs");
  return [
    h("h1", {}, "Jobs"),
    part("Scheduled", "No job is scheduled.", data.map((one) => h("li", { class: "row" },
      h("div", { class: "row-head" }, h("h3", {}, h("a", { href: address("jobs", one.name) }, words(one.name))), backlog(one)),
      h("p", {}, one.says),
      h("p", { class: "note" }, rate(one), one.backlog.oldest_due_at && [" · the oldest since ", when(one.backlog.oldest_due_at)])))),
  ];
}

function rate(job) {
  return `Every ${job.rate.replace(/^rate\((?:1 )?(.*)\)$/, "$1")}`;
}

/** A job that sweeps nothing has no backlog to speak of. */
function backlog({ sweeps, backlog: { count, at_least: isMore } }) {
  if (sweeps.length === 0) return null;
  return count === 0 ? badge("nothing waits", "good") : badge(`${isMore ? "at least " : ""}${count} waiting`, "final");
}

export async function jobPage(desk, name) {
  const job = await desk.api.get(`/v1/admin/jobs/${encodeURIComponent(name)}`);
  const { next = [], walks = [], findings = [] } = job;
  return [
    h("h1", {}, words(job.name)),
    h("p", {}, job.says),
    h("p", { class: "note" }, rate(job)),
    h("p", {}, backlog(job)),
    part("Next", "Nothing waits for it.", next.map((one) => h("li", { class: "row" },
      h("div", { class: "row-head" }, h("h3", {}, one.account_id ? [accountLink(one.account_id), `: ${words(one.step)}`] : theirs(one.what)), when(one.due_at))))),
    walks.length > 0 && part("Walks over all accounts", "", walks.map((one) => h("li", { class: "row" }, walk(one)))),
    findings.length > 0 && part("Found, and not put right", "", findings.map((one) => h("li", { class: "row" }, details(one)))),
  ];
}

function walk(one) {
  return [
    h("div", { class: "row-head" }, h("h3", {}, theirs(one.run)), badge(words(one.status).toLowerCase())),
    h("p", { class: "note" }, "Began ", when(one.began_at), one.ended_at && [" · ended ", when(one.ended_at)], ` · ${one.shards_done} of ${one.shards} parts`),
    details({ ...one.counts, failing: one.failing || null, given_up: one.given_up || null }),
    one.not_visited.length > 0 && h("ul", {}, one.not_visited.map((left) => h("li", {}, accountLink(left.account_id), ": ", theirs(left.reason)))),
  ];
}

// -- switches

export async function switchesPage(desk) {
  const path = "/v1/admin/kill-switch";
  const { kill_switch: killed, capabilities, turned } = await desk.api.get(path);
  const button = killed.on
    ? reasoned(desk, { label: "Let everything go on", of: "kill-switch", title: "Let everything go on?", text: "What fell due meanwhile is done now, as if it were late.", yes: "Go on", work: (reason) => desk.api.ask("DELETE", path, { reason }), outcome: () => "Everything goes on." })
    : reasoned(desk, { label: "Stop everything", of: "kill-switch", title: "Stop everything that leaves?", text: "Stripe, carriers, mail, events and deletions, within seconds. What falls due meanwhile stays due.", yes: "Stop", work: (reason) => desk.api.post(path, { reason }), outcome: () => "Everything is stopped." });
  return [
    h("h1", {}, "Switches"),
    h("section", { class: killed.on ? "card warning" : "card" },
      h("div", { class: "row-head" }, h("h2", {}, "Kill switch"), button),
      killed.on
        ? h("p", {}, "Nothing leaves since ", when(killed.since), ", by ", theirs(killed.by), ": ", h("q", {}, theirs(killed.reason)))
        : h("p", { class: "note" }, "Nothing is stopped.")),
    part("Capabilities", "", capabilities.map((one) => h("li", { class: "row" },
      h("div", { class: "row-head" }, h("h3", {}, words(one.name)), badge(one.mode, one.mode === "on" ? "good" : "final")),
      h("p", { class: "note" }, one.says)))),
    turned.length > 0 && part("Turned", "", turned.map((one) => h("li", { class: "row past" },
      h("div", { class: "row-head" }, h("h3", {}, one.on ? "Stopped" : "Went on"), when(one.at)),
      h("p", {}, "By ", theirs(one.by), ": ", h("q", {}, theirs(one.reason)))))),
  ];
}
