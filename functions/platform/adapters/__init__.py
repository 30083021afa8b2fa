"""The adapters that implement the platform ports; work.py wires them."""
