"""What every response has: its headers, a problem document for a failure, a span and a line in the log."""
