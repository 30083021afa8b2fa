"""What the documents say is done: commands and code of their pages are run."""
