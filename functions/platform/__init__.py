"""Platform: health, API documents, metrics, audit, parked events and housekeeping across services; see README.md."""
