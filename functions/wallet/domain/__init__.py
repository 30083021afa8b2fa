"""The rules of wallets and money: plain Python, no I/O, no clock."""
