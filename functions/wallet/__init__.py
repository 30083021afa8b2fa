"""The wallet service: wallets, the double-entry ledger, holds, and custody on a chain. See README.md."""
