#!/bin/sh
# Starts the standby masters of config/masterha.json and stays with them; `pomelo start -e production` started the active one.
# Usage: scripts/startMasterhaNode.sh [ENVIRONMENT] [OPTION OF pomelo masterha]...
set -e
cd "$(dirname "$0")/.."
environment=production
case ${1-} in
  '' | -*) ;;
  *) environment=$1; shift ;;
esac
exec pomelo masterha /config/masterha.json -e "$environment" "$@"
