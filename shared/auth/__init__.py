"""Keys, tokens, sessions, and how services prove to each other who they are."""
