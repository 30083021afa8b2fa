"""What services and callers have agreed on: RPC and event contracts (.proto), the vocabulary of operations, events."""
