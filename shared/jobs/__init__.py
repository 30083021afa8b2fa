"""Jobs over many items: an item's failure is its own, is counted, backs off, and is seen. See README.md."""
