#!/bin/bash
# localhost/ltc-base:bookworm, what python:3.11-slim is to those who can pull images: Debian 12 with
# its Python 3.11, made on this machine. Packages come from wherever this machine gets its own, and
# what makes that work (certificates, pip's configuration) goes in as well.
set -euo pipefail
image=${1:-localhost/ltc-base:bookworm}
for tool in debootstrap podman; do
  command -v "$tool" > /dev/null || { echo "$tool is missing: apt-get install $tool" >&2; exit 3; }
done
[ "$(id -u)" = 0 ] || { echo "debootstrap needs root: run this as root" >&2; exit 3; }
mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' | awk '$2 == "bookworm" {print $1; exit}')
[ -n "$mirror" ] || { echo "apt has no source of bookworm on this machine: add one" >&2; exit 3; }

root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,python-is-python3 \
  bookworm "$root" "$mirror" > "$root.log" 2>&1 || { tail -20 "$root.log" >&2; exit 1; }
rm -rf "$root.log" "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
for file in "${PIP_CONFIG_FILE:-}" ~/.config/pip/pip.conf ~/.pip/pip.conf /etc/pip.conf; do
  if [ -f "$file" ]; then cp "$file" "$root/etc/pip.conf"; break; fi
done
tar -C "$root" -c . | podman import -q --change 'CMD ["python3"]' - "$image"
