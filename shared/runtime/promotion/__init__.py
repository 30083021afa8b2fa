"""Promotes a cell: the whole of it in one process, before anybody serves it."""
