// <lapse-membership api="https://api.example.com" locale="fr">: the membership page as one element, for any page.
//
//   element.getToken = async () => "the access token";   // asked before every request, kept nowhere
//   element.returnUrl = "https://…";                      // where Stripe sends people back; this page if not set
//   element.refresh(); element.startCancelling(id?);
//
// Events (they bubble): `lapse-ready`, `lapse-changed` {what}, `lapse-signed-out`, and `lapse-leave` {url} before the
// browser goes to Stripe, which a listener may prevent. Colours and shape follow the --lapse-… custom properties.

import { Api, Refusal, said } from "./api.js";
import { Cancelling } from "./cancelling.js";
import { confirmed, h, link } from "./dom.js";
import { overview, supportCard } from "./overview.js";
import { explained, language, translator } from "./strings.js";

const STYLES = ["base.css", "membership.css"];
/** Where the API is unless somebody says otherwise: where this file came from, a stage's path included. */
export const HERE = import.meta.url.split("/pages/")[0];

class LapseMembership extends HTMLElement {
  static observedAttributes = ["api", "locale"];

  #getToken = null;
  #data = null;
  #view = null;
  #styled;
  #loading = 0;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    this.body = h("div", { class: "body" });
    this.status = h("p", { class: "status", role: "status" });
    root.append(...this.#stylesheets(), h("div", { class: "frame" }, this.status, this.body));
  }

  connectedCallback() {
    // Nothing flashes by unstyled: what is shown first waits for the style sheets.
    this.#styled.then(() => { this.shadowRoot.querySelector(".frame").classList.add("ready"); });
    this.refresh();
  }

  attributeChangedCallback(_, before, after) {
    if (this.isConnected && before !== after) this.refresh();
  }

