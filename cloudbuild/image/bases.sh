#!/bin/sh
# bases.sh FOLDER: makes the two bases of the image from Debian's packages, as base.tar and builder.tar, where there is no
# registry to take them from. As root. The base has Python, certificates and what these need: no package manager, no shell.
set -eu
folder=$1
sources=${APT_SOURCES:-/etc/apt/sources.list.d/debian.sources}
export SOURCE_DATE_EPOCH=0
lean() {
  mmdebstrap --quiet --mode=root --format=tar --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' "$@" bookworm - "$sources"
}
# shellcheck disable=SC2016 # mmdebstrap's hooks get the new root as $1
lean --variant=extract --include=base-files,libc-bin,python3.11-minimal,libpython3.11-stdlib,libstdc++6,ca-certificates,netbase,tzdata \
  --customize-hook='rm -rf "$1"/var/lib/apt "$1"/var/cache "$1"/var/log "$1"/usr/share/doc "$1"/usr/share/man \
    "$1"/usr/share/locale "$1"/usr/lib/apt "$1"/usr/bin/apt* "$1"/usr/share/perl* "$1"/bin/sh "$1"/bin/dash "$1"/usr/bin/perl* \
    "$1"/usr/bin/dpkg* "$1"/usr/sbin/dpkg*' \
  --customize-hook='cat "$1"/usr/share/ca-certificates/mozilla/*.crt > "$1"/etc/ssl/certs/ca-certificates.crt' \
  --customize-hook='printf "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n" \
    > "$1"/etc/passwd; printf "root:x:0:\nnonroot:x:65532:\n" > "$1"/etc/group' \
  > "$folder/base.tar"
lean --variant=minbase --include=python3-venv,ca-certificates > "$folder/builder.tar"
