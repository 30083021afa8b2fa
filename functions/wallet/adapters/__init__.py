"""The adapters: implementations of the wallet service's ports, wired in work.py."""
