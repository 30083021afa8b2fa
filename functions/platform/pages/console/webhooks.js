// @ts-check
/** The webhooks of all users: the newest, a user's, or one with what was delivered to it, which may be delivered again. */
import { announce } from "../common/announcements.js";
import { element } from "../common/elements.js";
import { dayAndTime } from "../common/times.js";
import { list } from "./lists.js";
import { badge, confirmed, failure, finder, id, table } from "./parts.js";

/** @import { Schemas } from "../common/contract" */
/** @import { Session } from "../common/session" */

/**
 * @param {Session} session
 * @param {string} wanted the id of a webhook or of a user; empty for all
 */
export async function webhooksView(session, wanted) {
  const form = finder("webhooks", "Webhook or owner", wanted, "whk_… or usr_…");
  if (wanted.startsWith("whk_")) return oneWebhook(session, wanted, form);
  const caption = wanted ? `Webhooks of ${wanted}` : "All webhooks, the newest first";
  return list("Webhooks", caption, ["Webhook", "Address", "State", "Owner", "Created"], "There is no such webhook.", async (cursor) => {
    const page = await session.api.get("/v1/operator/webhooks", { query: { user_id: wanted || undefined, cursor, limit: 50 } });
    return {
      items: page.items.map((each) => [
        element("a", { href: `#webhooks/${each.id}`, class: "id" }, each.id), each.url, badge(each.status, each.status === "enabled" ? "good" : "bad"),
        element("a", { href: `#webhooks/${each.user_id}`, class: "id" }, each.user_id), dayAndTime(each.created_at),
      ]),
      next: page.next_cursor,
    };
  }, form);
}

/**
 * @param {Session} session
 * @param {string} wanted
 * @param {HTMLElement} form
 */
async function oneWebhook(session, wanted, form) {
  const root = element("section", { "aria-labelledby": "view-title" }, element("h1", { id: "view-title" }, "Webhooks"), form);
  try {
    const { items: [webhook] } = await session.api.get("/v1/operator/webhooks", { query: { webhook_id: wanted } });
    root.append(webhook ? await webhookPart(session, webhook) : element("p", { class: "empty" }, "There is no such webhook."));
  } catch (error) {
    root.append(failure(error));
  }
  return root;
}

/**
 * @param {Session} session
 * @param {Schemas["OwnedWebhook"]} webhook
 */
async function webhookPart(session, webhook) {
  const path = { webhook_id: webhook.id };
  const deliveries = element("div");
  const trouble = element("div", { "aria-live": "polite" });
  const show = async () => {
    const { items } = await session.api.get("/v1/operator/webhooks/{webhook_id}/deliveries", { path, query: { limit: 50 } });
    deliveries.replaceChildren(table(`Deliveries to ${webhook.url}`, ["Delivery", "Event", "State", "Last attempt", "Action"], items.map((each) => {
      return [
        id(each.id), each.event_type, badge(each.status, each.status === "delivered" ? "good" : each.status === "failed" ? "bad" : ""),
        each.last_attempt_at ? `${dayAndTime(each.last_attempt_at)}: ${each.response_status ?? each.error}` : "none yet",
        element("button", { type: "button", class: "small", "aria-label": `Deliver again: ${each.event_type} ${each.id}`, onclick: () => redeliver(each.id) }, "Deliver again"),
      ];
    }), "Nothing was delivered to it."));
  };
  const redeliver = async (/** @type {string} */ delivery) => {
    if (!(await confirmed("Deliver it again?", "Its receiver gets the same event once more, under the same id.", "Deliver it again"))) return;
    try {
      await session.api.post("/v1/operator/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver", { path: { ...path, delivery_id: delivery } });
      trouble.replaceChildren();
      announce("It will be delivered again.");
      await show();
    } catch (error) {
      trouble.replaceChildren(failure(error));
    }
  };
  await show();
  return element("div", { class: "panel" },
    element("div", { class: "row spread" }, element("h2", {}, webhook.url), badge(webhook.status, webhook.status === "enabled" ? "good" : "bad")),
    element("p", { class: "hint" }, id(webhook.id), " of ", element("a", { href: `#webhooks/${webhook.user_id}`, class: "id" }, webhook.user_id), ` is told of ${webhook.events.join(", ")}.`),
    trouble,
    deliveries);
}
