#!/bin/sh
# Fetches what the image is made of, by the hashes in its requirement files, into .wheels. What is there already is kept.
#   PYTHON=/usr/bin/python3.11    the Python whose wheels they are: of the image's version and platform
#   PIP="python3 -m pip"          the pip that fetches them
set -eu
cd "$(dirname "$0")/../.."
for file in requirements.txt cloudbuild/image/requirements.txt; do
  # shellcheck disable=SC2086 # PIP is a command with arguments
  ${PIP:-python3 -m pip} --python "${PYTHON:-/usr/bin/python3.11}" download --quiet --disable-pip-version-check \
    --require-hashes --no-deps --only-binary=:all: --find-links .wheels --dest .wheels --requirement "$file"
done
