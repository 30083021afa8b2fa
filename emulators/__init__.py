"""The local stack: every part that the cloud would run, as ordinary processes of one user on one machine.

It reads functions/registry.yaml, as Terraform does, and promises three things: a part that dies comes back, nothing is
left behind after `down` (or before the next `up`), and state lasts from `up` to `down` and no longer.
"""
