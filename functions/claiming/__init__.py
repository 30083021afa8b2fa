"""Claims: handing out what was bought, once.

It promises one claim an order at most, and one voucher a claim: a repeat returns the same bytes, and a reissue after
the deadline keeps claim id and nonce, so that the contract honours it once all the same.
"""
