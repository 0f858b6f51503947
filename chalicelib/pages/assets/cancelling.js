// The five steps: which plan, why, what will happen, disclosures, done. The server says every date, amount and text, and
// is asked again when any of them has changed; nothing is called done before Stripe has confirmed it.

import { Refusal, said, worded } from "./api.js";
import { calendar, save } from "./calendar.js";
import { h, theirs } from "./dom.js";
import { drawing, entries, list } from "./timeline.js";

const STEPS = ["plan", "reason", "ahead", "consent", "done"];
const TRIES = 5;
const BETWEEN_TRIES_MS = 3000;
const OVER = ["canceled", "incomplete", "pending_cancellation"];

export class Cancelling {
  constructor(page, id) {
    this.page = page;
    this.id = id;
    this.preview = null;
    this.reason = null;
    this.comment = "";
    this.agreed = new Set();
    this.at = "plan";
    this.notice = null;
  }

  get t() { return this.page.t; }
  get choices() { return this.page.data.subscriptions.filter((one) => !OVER.includes(one.status)); }
  get subscription() { return this.page.data.subscriptions.find((one) => one.id === this.id); }
  get plan() { return this.subscription?.title ?? ""; }

  start() {
    if (this.choices.length === 1 && !this.choices.some((one) => one.id === this.id)) this.id = this.choices[0].id;
    this.show("plan");
  }

  /** The page was loaded again under us, perhaps in another language. */
  async changed() {
    if (this.at === "done") return this.#done();
    if (this.preview) await this.#look();
    return this.show(this.at);
  }

  show(step) {
    this.at = step;
    const content = { plan: () => this.#plan(), reason: () => this.#reason(), ahead: () => this.#ahead(), consent: () => this.#consent() }[step]();
    this.page.step(this.#frame(step, content));
  }

  #frame(step, content) {
    const { t } = this;
    const place = STEPS.indexOf(step);
    return h("main", { class: "step", "data-step": step },
      h("ol", { class: "steps", "aria-label": t("step_of", { n: place + 1 }) }, STEPS.map((name, n) => h("li", {
        class: n < place ? "past" : n === place ? "now" : "next", "aria-current": n === place ? "step" : null,
      }, h("span", { class: "dot", "aria-hidden": "true" }, String(n + 1)), h("span", { class: "name" }, t(`step_${name}`))))),
      content);
  }

  #title(text) {
    const { t } = this;
    return h("h1", { tabindex: "-1" }, h("span", { class: "eyebrow" }, t("step_of", { n: STEPS.indexOf(this.at) + 1 })), " ", text);
  }

