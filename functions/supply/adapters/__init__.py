"""The adapters that implement the supply ports; work.py wires them."""
