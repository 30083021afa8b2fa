// @ts-check
/** The signed-in operator's webhooks, with what was delivered to them. */
import { announce } from "../common/announcements.js";
import { element } from "../common/elements.js";
import { dayAndTime } from "../common/times.js";
import { badge, confirmed, failure, id, table } from "./parts.js";

/** @import { Schemas } from "../common/contract" */
/** @import { Session } from "../common/session" */

/** @param {Session} session */
export async function webhooksView(session) {
  const root = element("section", { "aria-labelledby": "view-title" }, element("h1", { id: "view-title" }, "Webhooks"));
  try {
    const { items } = await session.api.get("/v1/webhooks");
    if (!items.length) root.append(element("p", { class: "empty" }, "You have no webhooks. The reference says how to create one."));
    for (const webhook of items) root.append(await webhookPart(session, webhook));
  } catch (error) {
    root.append(failure(error));
  }
  return root;
}

/**
 * @param {Session} session
 * @param {Schemas["Webhook"]} webhook
 */
async function webhookPart(session, webhook) {
  const path = { webhook_id: webhook.id };
  const deliveries = element("div");
  const trouble = element("div", { "aria-live": "polite" });
  const show = async () => {
    const { items } = await session.api.get("/v1/webhooks/{webhook_id}/deliveries", { path, query: { limit: 50 } });
    deliveries.replaceChildren(table(`Deliveries to ${webhook.url}`, ["Delivery", "Event", "State", "Last attempt", "Action"], items.map((each) => {
      return [
        id(each.id), each.event_type, badge(each.status, each.status === "delivered" ? "good" : each.status === "failed" ? "bad" : ""),
        each.last_attempt_at ? `${dayAndTime(each.last_attempt_at)}: ${each.response_status ?? each.error}` : "none yet",
        element("button", { type: "button", class: "small", "aria-label": `Deliver ${each.event_type} ${each.id} again`, onclick: () => redeliver(each.id) }, "Deliver again"),
      ];
    }), "Nothing was delivered to it."));
  };
  const doing = async (/** @type {() => Promise<unknown>} */ act, /** @type {string} */ said) => {
    try {
      await act();
      trouble.replaceChildren();
      announce(said);
      await show();
    } catch (error) {
      trouble.replaceChildren(failure(error));
    }
  };
  const redeliver = async (/** @type {string} */ delivery) => {
    if (!(await confirmed("Deliver it again?", "Its receiver gets the same event once more, under the same id.", "Deliver it again"))) return;
    await doing(() => session.api.post("/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver", { path: { ...path, delivery_id: delivery } }), "It will be delivered again.");
  };
  const test = () => doing(() => session.api.post("/v1/webhooks/{webhook_id}/test", { path }), "A test is on its way.");
  await show();
  return element("div", { class: "panel" },
    element("div", { class: "row spread" }, element("h2", {}, webhook.url), badge(webhook.status, webhook.status === "enabled" ? "good" : "bad")),
    element("p", { class: "hint" }, id(webhook.id), ` is told of ${webhook.events.join(", ")}.`),
    trouble,
    element("div", { class: "row" }, element("button", { type: "button", class: "small", onclick: test }, "Send a test")),
    deliveries);
}
