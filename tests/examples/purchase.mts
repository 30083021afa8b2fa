// Buys a unit of a supply and claims it: purchase.mts URL SUPPLY. Prints the claim's id.
import { Wallet } from "ethers";
import { createMeridian, idempotencyKey, iterate, signIn, unwrap, waitUntilPaid } from "meridian-client";

const [baseUrl, supplyId] = process.argv.slice(2);
if (!baseUrl || !supplyId) throw new Error("usage: purchase.mts URL SUPPLY");

// In a browser the user's wallet signs; here it is a new key.
const account = Wallet.createRandom();
const tokens = await signIn(baseUrl, account.address, (message) => account.signMessage(message));
const meridian = createMeridian({ baseUrl, tokens });

const wallets = iterate((cursor) => meridian.GET("/v1/wallets", { params: { query: { cursor } } }));
const wallet = (await wallets.next()).value;
if (!wallet) throw new Error("signing in opens a wallet");

// The local stack gives money away; elsewhere it is deposited.
const supply = unwrap(await meridian.GET("/v1/supplies/{supply_id}", { params: { path: { supply_id: supplyId } } }));
const currency = supply.currency as "USDC";
unwrap(await meridian.POST("/v1/local/faucet", { body: { wallet_id: wallet.id, currency, amount: supply.unit_price } }));

const order = unwrap(
  await meridian.POST("/v1/orders", {
    params: { header: idempotencyKey() },
    body: { wallet_id: wallet.id, items: [{ supply_id: supplyId, quantity: 1 }] },
  }),
);
await waitUntilPaid(meridian, order.id);
const claim = unwrap(await meridian.POST("/v1/claims", { body: { order_id: order.id } }));
console.log(claim.id);
