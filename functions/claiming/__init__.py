"""The claiming service: claims, vouchers, their redemption on a chain, and receipts. See README.md."""
