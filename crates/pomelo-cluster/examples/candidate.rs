//! A candidate in a process of its own that prints its role whenever that changes. Start three and kill the active one:
//!
//! ```text
//! cargo run -p pomelo-cluster --example candidate -- local run/ha 3005
//! cargo run -p pomelo-cluster --example candidate -- zookeeper 127.0.0.1:2181 /pomelo/master 3005
//! cargo run -p pomelo-cluster --features etcd --example candidate -- etcd http://127.0.0.1:2379 /pomelo/master 2 3005
//! ```

use std::{error::Error, sync::Arc};

use pomelo_cluster::{
    coordinator::{
        CandidateInfo, Coordinator, MasterAddr, local::LocalCoordinator, zookeeper::ZooKeeperCoordinator,
    },
    elector::Elector,
};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (coordinator, port): (Arc<dyn Coordinator>, _) = match args[..] {
        ["local", dir, port] => (Arc::new(LocalCoordinator::new(dir)), port),
        ["zookeeper", server, path, port] => (Arc::new(ZooKeeperCoordinator::new(server, path)?), port),
        #[cfg(feature = "etcd")]
        ["etcd", endpoints, prefix, lease_seconds, port] => {
            use pomelo_cluster::coordinator::etcd::EtcdCoordinator;
            (Arc::new(EtcdCoordinator::new(endpoints, prefix, lease_seconds.parse()?)?), port)
        }
        _ => {
            let usage = "usage: candidate local DIR PORT | candidate zookeeper HOST:PORT PATH PORT \
                         | candidate etcd http://HOST:PORT PREFIX SECONDS PORT";
            return Err(usage.into());
        }
    };
    let addr = MasterAddr { host: "127.0.0.1".to_owned(), port: port.parse()? };
    let me = CandidateInfo { id: "master-server-1".parse()?, addr, pid: std::process::id() };

    let elector = Elector::start(coordinator, me);
    let mut role = elector.role();
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        println!("{}", *role.borrow_and_update());
        tokio::select! {
            changed = role.changed() => changed?,
            _ = terminate.recv() => break,
        }
    }
    elector.resign_and_stop().await;
    println!("{}", *role.borrow());
    Ok(())
}
