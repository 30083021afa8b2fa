"""Ethereum: nodes, signing keys, transactions, contracts. `core` is the pure part, which operations may import too."""
