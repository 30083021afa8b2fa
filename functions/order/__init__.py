"""Orders: the purchase itself, from placed to claimed.

It promises that every order comes to exactly one outcome, and that what it had reserved and held is either sold and
paid or given back, whatever crashes, repeats or races. An order is the fold of its events; saga.py brings it forward.
"""
