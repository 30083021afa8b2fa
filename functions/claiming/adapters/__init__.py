"""The adapters: implementations of the claiming service's ports, wired in work.py."""
