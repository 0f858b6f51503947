// <lapse-console>: what operators see and do, over the same API as everybody. Which part is shown stands in the address.
//
//   element.getToken = async () => "an operator's token";   // asked before every request, kept nowhere
//
// Where nobody sets it, the page asks for a token and keeps it in memory until the tab is closed.

import { Api, Refusal } from "./api.js";
import { accountPage, ledgerPage, searchPage } from "./console-accounts.js";
import { casePage, casesPage } from "./console-cases.js";
import { deadlinesPage, jobPage, jobsPage, parkedPage, switchesPage } from "./console-queues.js";
import { refusalBox } from "./console-parts.js";
import { windowPage, workPage } from "./console-work.js";
import { h } from "./dom.js";

/** Where the API is: where this file came from, a stage's path included. */
const HERE = import.meta.url.split("/pages/")[0];
const PARTS = [["accounts", "Accounts"], ["deadlines", "Deadlines"], ["cases", "Cases"], ["parked", "Parked events"], ["jobs", "Jobs"], ["maintenance", "Maintenance"], ["switches", "Switches"]];

/** The first that fits shows the page; what stands in brackets is handed to it. */
const ROUTES = [
  [/^\/accounts$/, searchPage],
  [/^\/accounts\/([^/]+)$/, accountPage],
  [/^\/accounts\/([^/]+)\/ledger$/, ledgerPage],
  [/^\/deadlines$/, deadlinesPage],
  [/^\/cases$/, (desk) => casesPage(desk, "open")],
  [/^\/cases\/closed$/, (desk) => casesPage(desk, "closed")],
  [/^\/cases\/([^/]+)\/([^/]+)$/, casePage],
  [/^\/parked$/, parkedPage],
  [/^\/jobs$/, jobsPage],
  [/^\/jobs\/([^/]+)$/, jobPage],
  [/^\/switches$/, switchesPage],
  [/^\/maintenance$/, workPage],
  [/^\/maintenance\/([^/]+)$/, windowPage],
];

class LapseConsole extends HTMLElement {
  #getToken = null;
  #loading = 0;
  /** What was searched for last, so that the way back leads to it. An e-mail address has no place in an address bar. */
  searched = "";

  connectedCallback() {
    this.nav = h("nav", { "aria-label": "Console" });
    this.status = h("p", { class: "said", role: "status" });
    this.body = h("main", { class: "desk" });
    this.replaceChildren(h("header", { class: "top" }, h("p", { class: "brand" }, "Operator console"), this.nav), this.status, this.body);
    addEventListener("hashchange", () => this.#show(true));
    this.#show(false);
  }

  get getToken() { return this.#getToken; }
  set getToken(ask) {
    this.#getToken = ask;
    if (this.isConnected) this.#show(false);
  }

  get api() { return new Api(HERE, this.#getToken); }

  /** Shows the same page anew, with what is so now. */
  refresh() { return this.#show(false); }

  /** Something was done: shows what is so now, and says it. */
  async done(text, about = null) {
    await this.#show(false);
    this.say(text);
    const again = about && this.body.querySelector(`[data-of="${CSS.escape(about)}"]`);
    if (again) again.focus({ preventScroll: true });
    else this.#focusHeading();
  }

  say(text) { this.status.textContent = text; }

  async #show(isAnotherPage) {
    const mine = ++this.#loading;
    const path = here();
    this.#drawNav(path);
    if (isAnotherPage || !this.#getToken) this.say("");
    if (!this.#getToken) return this.#put(this.#signIn(), false);
    if (isAnotherPage || this.body.childElementCount === 0) this.body.replaceChildren(h("p", { class: "note" }, "Loading …"));
    let page;
    try {
      page = await this.#page(path);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      page = error.status === 401 ? this.#signIn(error) : this.#failed(error);
    }
    if (mine === this.#loading) this.#put(page, isAnotherPage);
    return undefined;
  }

  #page(path) {
    for (const [pattern, page] of ROUTES) {
      const found = pattern.exec(path);
      if (found) return page(this, ...found.slice(1).map(plain));
    }
    return [h("h1", {}, "There is no such page"), h("p", {}, "Choose one of the parts above.")];
  }

  #put(content, isAnotherPage) {
    this.body.replaceChildren(...[content].flat(Infinity).filter(Boolean));
    const heading = this.body.querySelector("h1");
    document.title = `${heading?.textContent ?? "Lapse"} · Operator console`;
    if (!isAnotherPage) return;
    this.#focusHeading();
    this.scrollIntoView({ block: "start" });
  }

  #focusHeading() {
    const heading = this.body.querySelector("h1");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
  }

  #drawNav(path) {
    this.nav.replaceChildren(...PARTS.map(([part, name]) => h("a", {
      href: `#/${part}`,
      "aria-current": path === `/${part}` ? "page" : path.startsWith(`/${part}/`) ? "true" : null,
    }, name)));
  }

  #failed(error) {
    return [
      h("h1", {}, error.status === 404 ? "There is nothing here" : error.status === 403 ? "You may not see this" : "This cannot be shown"),
      refusalBox(error),
      h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: () => this.refresh() }, "Try again")),
    ];
  }

  #signIn(error = null) {
    const field = h("input", { id: "token", type: "password", autocomplete: "off", spellcheck: "false", required: true });
    const form = h("form", { class: "card asking", onsubmit: (event) => {
      event.preventDefault();
      const token = field.value.trim();
      field.value = "";
      if (token) this.getToken = async () => token;
    } },
    h("label", { for: "token" }, "Operator's access token"),
    field,
    h("p", { class: "note" }, "It is kept in this tab's memory only, and is gone when the tab is closed or loaded again."),
    h("button", { class: "button" }, "Sign in"));
    return [
      h("h1", {}, "Sign in"),
      h("p", {}, error ? "The access token is not valid, or not any more. Sign in again." : "Whoever works here needs a token with the role operator."),
      form,
    ];
  }
}

function here() {
  const path = location.hash.slice(1).replace(/\/$/, "");
  return path === "" ? "/accounts" : path;
}

/** A part of the address as it was meant. What cannot be read stays as it stands, and is simply not found. */
function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

customElements.define("lapse-console", LapseConsole);
