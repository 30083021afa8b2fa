"""Notification: activity feeds and webhooks; see README.md."""
