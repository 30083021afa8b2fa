"""What keeps one sick part from making the others sick."""
