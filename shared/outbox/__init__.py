"""The transactional outbox: append in the caller's transaction, relay, inbox.

A fact and its event share one transaction. The relay publishes what is unsent, in version order per stream; a consumer
applies a stream's next version together with its effect. So every event has its effect once, whatever is cut off. What
cannot be applied is parked, and redriven; what a consumer lacks is found by a replay, and read from its source.
"""
