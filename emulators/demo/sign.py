"""A command-line wallet, for the walkthrough in docs/purchase-by-hand.md.

python -m emulators.demo.sign address KEY       the address of a private key (64 hex digits)
python -m emulators.demo.sign message KEY       the body of POST /v1/auth/sign-in for the nonce on standard input
"""

import json
import sys

from shared.chain.ethereum import address_of, personal_digest, sign

USAGE = "usage: python -m emulators.demo.sign address|message KEY"


def main(arguments: list[str]) -> int:
    """Print an address or a signed message. Returns 2 for invalid arguments."""
    try:
        command, key = arguments[0], bytes.fromhex(arguments[1])
        if command == "address":
            print(address_of(key))
        elif command == "message":
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
