// Our own page around the element: whoever comes over a one-time link exchanges its code for a token, once.

import { HERE } from "./lapse-membership.js";
import { Api } from "./api.js";

const element = document.querySelector("lapse-membership");
const here = new URL(location.href);
const code = new URLSearchParams(here.hash.slice(1)).get("code");

const language = here.searchParams.get("locale");
if (language) element.setAttribute("locale", language);

if (code) {
  element.toggleAttribute("visiting", true);
  // At once, before anything can fail: the code is to stand neither in the address nor in the history.
  here.hash = "";
  history.replaceState(null, "", here);
  await arrive(code);
}

async function arrive(code) {
  try {
    const visit = await new Api(HERE, null).post("/v1/page-codes/exchange", { code });
    element.returnUrl = visit.return_url;
    element.begin = visit.subscription_id;
    // Held by this function alone: no storage knows it, and it ends with the tab.
    element.getToken = () => visit.token;
  } catch (refusal) {
    element.explain(refusal);
  }
}
