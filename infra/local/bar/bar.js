// The local stack's own strip above our pages: who one is, and what time it is. It is served here and deployed nowhere.

const page = document.querySelector("lapse-membership, lapse-console");
const isConsole = page.localName === "lapse-console";
const here = new URL(location.href);
const bar = element("aside", { class: "bar", "aria-label": "Local stack" });
const now = element("strong", { id: "bar-now" });
const ran = element("p", { class: "bar-ran", role: "status" });
const wanted = element("input", { type: "date", id: "bar-date", "aria-label": "Date to go to" });
const account = element("input", { id: "bar-account", list: "bar-accounts", value: here.searchParams.get("account") ?? "smarter", spellcheck: "false" });
const accounts = element("datalist", { id: "bar-accounts" });
const role = element("select", { id: "bar-role" });

const ROLES = isConsole
  ? ["operator", "support_agent"]
  : ["super_admin", "billing_admin", "product_admin", "billing_contact", "member"];
for (const name of ROLES) role.append(element("option", { value: name }, name.replaceAll("_", " ")));
role.value = ROLES.includes(here.searchParams.get("role")) ? here.searchParams.get("role") : ROLES[0];

let token = null;

bar.append(
  element("div", { class: "bar-group" }, element("span", {}, "Local stack ·"), now,
    button("+1 day", () => move({ by: "P1D" })),
    button("Next consequence", () => move({ to_next: true })),
    wanted, button("Go", () => wanted.value && move({ to: `${wanted.value}T00:00:00Z` }))),
);
const asWhom = [element("label", { for: "bar-role" }, "Role"), role];
const ofAccount = [element("label", { for: "bar-account" }, "Account"), account, accounts];
bar.append(element("div", { class: "bar-group" },
  ...(isConsole ? asWhom : [...ofAccount, ...asWhom, button("Fill with an example", fill)])));
bar.append(ran);
document.body.prepend(bar);
account.addEventListener("change", signIn);
role.addEventListener("change", signIn);

await readClock();
const known = await ask("GET", "/_example");
for (const name of known.accounts) accounts.append(element("option", { value: name }));
// Whoever came over a one-time link is who that link was made for.
if (!page.hasAttribute("visiting")) signIn();

function signIn() {
  token = null;
  const url = new URL(location.href);
  if (!isConsole) {
    url.searchParams.set("account", account.value);
    url.searchParams.set("role", role.value);
    history.replaceState(null, "", url);
  }
  page.getToken = async () => {
    const who = isConsole ? { account_id: null, roles: [role.value] } : { account_id: account.value, roles: [role.value] };
    token ??= ask("POST", "/_tokens", who);
    return (await token).token;
  };
}

async function move(where) {
  const moved = await ask("POST", "/_clock", where);
  now.textContent = readable(moved.now);
  const jobs = moved.ran.map((one) => `${one.at.slice(0, 10)} ${one.job}`);
  ran.textContent = jobs.length === 0 ? "Nothing was due." : `Ran: ${jobs.slice(-4).join(", ")}${jobs.length > 4 ? `, and ${jobs.length - 4} before` : ""}.`;
  await page.refresh();
}

async function fill() {
  const filled = await ask("POST", "/_example", { account_id: account.value });
  ran.textContent = filled.did;
  await page.refresh();
}

async function readClock() {
  now.textContent = readable((await ask("GET", "/_clock")).now);
}

function readable(instant) {
  return instant.replace("T", " ").replace("Z", " UTC");
}

async function ask(method, path, body) {
  const answer = await fetch(path, { method, body: body && JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  const said = await answer.json();
  if (!answer.ok) {
    ran.textContent = said.detail;
    throw new Error(said.detail);
  }
  return said;
}

function button(label, work) {
  const made = element("button", { type: "button" }, label);
  made.addEventListener("click", async () => {
    made.disabled = true;
    try {
      await work();
    } catch {
      // What went wrong stands in the strip already.
    } finally {
      made.disabled = false;
    }
  });
  return made;
}

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