  /** Keep, back, go on: the same weight, always in this order. */
  #buttons(back, forward) {
    const { t } = this;
    return h("div", { class: "buttons equal" },
      h("button", { type: "button", class: "button", "data-act": "keep", onclick: () => this.page.showOverview("plans") }, t("keep")),
      back && h("button", { type: "button", class: "button", "data-act": "back", onclick: () => this.show(back) }, t("back")),
      h("button", { type: "submit", class: "button", "data-act": "continue" }, forward));
  }

  #form(onsubmit, ...children) {
    return h("form", { novalidate: true, onsubmit: this.page.act(onsubmit) }, children);
  }

  // -- which plan

  #plan() {
    const { t } = this;
    if (this.choices.length === 0) {
      return h("section", { class: "card" }, this.#title(t("nothing_to_cancel")),
        h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: () => this.page.showOverview("plans") }, t("back_to_membership"))));
    }
    const wrong = h("p", { class: "wrong", role: "alert", id: "plan-wrong" });
    return this.#form(async () => {
      if (!this.choices.some((one) => one.id === this.id)) {
        wrong.textContent = t("plan_missing");
        return this.page.shadowRoot.querySelector("input[name=plan]").focus();
      }
      await this.#look();
      return this.show("reason");
    },
    h("section", { class: "card" },
      this.#title(t("ask_plan")),
      h("fieldset", { "aria-describedby": "plan-wrong" }, h("legend", { class: "unseen" }, t("ask_plan")),
        this.choices.map((one) => this.#choice("plan", one.id, one.id === this.id, () => { this.#choose(one.id); }, [
          h("span", { class: "what" }, theirs(one.title)),
          h("span", { class: "note" }, said(one, "renews_at") ? t("renews_on", { when: said(one, "renews_at") }) : t.word("status", one.status)),
          !one.allowed.cancel.ok && h("span", { class: "note" }, t("not_now")),
        ]))),
      wrong,
      this.#buttons(null, t("continue"))));
  }

  #choose(id) {
    if (id === this.id) return;
    // What was agreed to was about another plan.
    Object.assign(this, { id, preview: null, notice: null });
    this.agreed.clear();
  }

  #choice(name, value, checked, onchange, label, type = "radio") {
    return h("label", { class: "choice" }, h("input", { type, name, value, checked, onchange }), h("span", { class: "choice-text" }, label));
  }

  async #look() {
    this.#shown(await this.page.api.ask("POST", this.page.path(`/v1/subscriptions/${encodeURIComponent(this.id)}/cancellation-previews`)));
  }

  #shown(preview) {
    // Texts may be others now: a tick is for what was read.
    this.agreed.clear();
    this.preview = preview;
  }

  // -- why

  #reason() {
    const { t, preview } = this;
    const wrong = h("p", { class: "wrong", role: "alert", id: "reason-wrong" });
    const comment = h("textarea", { id: "comment", rows: "3", maxlength: "5000", oninput: () => { this.comment = comment.value; } });
    comment.value = this.comment;
    return this.#form(async () => {
      if (preview.reason_required && this.reason === null) {
        wrong.textContent = t("reason_missing");
        return this.page.shadowRoot.querySelector("input[name=reason]").focus();
      }
      return this.show("ahead");
    },
    h("section", { class: "card" },
      this.#title(t("ask_reason", { plan: this.plan })),
      h("p", { class: "note" }, t(preview.reason_required ? "reason_required" : "reason_optional")),
      h("fieldset", { "aria-describedby": "reason-wrong" }, h("legend", { class: "unseen" }, t("step_reason")),
        preview.reasons.map((one) => this.#choice("reason", one.code, one.code === this.reason, () => { this.reason = one.code; }, one.label))),
      wrong,
      h("label", { for: "comment" }, t("comment")), comment,
      this.#buttons("plan", t("continue"))));
  }

  // -- what will happen

  #ahead() {
    const { t, preview } = this;
    const dated = entries(preview.consequences);
    const blocked = preview.blockers.length > 0;
    const fees = preview.consequences.some((one) => one.kind === "number_fee");
    const notice = this.notice;
    this.notice = null;
    return this.#form(async () => {
      if (!blocked) return this.show("consent");
      await this.page.load();
      await this.#look();
      this.show("ahead");
      // The page may look as it did before: that it was asked is to be seen.
      if (this.preview.blockers.length > 0) this.page.say(t("blocked_still"));
      return undefined;
    },
    h("section", { class: "card" },
      this.#title(t("ahead_title", { plan: this.plan })),
      notice && h("div", { class: "warning", role: "alert" }, h("p", { class: "what" }, t("stale_title")), h("p", {}, t("stale_text"))),
      blocked && h("div", { class: "warning", id: "blockers" }, h("h2", {}, t("blocked_title")), preview.blockers.map((one) => this.page.blocker(one)), h("p", { class: "note" }, t("blocked_text"))),
      h("p", {}, t("ahead_access", { day: preview.last_day }), " ", t("ahead_resume")),
      drawing(dated, this.page.data.as_of, t),
      list(dated, t),
      fees && this.#hint(t("fees_hint"), "numbers", t("manage_numbers")),
      this.page.data.allowed.export.ok && this.#hint(t("export_hint"), "data", t("see_export")),
      this.#buttons("reason", blocked ? t("check_again") : t("continue"))));
  }

  #hint(text, section, label) {
    return h("p", { class: "note" }, text, " ", h("button", { type: "button", class: "link", onclick: () => this.page.showOverview(section) }, label));
  }

  // -- disclosures

  #consent() {
    const { t, preview } = this;
    const wrong = h("p", { class: "wrong", role: "alert", id: "consent-wrong" });
    return this.#form(async () => {
      const left = preview.disclosures.filter((one) => !this.agreed.has(one.id));
      if (left.length > 0) {
        wrong.textContent = t("consent_missing", { count: left.length });
        return this.page.shadowRoot.querySelector("input[name=consent]:not(:checked)").focus();
      }
      return this.#send();
    },
    h("section", { class: "card" },
      this.#title(t("consent_title")),
      h("p", { class: "note" }, t("consent_text")),
      h("fieldset", { "aria-describedby": "consent-wrong" }, h("legend", { class: "unseen" }, t("step_consent")),
        preview.disclosures.map((one) => this.#choice("consent", one.id, this.agreed.has(one.id), (event) => {
          if (event.target.checked) this.agreed.add(one.id); else this.agreed.delete(one.id);
          wrong.textContent = "";
        }, one.text, "checkbox"))),
      wrong,
      this.#buttons("ahead", this.page.data.labels.confirm)));
  }

  async #send() {
    const body = {
      preview_id: this.preview.preview_id,
      ...(this.reason === null ? {} : { reason: { code: this.reason, ...(this.comment.trim() ? { comment: this.comment.trim() } : {}) } }),
      consents: this.preview.disclosures.filter(({ id }) => this.agreed.has(id)).map(({ id, version }) => ({ id, version })),
    };
    for (let tried = 1; ; tried += 1) {
      try {
        await this.page.api.ask("POST", `/v1/subscriptions/${encodeURIComponent(this.id)}/cancellation`, body);
        break;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (await this.#sentBack(error)) return;
        // The same preview may be sent again: it is carried out once. Until then nothing is called done.
        if (error.status !== 503 && error.status !== 0) throw error;
        if (tried >= TRIES) return this.#notConfirmed();
        if (this.at !== "done") this.#waiting();
        await new Promise((resolve) => { setTimeout(resolve, BETWEEN_TRIES_MS); });
        if (this.page.shadowRoot.querySelector("[data-step=done]") === null) return;
      }
    }
    this.page.tell("lapse-changed", { what: "canceled" });
    await this.page.load();
    this.#done();
  }

  /** What is shown no longer holds, or something stands in the way: back to looking, with nothing done. */
  async #sentBack(error) {
    if (error.code === "preview_stale" && error.problem.preview) {
      this.#shown(worded(error.problem.preview));
      this.notice = "stale";
      this.show("ahead");
      return true;
    }
    // Long after it expired, a preview is tidied away: then nobody knows it, and what holds now is shown instead.
    const isGone = error.code === "not_found";
    if (error.code === "blocked" || isGone) {
      await this.#look();
      if (isGone) this.notice = "stale";
      this.show("ahead");
      return true;
    }
    return false;
  }

  // -- done

  #waiting() {
    this.at = "done";
    const { t } = this;
    this.page.step(this.#frame("done", h("section", { class: "card", "aria-busy": "true" },
      this.#title(t("waiting_title")), h("p", {}, t("waiting_text", { plan: this.plan })))));
  }

  #notConfirmed() {
    this.at = "done";
    const { t } = this;
    this.page.step(this.#frame("done", this.#form(() => this.#send(), h("section", { class: "card" },
      this.#title(t("not_confirmed_title")),
      h("p", {}, t("not_confirmed_text", { plan: this.plan })),
      h("div", { class: "buttons equal" },
        h("button", { type: "button", class: "button", "data-act": "keep", onclick: () => this.page.showOverview("plans") }, t("keep")),
        h("button", { type: "submit", class: "button", "data-act": "continue" }, t("try_again")))))));
  }

  #done() {
    this.at = "done";
    const { t, page, subscription } = this;
    if (subscription?.status !== "pending_cancellation" && subscription?.status !== "canceled") return this.#notConfirmed();
    const dated = entries(this.preview.consequences);
    const undo = page.act(async () => {
      await page.api.delete(`/v1/subscriptions/${encodeURIComponent(this.id)}/cancellation`);
      page.tell("lapse-changed", { what: "resumed" });
      await page.load();
      page.showOverview("plans");
      page.say(t("resumed"));
    });
    const keepDates = () => {
      const text = calendar(this.preview.consequences, { asOf: page.data.as_of, company: page.data.title, id: this.preview.preview_id });
      save(text, "lapse.ics", page.shadowRoot);
    };
    return page.step(this.#frame("done", h("section", { class: "card" },
      this.#title(t("done_title", { plan: this.plan })),
      h("p", {}, h("span", { class: `badge ${subscription.status}` }, t.word("status", subscription.status))),
      h("p", {}, t("done_pending", { day: subscription.last_day })),
      drawing(dated, page.data.as_of, t),
      list(dated, t),
      h("div", { class: "buttons" },
        subscription.allowed.resume.ok && h("button", { type: "button", class: "button", "data-act": "resume", onclick: undo }, page.data.labels.resume),
        h("button", { type: "button", class: "button", "data-act": "calendar", onclick: keepDates }, t("calendar")),
        h("button", { type: "button", class: "button", "data-act": "print", onclick: () => print() }, t("print")),
        h("button", { type: "button", class: "button", "data-act": "overview", onclick: () => page.showOverview("plans") }, t("back_to_membership"))),
      subscription.allowed.resume.ok && h("p", { class: "note" }, t("done_undo")))));
  }
}
