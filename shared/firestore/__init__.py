"""Firestore: timeouts, retries, and the translation of its errors."""
