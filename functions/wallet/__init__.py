"""Wallets and their ledger.

It promises that money is neither made nor lost: every movement is a transfer whose postings sum to zero per currency,
entries are never changed, no balance goes below zero, and a hold is captured or released once, whatever repeats.
"""
