#!/bin/sh
# Shows which masters stand in the queue, and which one leads.
# Usage: scripts/showMasterZnodes.sh [HOST:PORT] [ZNODE]
set -e
. "$(dirname "$0")/zkCli.sh"
server=${1-127.0.0.1:2181}
znode=${2-/pomelo/master}

echo "in the queue:"
zk "$server" ls "$znode/lock"
echo "leads:"
zk "$server" get "$znode"
