"""The identity service: sign-in with Ethereum, users, roles, sessions and signing keys. See README.md."""
