//! For tests only: ZooKeeper on a free port, processes, clusters in one process, eventually.
