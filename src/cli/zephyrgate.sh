#!/bin/sh
# `zephyrgate` as npm installs it: runs the source by the Bun that was installed with it, which is not on the PATH.
here=$(dirname "$(readlink -f "$0")")/../..
for bun in "$here/node_modules/bun/bin/bun.exe" "$here/../bun/bin/bun.exe" "$(command -v bun)"; do
  if [ -x "$bun" ]; then exec "$bun" "$here/src/main.ts" "$@"; fi
done
echo "zephyrgate: the package bun is missing (install it again; npm must be allowed to run its script: --allow-scripts=bun)" >&2
exit 1
