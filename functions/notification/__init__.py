"""Notification: those whom something concerns are told, in their feed and at addresses of their own.

It promises that nobody is told of what is another's; that each feed is in one order, in which whoever holds a cursor
misses nothing; and that what a webhook asks for is delivered at least once, or shown as failed after 72 hours. One
address that hangs or fails holds up no other.
"""
