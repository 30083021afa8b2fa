// @ts-check
/** The shop: puts its parts together. What is on sale is for anybody; the rest comes with signing in. */
import { announce } from "../common/announcements.js";
import { ApiProblem } from "../common/api.js";
import { byId } from "../common/elements.js";
import { Session } from "../common/session.js";
import { signInParts } from "../common/sign_in.js";
import { Activity } from "./activity.js";
import { Catalogue } from "./catalogue.js";
import { OrderDialog } from "./order_dialog.js";
import { OrderList } from "./orders.js";
import { PurchaseDialog } from "./purchase.js";
import { SellDialog } from "./sell.js";
import { WalletPanel } from "./wallet_panel.js";

const session = new Session();
const signIn = signInParts(session, "Your address is your account: there is no password, and no name is asked for.");
const wallet = new WalletPanel(session);
const order = new OrderDialog(session, () => void refreshOwn());
const openOrder = (/** @type {string} */ orderId) => void order.open(orderId);
const purchase = new PurchaseDialog(session, wallet, openOrder);
const catalogue = new Catalogue(session, (supply) => whenSignedIn(() => void purchase.open(supply)));
const sell = new SellDialog(session, async () => {
  await catalogue.refresh();
  announce("It is on sale.");
});
const yours = { title: "Your orders", empty: "You have not bought anything yet." };
const orders = new OrderList(session, byId("order-list", HTMLDivElement), yours, openOrder);
const sold = { title: "What you have sold", ofMerchant: true, empty: "" };
const sales = new OrderList(session, byId("sale-list", HTMLDivElement), sold, openOrder);
const activity = new Activity(session, (item, fresh) => {
  if (!fresh) return;
  const { order_id: orderId } = /** @type {Record<string, unknown>} */ (item.data);
  order.moved(typeof orderId === "string" ? orderId : item.subject);
  void refreshOwn();
});

/** What somebody wanted to do before they had to sign in. @type {(() => void) | null} */
let wanted = null;

/** @param {() => void} act */
function whenSignedIn(act) {
  if (session.address) return act();
  wanted = act;
  signIn.ask();
}

let refreshing = false;
let stale = false;

/** Show what belongs to who has signed in; whoever asks meanwhile has it shown once more. */
async function refreshOwn() {
  stale = true;
  if (refreshing) return;
  refreshing = true;
  try {
    while (stale && session.address) {
      stale = false;
      await showOwn();
    }
  } finally {
    refreshing = false;
  }
}

async function showOwn() {
  try {
    await Promise.all([wallet.refresh(), orders.refresh()]);
    byId("sales", HTMLDivElement).hidden = !(await sales.refresh());
  } catch (error) {
    // The next event or reload shows it; a session that is over has ended this view already.
    if (!(error instanceof ApiProblem)) throw error;
    if (session.address) announce(`Your orders cannot be shown: ${error.message}`);
  }
}

function signedInOrOut() {
  const inside = session.address !== null;
  byId("own", HTMLDivElement).hidden = !inside;
  byId("sections", HTMLElement).hidden = !inside;
  activity.restart();
  void refreshOwn();
  const act = wanted;
  wanted = null;
  if (inside && act) setTimeout(act); // once the dialog in which they signed in has closed
}

byId("who", HTMLDivElement).replaceWith(signIn.bar);
byId("sell", HTMLButtonElement).addEventListener("click", () => whenSignedIn(() => sell.open()));
session.addEventListener("change", signedInOrOut);
signedInOrOut();
void catalogue.follow();
