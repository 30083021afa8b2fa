"""Orders: the purchase saga, from placed to completed; see README.md."""
