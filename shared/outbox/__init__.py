"""The transactional outbox: append in the caller's transaction, relay, inbox.

A state change and its event share one transaction. The relay publishes unsent events, in version order per stream; a
consumer applies a stream's next version together with its effect. So every event takes effect exactly once, whatever
crashes. An event that cannot be applied is parked, and can be redriven; events that a consumer is missing are found
by a comparison and read from their source.
"""
