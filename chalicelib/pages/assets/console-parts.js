// What the console's pages are made of: instants and amounts as text, lists that go on, refusals, and asking why.

import { Refusal } from "./api.js";
import { h, theirs } from "./dom.js";

export const MOST_REASON = 500;
const DATE = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hour12: false });

/** `2026-03-17T09:00:00Z` → `17 Mar 2026, 09:00 UTC`, with the exact instant behind it. */
export function when(instant) {
  const at = new Date(instant ?? NaN);
  if (Number.isNaN(at.getTime())) return instant ? theirs(instant) : null;
  return h("time", { datetime: instant, title: instant }, `${DATE.format(at)} UTC`);
}

/** How far it is from one instant to the other: the server's instants, never this browser's. */
export function distance(from, to) {
  const days = (Date.parse(to) - Date.parse(from)) / 86_400_000;
  const size = Math.abs(days);
  const [count, unit] = size >= 1 ? [Math.floor(size), "day"] : size * 24 >= 1 ? [Math.floor(size * 24), "hour"] : [Math.floor(size * 1440), "minute"];
  if (count === 0) return days < 0 ? "just now" : "now";
  const words = `${count} ${unit}${count === 1 ? "" : "s"}`;
  return days < 0 ? `${words} ago` : `in ${words}`;
}

export function decimals(currency) {
  return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
}

export function money(value) {
  if (!value) return null;
  const places = decimals(value.currency);
  return `${(value.amount / 10 ** places).toFixed(places)} ${value.currency.toUpperCase()}`;
}

/** `number_fee` → `Number fee`. */
export function words(name) {
  const text = String(name ?? "").replaceAll(/[._]/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function address(...parts) {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

export function accountLink(id) {
  return h("a", { href: address("accounts", id) }, theirs(id));
}

export function badge(text, kind = "") {
  return h("span", { class: `badge ${kind}` }, text);
}

/** Facts of any shape, as name and value; what is empty is left out. */
export function details(record) {
  const known = Object.entries(record ?? {}).filter(([, value]) => value !== null && value !== "" && value !== undefined);
  if (known.length === 0) return null;
  return h("ul", { class: "tags" }, known.map(([name, value]) => h("li", {}, h("span", { class: "name" }, `${name}: `), theirs(readable(value)))));
}

function readable(value) {
  if (typeof value !== "object") return value;
  return isMoney(value) ? money(value) : JSON.stringify(value);
}

function isMoney({ amount, currency }) {
  return Number.isInteger(amount) && /^[a-z]{3}$/.test(currency ?? "");
}

/** A sentence in which names stand between `backticks`. */
export function sentence(text) {
  return text.split("`").map((piece, place) => (place % 2 ? h("code", {}, piece) : piece));
}

/** What an address asks for, without what is not said. */
export function asked(parts) {
  return new URLSearchParams(Object.entries(parts).filter(([, value]) => value !== null && value !== undefined && value !== ""));
}

/** A section with its list, or the sentence that there is nothing. */
export function part(title, empty, rows, note = null) {
  return h("section", { class: "card" },
    h("h2", {}, title),
    rows.length === 0 ? h("p", { class: "note" }, empty) : h("ol", { class: "rows" }, rows),
    note && h("p", { class: "note" }, note));
}

/** A hold: since when, by whom, and why. */
export function held(hold) {
  return h("p", {}, "Since ", when(hold.at), ", by ", theirs(hold.by), ": ", h("q", {}, theirs(hold.reason)));
}

// -- lists

/** A list over the pages of an answer. `load(cursor)` asks for one; `row` draws an entry. */
export async function paged(desk, { load, row, empty, more = "Show more" }) {
  const list = h("ol", { class: "rows" });
  const place = h("div", {});
  const all = [];
  let following = null;

  function add({ data, next_cursor }) {
    const first = data.map((one) => h("li", { class: "row" }, row(one)));
    list.append(...first);
    all.push(...data);
    following = next_cursor;
    place.replaceChildren(...[
      all.length === 0 && h("p", { class: "note" }, following ? "Nothing on this page yet. More follows." : empty),
      following && h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: act(desk, goOn) }, more)),
    ].filter(Boolean));
    return first[0];
  }

  async function goOn() {
    const first = add(await load(following));
    first?.setAttribute("tabindex", "-1");
    first?.focus();
  }

  add(await load(null));
  return { element: h("div", {}, list, place), all, following: () => following, load };
}

// -- refusals

/** Why something was refused, in its own sentences. */
export function refusalBox(error) {
  const { errors = [], blockers = [], request_id: reference } = error.problem ?? {};
  const sentence = error.code === "offline" ? "Nobody answers. Check the connection and try again." : error.message;
  const more = [...errors.map((one) => one.detail), ...blockers.map((one) => one.title)].filter((one) => one && one !== sentence);
  return h("div", { class: "refusal", role: "alert", tabindex: "-1" },
    h("p", {}, theirs(sentence)),
    more.map((one) => h("p", {}, theirs(one))),
    reference && error.status >= 500 && h("p", { class: "note" }, `Reference: ${reference}`));
}

/** Does what a button stands for: once at a time, and with a sentence beside it when it fails. */
export function act(desk, work) {
  return async (event) => {
    event.preventDefault();
    const button = event.submitter ?? event.currentTarget;
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    desk.say("");
    try {
      await work(event);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.status === 401) { await desk.refresh(); return; }
      const place = button.closest("form, .row, .card") ?? desk.body;
      place.querySelector(":scope > .refusal")?.remove();
      const box = refusalBox(error);
      place.append(box);
      box.focus();
    } finally {
      button.removeAttribute("aria-busy");
    }
  };
}

// -- asking why

/** A button that asks for a reason before it does something. `work(reason)` does it; `outcome(answer)` says what
 *  came of it. `of` names what it is about, so that the keyboard is there again afterwards. */
export function reasoned(desk, { label, about, of, title, text, yes, work, outcome }) {
  return h("button", { type: "button", class: "button small", "aria-label": about ? `${label}: ${about}` : null, "data-of": of, onclick: async () => {
    const answer = await askWhy(desk, { title, text, yes: yes ?? label, work });
    if (answer !== undefined) await desk.done(outcome(answer), of);
  } }, label);
}

function askWhy(desk, { title, text, yes, work }) {
  return new Promise((resolve) => {
    let answer;
    const field = h("textarea", { id: "why", rows: "3", maxlength: MOST_REASON, required: true });
    const send = h("button", { class: "button", disabled: true }, yes);
    field.addEventListener("input", () => { send.disabled = field.value.trim() === ""; });
    const submit = act(desk, async () => {
      answer = await work(field.value.trim());
      dialog.close();
    });
    const dialog = h("dialog", { "aria-labelledby": "why-title" },
      h("form", { onsubmit: submit },
        h("h2", { id: "why-title" }, title),
        h("p", {}, text),
        h("label", { for: "why" }, "Reason"),
        field,
        h("p", { class: "note" }, "It stays in the account's history, with your name."),
        h("div", { class: "buttons" },
          h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Back"),
          send)));
    dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
    desk.append(dialog);
    dialog.showModal();
    field.focus();
  });
}