  get getToken() { return this.#getToken; }
  set getToken(ask) {
    this.#getToken = ask;
    if (this.isConnected) this.refresh();
  }

  get t() { return translator(this.getAttribute("locale") ?? this.#data?.locale ?? this.closest("[lang]")?.lang); }
  get data() { return this.#data; }
  get api() { return new Api(this.getAttribute("api") ?? HERE, this.#getToken); }

  /** A path with the language that the answer is to be in. */
  path(path) {
    const asked = this.getAttribute("locale");
    return asked ? `${path}${path.includes("?") ? "&" : "?"}locale=${language(asked)}` : path;
  }

  async load() {
    const here = new URL(location.href);
    const paid = here.searchParams.get("checkout_session_id");
    // Whoever comes back from Checkout may be here before Stripe's events are: the server asks Stripe then.
    const query = paid ? `?checkout_session_id=${encodeURIComponent(paid)}` : "";
    this.#data = await this.api.get(this.path(`/v1/membership${query}`));
    if (paid) {
      here.searchParams.delete("checkout_session_id");
      history.replaceState(null, "", here);
    }
    return this.#data;
  }

  async refresh() {
    if (!this.#getToken) return this.#show(this.#signedOut());
    const mine = ++this.#loading;
    if (!this.#data) this.#show(h("p", { class: "note" }, this.t("loading")));
    try {
      await this.load();
      if (mine !== this.#loading) return undefined;
      if (this.begin !== undefined && this.begin !== null) {
        const id = this.begin;
        this.begin = null;
        this.startCancelling(id);
      } else if (this.#view instanceof Cancelling) this.#view.changed();
      else this.showOverview();
      this.tell("lapse-ready");
    } catch (error) {
      if (mine === this.#loading) this.explain(error);
    }
    return undefined;
  }

  showOverview(section = null) {
    this.#view = null;
    this.#show(overview(this, this.#data));
    if (section !== null) this.#moveOn(section);
  }

  startCancelling(id = null) {
    this.#view = new Cancelling(this, id);
    this.#view.start();
  }

  /** Shows a step of its own (the five steps), and puts the reader at its heading. */
  step(content) {
    this.#show(content);
    this.focusHeading();
  }

  focusHeading() {
    const heading = this.body.querySelector("h1, h2");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
    this.scrollIntoView({ block: "start" });
  }

  /** Something happened that is worth a word, and changed what is shown. */
  async done(text, what) {
    this.tell("lapse-changed", { what });
    await this.refresh();
    this.say(text);
  }

  say(text) { this.status.textContent = text; }

  ask(question) { return confirmed(this.shadowRoot, question); }

  /** Does what a button stands for: once at a time, and with a sentence when it fails. */
  act(work) {
    return async (event) => {
      event.preventDefault();
      const button = event.submitter ?? event.currentTarget;
      if (button.getAttribute("aria-busy") === "true") return;
      button.setAttribute("aria-busy", "true");
      this.say("");
      try {
        await work(event);
      } catch (error) {
        this.complain(error, button);
      } finally {
        button.removeAttribute("aria-busy");
      }
    };
  }

  /** A refusal beside the button that was pressed. */
  complain(error, button) {
    if (!(error instanceof Refusal)) throw error;
    if (error.status === 401) return this.explain(error);
    const place = (button.isConnected && button.closest(".card, form, .step")) || this.body;
    place.querySelector(":scope > .refusal")?.remove();
    const box = this.refusal(error);
    place.append(box);
    box.focus();
    return undefined;
  }

  refusal(error) {
    const reference = error.problem?.request_id;
    return h("div", { class: "refusal", role: "alert", tabindex: "-1" },
      h("p", {}, explained(error, this.t)),
      (error.problem?.blockers ?? []).map((one) => this.blocker(one)),
      reference && error.status >= 500 && h("p", { class: "note" }, this.t("reference", { id: reference })));
  }

  blocker(one) {
    return h("p", { class: "blocker" }, one.title, said(one, "amount") && ` ${said(one, "amount")}`, one.action && [" ", this.lead(one.action)]);
  }

  /** A link of the server's: to a part of this very page, or elsewhere. */
  lead({ href, label }) {
    const part = /^\/membership#([a-z-]+)$/.exec(href)?.[1];
    if (part === undefined) return link(href, label, { target: "_blank" });
    return h("button", { type: "button", class: "link", onclick: () => this.showOverview(part) }, label);
  }

  /** Nothing can be shown: says why, and what helps. */
  explain(error) {
    if (!(error instanceof Refusal)) throw error;
    this.#view = null;
    if (error.status === 401) {
      this.#data = null;
      this.#show(this.#signedOut(this.t("visit_over"), explained(error, this.t)));
      this.tell("lapse-signed-out");
      return;
    }
    const isLink = error.status === 404 && !this.#getToken;
    this.#show(h("section", { class: "card" },
      h("h1", {}, this.t("went_wrong")),
      h("p", {}, isLink ? this.t("refusal_link_used") : explained(error, this.t)),
      this.#wayBack(),
      !isLink && h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: () => this.refresh() }, this.t("try_again"))),
      error.problem?.support && supportCard(this.t, error.problem.support)));
  }

  /** Off to Stripe and back. What is embedded decides for itself where people come back to. */
  async leave(path, body, names) {
    const back = this.returnUrl ?? location.href.split("#")[0];
    const { url } = await this.api.post(path, { ...body, ...names(back) });
    if (this.tell("lapse-leave", { url })) location.assign(url);
  }

  toPortal(body = {}) {
    return this.leave("/v1/portal-sessions", body, (back) => ({ return_url: back }));
  }

  toCheckout(body) {
    return this.leave("/v1/checkout-sessions", body, (back) => {
      // Stripe fills in which session it was; the braces must reach it as they are.
      const success = `${back}${back.includes("?") ? "&" : "?"}checkout_session_id={CHECKOUT_SESSION_ID}`;
      return { success_url: this.returnUrl ? back : success, cancel_url: back };
    });
  }

  tell(name, detail = {}) {
    return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable: true }));
  }

  wayBack() { return this.#wayBack(); }

  #wayBack() {
    return this.returnUrl ? h("p", {}, link(this.returnUrl, this.t("back_to_site"))) : null;
  }

  #signedOut(title = this.t("signed_out"), text = this.t("signed_out_text")) {
    return h("section", { class: "card" }, h("h1", {}, title), h("p", {}, text), this.#wayBack());
  }

  #show(content) {
    this.say("");
    this.body.lang = this.t.language;
    this.body.replaceChildren(content);
  }

  #moveOn(section) {
    const found = this.shadowRoot.getElementById(section);
    const heading = found?.querySelector("h2") ?? this.body.querySelector("h1");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
    (found ?? this).scrollIntoView({ block: "start" });
  }

  #stylesheets() {
    const sheets = STYLES.map((name) => h("link", { rel: "stylesheet", href: new URL(name, import.meta.url) }));
    this.#styled = Promise.all(sheets.map((sheet) => new Promise((resolve) => {
      sheet.addEventListener("load", resolve);
      sheet.addEventListener("error", resolve);
    })));
    return sheets;
  }
}

customElements.define("lapse-membership", LapseMembership);
