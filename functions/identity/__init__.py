"""Who someone is.

It promises that nobody signs in without the key of the address that signs in: a message is for this site, fresh, and
accepted once. An address belongs to one user for ever, whatever races. A refresh token that was stolen and used ends
the session of thief and owner alike.
"""
