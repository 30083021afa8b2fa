"""The adapters that implement the order ports; work.py wires them."""
