#!/bin/sh
# A subscriber in shell with nothing of ours: redis-cli (or valkey-cli), one entry at a time.
#
#   examples/plain_redis.sh -u redis://localhost:6379
#   examples/plain_redis.sh -s var/gateway/streams/valkey.sock
set -eu
stream=${STREAM:-o2c.order} group=example-shell consumer=shell-$$
cli=$(command -v valkey-cli || command -v redis-cli)

"$cli" "$@" XGROUP CREATE "$stream" "$group" 0 MKSTREAM 2>/dev/null || true
while :; do
    # An answer is the stream's name, the entry's id, then its fields: a name and a value in turn.
    answer=$("$cli" "$@" --raw XREADGROUP GROUP "$group" "$consumer" COUNT 1 BLOCK 5000 STREAMS "$stream" ">")
    [ -n "$answer" ] || continue
    entry=$(printf '%s\n' "$answer" | sed -n 2p)
    printf '%s\n' "$answer" | awk 'NR > 2 && NR % 2 { name = $0; next } NR > 2 { print name "=" $0 }'
    "$cli" "$@" XACK "$stream" "$group" "$entry" > /dev/null
done
