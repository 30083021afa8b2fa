"""The shop in Chromium: a stranger buys and claims; every state is shown, and to everybody."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect

from emulators.demo.api_user import ApiUser
from tests.acceptance.visitor import Visitor
from tests.database_probe import DatabaseProbe

Sell = Callable[..., dict[str, Any]]
Visit = Callable[[str], Visitor]

SUPPLIES = "**/v1/supplies?*"
TO_CLAIM = 60_000
"""How long the relayer and the chain may take for a claim, in milliseconds."""


def card(visitor: Visitor, supply: dict[str, Any]) -> Locator:
    """The card of a supply; as many are shown as it takes."""
    found = visitor.page.locator(f'[data-supply="{supply["id"]}"]')
    expect(visitor.page.locator("#supplies > li").first).to_be_visible()
    more = visitor.button("Show more")
    while not found.count():
        more.click()
    return found


def enter(visitor: Visitor, press: Callable[[Locator], None]) -> None:
    """Sign in with a key of the browser, in the dialog that is open."""
    press(visitor.page.get_by_role("button", name="Use a key of this browser"))


def ways(visitor: Visitor) -> dict[str, Callable[[Locator], None]]:
    """How somebody presses a button."""
    return {"mouse": lambda button: button.click(), "keyboard": visitor.press}


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_a_stranger_buys_and_claims(visit: Visit, on_sale: Sell, probe: DatabaseProbe, way: str) -> None:
    """From a page that nobody has signed in to, to the token on the chain; the receipt is a JWS."""
    supply = on_sale(asset=None, title=f"Bought by {way}", unit_price="25000000")
    visitor = visit("/shop")
    press = ways(visitor)[way]
    press(visitor.button("Buy", card(visitor, supply)))
    enter(visitor, press)
    purchase = visitor.page.get_by_role("dialog", name=f"Buy {supply['title']}")
    expect(purchase).to_contain_text("Your wallet has too little.")
    press(visitor.button("Get 25 USDC from the faucet", purchase))
    press(visitor.button("Pay 25 USDC", purchase))
    order = visitor.page.get_by_role("dialog", name=f"1 × {supply['title']}")
    press(visitor.button("Claim it", order))
    expect(order.get_by_role("heading", name="Your token")).to_be_visible()
    expect(order).to_contain_text("Transaction", timeout=TO_CLAIM)
    with visitor.page.expect_download() as download:
        press(visitor.button("Download the receipt", order))
    assert download.value.path().read_text().count(".") == 2
    press(visitor.button("Close", order))
    expect(visitor.page.locator("#order-list")).to_contain_text(supply["title"])
    expect(visitor.page.locator("#activity")).to_contain_text("Token delivered on the chain")
    rows = probe.rows("order", "SELECT status FROM orders WHERE items -> 0 ->> 'supply_id' = :id", id=supply["id"])
    assert [row["status"] for row in rows] in (["claimed"], ["completed"])


def test_a_merchant_sells_and_refunds(
    visit: Visit, edge: Any, paid_order: Callable[..., dict[str, Any]], buyer: ApiUser
) -> None:
    """Puts something on sale, sees somebody buy it, and gives the money back; the buyer has it again."""
    visitor = visit("/shop")
    page = visitor.page
    visitor.button("Sell something").click()
    enter(visitor, ways(visitor)["mouse"])
    title = f"Sold at {datetime.now(UTC):%H:%M:%S.%f}"
    page.get_by_label("What it is called").fill(title)
    page.get_by_label("Price of one in USDC").fill("0.0005")
    visitor.button("Put it on sale").click()
    mine = page.locator("#supplies > li", has_text=title)
    expect(mine).to_contain_text("0.0005 USDC")
    supply = {"id": mine.get_attribute("data-supply")}
    had = buyer.balance("USDC")
    order = paid_order(buyer, supply)
    page.locator("#sale-list").get_by_role("button", name=title).click()
    visitor.button("Refund it").click()
    expect(page.get_by_role("dialog", name=title)).to_contain_text("Refunded")
    buyer.wait_for(f"/v1/orders/{order['id']}", "status", "refunded")
    assert buyer.balance("USDC") == had


def test_every_state_of_a_sale_is_shown(
    visit: Visit, on_sale: Sell, buyer: ApiUser, ordered: Callable[..., dict[str, Any]]
) -> None:
    """On sale, free, sold out, not yet, over, by list; only what can be bought has a button that works."""
    now = datetime.now(UTC)
    later = (now + timedelta(hours=5)).isoformat()
    listed = {"name": "Friends", "starts_at": now.isoformat(), "allowlist_root": "0x" + "a1" * 32}
    gone = on_sale(quantity=1)
    ordered(buyer, gone)
    shown = {
        "On sale": (on_sale(), True),
        "Free": (on_sale(unit_price="0"), True),
        "Sold out": (gone, False),
        "Opening in 4 hours": (on_sale(phases=[{"name": "Opening", "starts_at": later}]), False),
        "Friends: by list": (on_sale(phases=[listed]), True),
    }
    visitor = visit("/shop")
    for words, (supply, works) in shown.items():
        found = card(visitor, supply)
        expect(found).to_contain_text(words)
        assert found.get_by_role("button").is_enabled() == works, words
    supply, _ = shown["Friends: by list"]
    card(visitor, supply).get_by_role("button").click()
    enter(visitor, ways(visitor)["mouse"])
    dialog = visitor.page.get_by_role("dialog", name="Buy A thing")
    expect(dialog).to_contain_text("Only addresses on the merchant’s list may buy it now")
    dialog.get_by_label("Your proof").fill("0x" + "b2" * 32)
    expect(visitor.button("Pay 0.001 USDC", dialog)).to_be_disabled()


def test_what_is_missing_is_said(visit: Visit, on_sale: Sell) -> None:
    """Nothing on sale, and an API that does not answer, which it does again after a while."""
    on_sale()
    visitor = visit("/shop")
    page = visitor.page
    expect(page.locator("#supplies > li").first).to_be_visible()
    visitor.expected = {503}
    refusal = {"status": 503, "detail": "The database is away.", "code": "UNAVAILABLE"}

    def away(route: Route) -> None:
        route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(refusal))

    page.route(SUPPLIES, away)
    expect(page.get_by_role("alert")).to_contain_text("The database is away.")
    page.unroute(SUPPLIES)
    page.route(SUPPLIES, lambda route: route.fulfill(json={"items": [], "next_cursor": None}))
    expect(page.get_by_role("heading", name="Nothing is on sale yet")).to_be_visible()
    expect(page.locator("#trouble")).to_be_hidden()


def test_it_is_for_everybody(visit: Visit, on_sale: Sell) -> None:
    """axe finds nothing in any view, on a phone and a desktop, in light and dark; nothing is wider than the screen."""
    supply = on_sale(
        asset=None, title="A thing with a rather long name, as merchants give them", description="Of paper."
    )
    visitor = visit("/shop")
    click = ways(visitor)["mouse"]
    buy = card(visitor, supply).get_by_role("button")
    found = visitor.check("what is on sale")
    buy.click()
    found += visitor.check("sign-in")
    enter(visitor, click)
    purchase = visitor.page.get_by_role("dialog", name=f"Buy {supply['title']}")
    expect(purchase).to_contain_text("Your wallet has too little.")
    found += visitor.check("a purchase")
    visitor.button("Get 0.001 USDC from the faucet").click()
    visitor.button("Pay 0.001 USDC").click()
    visitor.button("Claim it").click()
    expect(visitor.page.get_by_role("heading", name="Your token")).to_be_visible()
    found += visitor.check("an order")
    visitor.button("Close").click()
    found += visitor.check("one's own things")
    visitor.button("Sell something").click()
    found += visitor.check("a sale")
    assert not found, "\n".join(found)


def test_a_browsers_wallet_signs_in(visit: Visit) -> None:
    """By EIP-6963 and EIP-1193: what it is asked for is EIP-4361's message, and what it declines is said."""
    visitor = visit("/shop")
    page = visitor.page
    page.evaluate(WALLET)
    visitor.button("Sign in").click()
    page.get_by_role("button", name="A careful wallet").click()
    expect(page.get_by_role("alert").filter(has_text="The owner said no.")).to_be_visible()
    page.get_by_role("button", name="A careful wallet").click()
    expect(visitor.button("Sign out")).to_be_visible()
    expect(page.locator(".who .address")).to_contain_text("0x")
    page.reload()
    expect(visitor.button("Sign out")).to_be_visible()  # the session outlives a reload
    visitor.button("Sign out").click()
    expect(visitor.button("Sign in")).to_be_visible()
    expect(page.locator("#own")).to_be_hidden()


