"""What every service needs: whether the system is well, what it offers, and its events on request."""
