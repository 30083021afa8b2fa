"""Jobs over many items: failures are isolated per item, recorded, retried with backoff. See README.md."""
