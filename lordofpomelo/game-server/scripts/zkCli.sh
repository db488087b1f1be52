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
  # The program prints answers and what is wrong with a command last, behind much about itself, to either output.
  said=$("$zkcli" -server "$server" "$@" 2>&1) || true
  case $said in
    *SyncConnected*) printf '%s\n' "$said" | sed '1,/WatchedEvent/d' | tail -n 1 ;;
    *) echo "no ZooKeeper answers at $server" >&2; exit 1 ;;
  esac
}
