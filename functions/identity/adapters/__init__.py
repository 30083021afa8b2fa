"""The adapters: implementations of the identity service's ports, wired in work.py."""
