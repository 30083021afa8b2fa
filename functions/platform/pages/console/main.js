// @ts-check
/** The console: signs operators in, and shows the view that the URL names behind the #. */
import { local } from "../common/accounts.js";
import { Api, ApiProblem } from "../common/api.js";
import { byId, element, setText } from "../common/elements.js";
import { Session } from "../common/session.js";
import { messageOf, signInParts } from "../common/sign_in.js";
import { auditView } from "./audit.js";
import { controlOfPage } from "./control.js";
import { InvariantsPanel } from "./invariants.js";
import { ordersView, suppliesView } from "./lists.js";
import { failure, table } from "./parts.js";
import { RegionsPanel } from "./regions.js";
import { SalePanel } from "./sale.js";
import { storyView } from "./story.js";
import { Watch } from "./watch.js";
import { walletsView } from "./wallets.js";
import { webhooksView } from "./webhooks.js";

const control = controlOfPage();
const session = new Session();
const signIn = signInParts(session, "The console is for operators: sign in with the wallet of one.");
const main = byId("view", HTMLElement);
const nav = byId("views", HTMLElement);
const watch = new Watch(session, control);

/** @type {Record<string, {title: string, view: (rest: string) => HTMLElement | Promise<HTMLElement>}>} */
const VIEWS = {
  live: { title: "Live", view: liveView },
  story: { title: "Purchase", view: (rest) => storyView(session, control, rest) },
  supplies: { title: "Supplies", view: () => suppliesView(session) },
  orders: { title: "Orders", view: () => ordersView(session) },
  wallets: { title: "Wallets", view: (rest) => walletsView(session, rest) },
  webhooks: { title: "Webhooks", view: (rest) => webhooksView(session, rest) },
  audit: { title: "Audit", view: () => auditView(session) },
  ...(control && { processes: { title: "Processes", view: () => processesView() } }),
};

/** Whether who is signed in is an operator; null while that is not known. @type {boolean | null} */
let operator = null;

/** Counts what is shown, so that a slow view does not replace a later one. */
let turn = 0;

/** Shows what has changed, in the view that is shown. */
let refresh = () => {};

async function enter() {
  watch.stop();
  refresh = () => {};
  operator = null;
  if (session.address) {
    try {
      operator = (await session.api.get("/v2/me")).scopes.includes("operator");
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      return main.replaceChildren(failure(error));
    }
  }
  nav.hidden = !operator;
  if (operator) watch.start();
  await show();
}

async function show() {
  const mine = ++turn;
  refresh = () => {};
  const [name = "", ...rest] = location.hash.slice(1).split("/");
  const view = VIEWS[name] ?? VIEWS.live;
  for (const link of nav.querySelectorAll("a")) link.removeAttribute("aria-current");
  if (!operator || !view) return main.replaceChildren(operator === null ? door() : stranger());
  nav.querySelector(`a[href="#${VIEWS[name] ? name : "live"}"]`)?.setAttribute("aria-current", "page");
  document.title = `${view.title} · Meridian console`;
  const made = await view.view(decodeURIComponent(rest.join("/")));
  if (mine === turn) main.replaceChildren(made);
}

/** What those see who are not signed in. */
function door() {
  const trouble = element("div");
  const enterLocally = async () => {
    try {
      const tokens = await new Api().post("/v1/local/token", { body: { person: "operator" } });
      const { address } = await new Api({ token: async () => tokens.access_token, renew: async () => false }).get("/v2/me");
      session.enter(tokens, address);
    } catch (error) {
      trouble.replaceChildren(failure(error));
    }
  };
  return element("section", { "aria-labelledby": "view-title", class: "empty" },
    element("h1", { id: "view-title" }, "Sign in to see the system"),
    element("p", {}, "The console is for operators."),
    trouble,
    element("div", { class: "row" },
      ...(local ? [element("button", { type: "button", class: "primary", onclick: enterLocally }, "Continue as the local stack’s operator")] : []),
      element("button", { type: "button", onclick: signIn.ask }, "Sign in with a wallet")));
}

/** What those see who are no operators. */
function stranger() {
  return element("section", { "aria-labelledby": "view-title", class: "empty" },
    element("h1", { id: "view-title" }, "You are no operator"),
    element("p", {}, "This address may not see the system. Sign out, and in again with an operator’s wallet."));
}

/** Regions and the sale, as they are now. */
function liveView() {
  const [regions, sale, invariants] = [new RegionsPanel(watch, control), new SalePanel(watch, control), new InvariantsPanel(watch)];
  const trouble = element("p", { class: "failure", role: "alert", hidden: true });
  const jobs = element("div", { "aria-live": "polite" });
  refresh = () => {
    trouble.hidden = !watch.trouble;
    setText(trouble, watch.trouble);
    regions.show();
    sale.show();
    invariants.show();
    const job = watch.jobs.find((each) => each.kind === "region");
    const said = job ? `${job.action} ${job.subjects.join(" and ")}: ${job.status === "failed" ? job.failure : job.step || job.status}` : "";
    if (jobs.textContent !== said) jobs.replaceChildren(...(said ? [element("p", { class: job?.status === "failed" ? "failure" : "notice" }, said)] : []));
  };
  refresh();
  return element("div", { class: "stack" }, element("h1", { class: "unseen" }, "Live"), trouble, jobs, regions.root, sale.root, invariants.root);
}

/** The processes of the local stack. */
async function processesView() {
  const root = element("section", { "aria-labelledby": "view-title" }, element("h1", { id: "view-title" }, "Processes"));
  try {
    const state = await control?.state();
    root.append(table("Processes of the stack", ["Process", "State", ...["Pid", "Port", "Seconds"].map((title) => ({ title, number: true }))],
      (state?.processes ?? []).map((each) => [each.name, each.state, ...[each.pid, each.port, each.seconds].map((value) => String(value ?? "–"))]), "Nothing runs."));
  } catch (error) {
    root.append(failure(error));
  }
  return root;
}

/** @param {unknown} error */
function fatal(error) {
  main.replaceChildren(failure(error));
  throw new Error(messageOf(error), { cause: error });
}

document.querySelector(".skip")?.addEventListener("click", (event) => {
  event.preventDefault(); // what is behind the # names the view
  main.focus();
});
nav.append(...Object.entries(VIEWS).map(([name, { title }]) => element("a", { href: `#${name}` }, title)));
byId("who", HTMLDivElement).replaceWith(signIn.bar);
watch.addEventListener("change", () => refresh());
session.addEventListener("change", () => void enter().catch(fatal));
addEventListener("hashchange", () => void show().catch(fatal));
void enter().catch(fatal);
