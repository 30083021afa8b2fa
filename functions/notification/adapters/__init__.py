"""The adapters that implement the notification ports; work.py wires them."""
