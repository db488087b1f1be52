#!/bin/sh
# Makes the znode under which masters queue. Not needed, masters make it themselves; for a ZooKeeper where somebody else has to.
# Usage: scripts/createMasterZnode.sh [HOST:PORT] [ZNODE]
set -e
. "$(dirname "$0")/zkCli.sh"
server=${1-127.0.0.1:2181}
znode=${2-/pomelo/master}

path=
for name in $(echo "$znode" | tr / ' '); do
  path=$path/$name
  zk "$server" create "$path" ''
done
