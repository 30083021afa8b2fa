"""Writes the manifests of a cluster.

python -m cloudbuild.manifests IMAGE [--delivery pull] > cluster.yaml
"""

import argparse
import sys

from cloudbuild.manifests.check import written
from cloudbuild.manifests.resources import cluster


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="cloudbuild.manifests", description="Write Kubernetes manifests.")
    parser.add_argument("image", help="the image, by digest")
    parser.add_argument("--delivery", choices=("push", "pull"), default="push", help="how events reach their rows")
    chosen = parser.parse_args()
    if "@sha256:" not in chosen.image:
        parser.error("name the image by its digest: what runs is then what was built")
    sys.stdout.write(written(list(cluster(chosen.image, chosen.delivery))))


if __name__ == "__main__":
    main()
