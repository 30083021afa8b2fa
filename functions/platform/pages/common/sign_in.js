// @ts-check
/** The part of a page's header where one signs in and out, with the dialog that asks with which account. */
import { accountOf, discoverWallets, local, localAccount } from "./accounts.js";
import { announce } from "./announcements.js";
import { element } from "./elements.js";

/** @import { Account } from "./contract" */
/** @import { Session } from "./session" */

/** The chain that a key of the page signs in for: the local stack's. */
const LOCAL_CHAIN = 31337;

/**
 * @typedef {object} SignIn
 * @property {HTMLElement} bar for the header: "Sign in", or who is signed in
 * @property {() => void} ask opens the dialog
 */

/**
 * @param {Session} session
 * @param {string} why a sentence for the dialog: what signing in is good for here
 * @returns {SignIn}
 */
export function signInParts(session, why) {
  const bar = element("div", { class: "who" });
  const failure = element("p", { class: "failure", role: "alert", hidden: true });
  const choices = element("div", { class: "choices" });
  const dialog = element(
    "dialog",
    { "aria-labelledby": "sign-in-title", class: "narrow" },
    element("h2", { id: "sign-in-title" }, "Sign in"),
    element("p", {}, why),
    choices,
    failure,
    element("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Not now"),
  );
  document.body.append(dialog);

  const enter = async (/** @type {() => Account | Promise<Account>} */ account) => {
    failure.hidden = true;
    choices.inert = true;
    try {
      await session.signIn(await account(), LOCAL_CHAIN);
      dialog.close();
      announce("You are signed in.");
    } catch (error) {
      failure.textContent = `That did not work: ${messageOf(error)}`;
      failure.hidden = false;
    } finally {
      choices.inert = false;
    }
  };
  if (local)
    choices.append(
      choice("Use a key of this browser", "Made here, and kept here: good for the local stack.", () =>
        enter(localAccount),
      ),
    );
  const none = element("p", { class: "hint" }, "No wallet was found in this browser.");
  choices.append(none);
  discoverWallets((wallet) => {
    none.remove();
    choices.append(
      choice(wallet.name, "It asks you to sign a message, which costs nothing.", () => enter(() => accountOf(wallet))),
    );
  });

  const ask = () => {
    failure.hidden = true;
    if (!dialog.open) dialog.showModal();
  };
  const show = () => bar.replaceChildren(...(session.address ? whoIs(session, session.address) : [signInButton(ask)]));
  session.addEventListener("change", show);
  show();
  return { bar, ask };
}

/** @param {() => void} ask */
function signInButton(ask) {
  return element("button", { type: "button", class: "primary", onclick: ask }, "Sign in");
}

/**
 * @param {Session} session
 * @param {string} address
 */
function whoIs(session, address) {
  const leave = async () => {
    await session.signOut();
    announce("You are signed out.");
  };
  return [
    element("span", { class: "address", title: address }, shortened(address)),
    element("button", { type: "button", class: "quiet", onclick: leave }, "Sign out"),
  ];
}

/**
 * @param {string} name
 * @param {string} hint
 * @param {() => void} chosen
 */
function choice(name, hint, chosen) {
  return element(
    "button",
    { type: "button", class: "choice", onclick: chosen },
    element("b", {}, name),
    element("small", {}, hint),
  );
}

/**
 * An address, or another long identifier, by its ends.
 *
 * @param {string} text
 */
export function shortened(text) {
  return text.length > 14 ? `${text.slice(0, 6)}…${text.slice(-4)}` : text;
}

/**
 * What went wrong, for a person.
 *
 * @param {unknown} error
 */
export function messageOf(error) {
  const message = error instanceof Object && "message" in error ? String(error.message) : "";
  return message || "the wallet gave no reason.";
}
