// Speaks to the API: one token from memory, one way of being refused.

const PATIENCE_MS = 40_000;

/** What the API refused, or that nobody answered (`code` is `offline`). */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.code ?? String(status));
    this.status = status;
    this.code = problem.code ?? "internal_error";
    this.problem = problem;
  }
}

export class Api {
  /** `getToken` is asked before each request, so that whoever embeds us may renew it. */
  constructor(base, getToken) {
    this.base = base.replace(/\/$/, "");
    this.getToken = getToken;
  }

  get(path) { return this.ask("GET", path); }
  post(path, body = {}) { return this.ask("POST", path, body, { "Idempotency-Key": newKey() }); }
  delete(path) { return this.ask("DELETE", path); }

  async ask(method, path, body, more = {}) {
    const headers = { Accept: "application/json", ...more };
    const token = this.getToken ? await this.getToken() : null;
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await send(this.base + path, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refusal(answer.status, said);
    return worded(said);
  }
}

async function send(url, request) {
  try {
    return await fetch(url, request);
  } catch (error) {
    throw new Refusal(0, { code: "offline", detail: String(error?.message ?? error) });
  }
}

/** Puts the answer's words beside what they say: `words: {"/wallet/balance": "1.26 USD"}` → `wallet.words.balance`. */
export function worded(answer) {
  for (const [pointer, text] of Object.entries(answer?.words ?? {})) {
    const steps = pointer.slice(1).split("/").map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
    const name = steps.pop();
    const parent = steps.reduce((value, step) => value?.[step], answer);
    if (parent && typeof parent === "object") {
      if (!Object.hasOwn(parent, "said")) Object.defineProperty(parent, "said", { value: Object.create(null) });
      parent.said[name] = text;
    }
  }
  return answer;
}

/** How a person reads one instant or amount of an answer, or null when there is none. */
export function said(record, name) {
  return record?.said?.[name] ?? null;
}

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
