// A step of an account's timeline: what, when, how it went so far, why at all, and what an operator may do to it.

import { h, theirs } from "./dom.js";
import { badge, distance, held, reasoned, when, words } from "./console-parts.js";

/** `before` stands above it where the list is about more than one account. */
export function stepRow(desk, step, asOf, before = null) {
  return [
    h("div", { class: "row-head" },
      h("h3", {}, before, step.title ?? words(step.kind), subject(step) && [" · ", theirs(subject(step))]),
      h("span", {}, when(step.due_at), asOf && step.due_at && ` · ${distance(asOf, step.due_at)}`)),
    h("div", { class: "why" }, marks(step)),
    step.about && h("p", { class: "note" }, h("span", { class: "fact" }, theirs(step.subject))),
    step.held && held(step.held),
    !step.due_at && step.held && h("p", { class: "note" }, "It is called off for now. Should it come back, it is on hold."),
    step.last_error && h("p", { class: "wrong" }, theirs(step.last_error)),
    step.attempts > 0 && h("p", { class: "note" }, `Tried ${step.attempts} time${step.attempts === 1 ? "" : "s"}`, step.next_try_at && [", again ", when(step.next_try_at)], "."),
    because(step.why),
    step.approval && approval(desk, step),
    h("div", { class: "buttons" }, acts(desk, step)),
  ];
}

/** What it is about, as people call it. */
function subject(step) {
  return step.about ?? step.subject;
}

function marks(step) {
  return [
    step.held && badge("on hold", "final"),
    step.needs_person && badge("needs a person", "wrong"),
    step.overdue && !step.held && badge("overdue", "wrong"),
    step.waived && badge("waived"),
    step.reversible === false && badge("cannot be undone", "final"),
  ];
}

/** Which promises it keeps, and the lines of the policy that set its date. */
export function because(origin) {
  const lines = Object.entries(origin?.policy ?? {});
  const promises = origin?.promises ?? [];
  if (!origin || (promises.length === 0 && lines.length === 0)) return null;
  return h("p", { class: "because" }, "Why: ",
    promises.map((name) => [badge(name, "promise"), " "]),
    lines.map(([name, value]) => [h("code", {}, `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`), " "]));
}

function acts(desk, step) {
  const about = [step.title ?? words(step.kind), subject(step)].filter(Boolean).join(" ");
  const post = (what) => (reason) => desk.api.post(`/v1/admin/steps/${encodeURIComponent(step.key)}/${what}`, { reason });
  const isTriable = step.held || step.attempts > 0 || step.overdue;
  return [
    !step.held && reasoned(desk, { label: "Hold", about, of: step.key, title: `Hold “${about}”?`, text: "It is not carried out, wherever its date moves, until it is released.", work: post("hold"), outcome: (now) => now.held ? told(`On hold: ${about}.`, now) : `Nothing changed: ${about}.` }),
    isTriable && reasoned(desk, { label: step.held ? "Release" : "Retry", about, of: step.key,
      title: step.held ? `Release “${about}”?` : `Try “${about}” again?`,
      text: step.held ? "It is carried out on its own date again; at once, if that has passed." : "It is carried out by its job's next run.",
      work: post("retry"), outcome: () => step.held ? `Released: ${about}.` : `It is tried again: ${about}.` }),
    step.due_at && !step.waived && reasoned(desk, { label: "Waive", about, of: step.key, title: `Waive “${about}”?`, text: "It is taken as done without being carried out. This cannot be taken back.", work: post("waive"), outcome: (now) => told(`Waived: ${about}.`, now) }),
  ];
}

/** What of it was done before is not undone by this. */
function told(outcome, now) {
  return now.already ? `${outcome} ${now.already.detail}` : outcome;
}

const APPROVAL = {
  needed: "Two people have to agree to this purge, and nobody has yet.",
  proposed: "One person has proposed this purge; another one has to approve it.",
  approved: "Two people have agreed to this purge.",
};

function approval(desk, step) {
  const { state, proposed, approved } = step.approval;
  const label = state === "needed" ? "Propose the purge" : "Approve the purge";
  return h("div", { class: "warning" },
    h("p", {}, APPROVAL[state]),
    proposed && held(proposed),
    approved && held(approved),
    state !== "approved" && reasoned(desk, { label, title: `${label}?`, text: "What is purged is gone for good.",
      work: (reason) => desk.api.post(`/v1/admin/accounts/${encodeURIComponent(step.account_id)}/purge-approval`, { reason }),
      outcome: () => state === "needed" ? "The purge is proposed." : "The purge is approved." }));
}
