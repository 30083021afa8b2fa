"""What the console does to a running stack: a loopback endpoint with a token; see README.md here."""
