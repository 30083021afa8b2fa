"""Stands in for a wallet on the command line, for the walk in README.md.

python -m emulators.sign address KEY       the address of a private key (64 hex digits)
python -m emulators.sign message KEY       the body of POST /v1/auth/sign-in for the nonce on standard input
"""

import json
import sys

from shared.adapters.ethereum import address_of, personal_digest, sign

USAGE = "usage: python -m emulators.sign address|message KEY"


def main(arguments: list[str]) -> int:
    """Print an address or a signed message. Returns 2 for arguments of another form."""
    try:
        what, key = arguments[0], bytes.fromhex(arguments[1])
        if what == "address":
            print(address_of(key))
        elif what == "message":
            message = json.load(sys.stdin)["message"]
            signature = sign(personal_digest(message.encode()), key)
            print(json.dumps({"message": message, "signature": "0x" + signature.hex()}))
        else:
            raise ValueError(USAGE)
    except (IndexError, ValueError, KeyError):
        print(USAGE, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
