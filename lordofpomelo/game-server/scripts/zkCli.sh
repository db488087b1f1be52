# For the scripts beside it: `zk SERVER COMMAND ARGUMENT...` asks ZooKeeper by its own program, and prints the answer alone.
for zkcli in zkCli.sh /usr/share/zookeeper/bin/zkCli.sh; do
  if command -v "$zkcli" > /dev/null; then break; fi
  zkcli=
done
if [ -z "$zkcli" ]; then
  echo "zkCli.sh is not installed: Debian's package zookeeper has it" >&2
  exit 1
fi

zk() {
  server=$1
  shift
  "$zkcli" -server "$server" "$@" 2> /dev/null | tail -n 1
}
