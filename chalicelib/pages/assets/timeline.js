// Draws what lies ahead: a line from today on, a numbered mark for each date, and the same numbers in the list below it.

import { h, svg, theirs } from "./dom.js";
import { said } from "./api.js";

const LEAST_GAP = 7;
const MOST_MARKS = 11;
/** Money that moves is not lost by moving: only what is taken away for good is marked as such. */
const MONEY = ["number_fee", "messages_credited", "contract_instalments"];

function isFinal(thing) {
  return !thing.reversible && !MONEY.includes(thing.kind);
}

/** Consequences of one date belong together; fees beyond a handful are folded into one entry. */
export function entries(consequences) {
  const fees = consequences.filter((one) => one.kind === "number_fee");
  const folded = fees.length > 4
    ? [...consequences.filter((one) => one.kind !== "number_fee"), { ...fees[0], said: fees[0].said, folded: fees }]
    : [...consequences];
  folded.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const dates = new Map();
  for (const one of folded) dates.set(one.at, [...(dates.get(one.at) ?? []), one]);
  return [...dates].map(([at, things], place) => ({ at, things, number: place + 1 }));
}

/** The drawing. The list says the same in words, so that nothing is lost without it. */
export function drawing(dated, asOf, t) {
  const shown = dated.slice(0, MOST_MARKS);
  if (shown.length === 0) return null;
  const places = spread(asOf, shown.map((one) => one.at));
  return svg("svg", { class: "timeline", role: "img", "aria-label": t("timeline_label", { count: shown.length }), width: "100%", height: "64" },
    svg("line", { x1: "3%", x2: "97%", y1: "22", y2: "22", class: "line" }),
    svg("circle", { cx: "3%", cy: "22", r: "5", class: "today" }),
    svg("text", { x: "3%", y: "54", "text-anchor": "start", class: "label" }, t("today")),
    shown.map((one, place) => mark(one, places[place])));
}

function mark(one, place) {
  const final = one.things.some(isFinal);
  return svg("g", { class: final ? "mark final" : "mark" },
    svg("circle", { cx: `${place}%`, cy: "22", r: "11" }),
    svg("text", { x: `${place}%`, y: "26", "text-anchor": "middle" }, String(one.number)));
}

/** Where each date stands on the line, in percent: near ones near, far ones far, none upon another. */
function spread(from, dates) {
  const start = Date.parse(from);
  const far = dates.map((at) => Math.sqrt(Math.max(0, Date.parse(at) - start)));
  const widest = Math.max(...far, 1);
  const places = far.map((distance) => 8 + (distance / widest) * 86);
  for (let i = 1; i < places.length; i += 1) places[i] = Math.max(places[i], places[i - 1] + LEAST_GAP);
  let end = 94;
  for (let i = places.length - 1; i >= 0; i -= 1) { places[i] = Math.min(places[i], end); end = places[i] - LEAST_GAP; }
  return places;
}

export function list(dated, t, { numbered = true } = {}) {
  return h("ol", { class: "ahead" }, dated.map((one) => h("li", {},
    numbered && h("span", { class: one.things.some(isFinal) ? "number final" : "number", "aria-hidden": "true" }, String(one.number)),
    h("div", {},
      h("p", { class: "when" }, h("time", { datetime: one.at }, said(one.things[0], "at"))),
      one.things.map((thing) => described(thing, t))))));
}

function described(thing, t) {
  if (thing.folded) {
    return h("details", {},
      h("summary", {}, t("fees_folded", { count: thing.folded.length })),
      h("ul", { class: "plain" }, thing.folded.map((fee) => h("li", {}, `${said(fee, "at")}: `, theirs(fee.subject), ` · ${said(fee, "amount")}`))));
  }
  const more = [
    thing.kind === "number_fee" ? theirs(thing.subject) : null,
    thing.count > 1 ? t("counted", { count: thing.count }) : null,
    said(thing, "amount"),
  ].filter((one) => one !== null);
  return h("div", { class: "thing" },
    h("p", { class: "what" }, thing.title, more.map((one) => [" · ", one])),
    isFinal(thing) && h("p", { class: "note" }, t("final")));
}