WALLET = """async () => {
  const { addressOf, newPrivateKey, signMessage } = await import("/pages/common/ethereum.js");
  const key = newPrivateKey();
  const bytes = (hex) => Uint8Array.from(hex.slice(2).match(/../g), (byte) => parseInt(byte, 16));
  let asked = 0;
  const provider = {
    async request({ method, params }) {
      if (method === "eth_requestAccounts") return [addressOf(key).toLowerCase()];
      if (method === "eth_chainId") return "0x7a69";
      if (method !== "personal_sign") throw new Error(method);
      if (asked++ === 0) throw { code: 4001, message: "The owner said no." };
      return signMessage(new TextDecoder().decode(bytes(params[0])), key);
    },
  };
  const detail = { info: { name: "A careful wallet" }, provider };
  dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
}"""
"""A wallet that declines once, with a key of its own."""

AMOUNTS = """async () => {
  const { formatAmount, parseAmount } = await import("/pages/common/money.js");
  const shown = [["0", "USDC"], ["1", "USDC"], ["1500000", "USDC"], ["1234567000000", "USDC"], ["1", "ETH"]];
  const typed = ["0", "1.5", "0.0000001", "1e3", "-1", "", "1.", "٣", "99999999999999999999.000001"];
  return [shown.map(([amount, currency]) => formatAmount(amount, currency)),
          formatAmount((2n ** 256n - 1n).toString(), "USDC"),
          typed.map((text) => String(parseAmount(text, "USDC")))];
}"""


def test_amounts_are_exact(visit: Visit) -> None:
    """Atomic units to the last digit, whatever their size; what is no amount is none."""
    shown, greatest, typed = visit("/shop").page.evaluate(AMOUNTS)
    assert shown == ["0 USDC", "0.000001 USDC", "1.5 USDC", "1,234,567 USDC", "0.000000000000000001 ETH"]
    assert greatest.replace(",", "") == f"{(2**256 - 1) // 10**6}.{(2**256 - 1) % 10**6} USDC"
    assert typed == ["0", "1500000", "null", "null", "null", "null", "null", "null", "99999999999999999999000001"]
