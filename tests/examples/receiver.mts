// Receives webhooks: receiver.mts PORT, with the webhook's secret in WEBHOOK_SECRET. Prints what it receives.
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

import { Webhook, WebhookVerificationError } from "standardwebhooks";

const webhook = new Webhook(process.env["WEBHOOK_SECRET"] ?? "");
const handled = new Set<string>(); // keep it in your database, in the transaction that handles the event

createServer(async (request, response) => {
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  let event;
  try {
    // The signature covers the bytes as they were sent: verify these, never what was parsed and written again.
    event = webhook.verify(await text(request), headers) as { id: string; type: string; subject: string };
  } catch (error) {
    response.writeHead(error instanceof WebhookVerificationError ? 401 : 500).end();
    return;
  }
  // A delivery may come twice, and out of order: `subject` and `streamversion` say which event came first.
  if (!handled.has(event.id)) {
    handled.add(event.id);
    console.log(event.type, event.subject);
  }
  response.writeHead(204).end();
}).listen(Number(process.argv[2]), "127.0.0.1");
