#!/bin/sh
# Writes config/rpc.json, if it is not there: the secret that the servers of this game prove to each other. It is not in the
# repository; every machine of a cluster needs the same file.
set -e
cd "$(dirname "$0")/.."
if [ -e config/rpc.json ]; then
  echo "config/rpc.json is there"
  exit
fi
umask 077
secret=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
printf '{ "secret": "%s" }\n' "$secret" > config/rpc.json
echo "config/rpc.json has a new secret"
