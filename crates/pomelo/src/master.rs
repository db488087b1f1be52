//! The role of a master in a game's executable: its address and coordinator from arguments and configuration. What a
//! master does is in `pomelo-master`.

use std::{
    fs::File,
    io,
    os::{fd::AsFd as _, unix::net::UnixStream},
    path::Path,
    sync::Arc,
};

#[cfg(not(feature = "etcd"))]
use pomelo_cluster::coordinator::WITHOUT_ETCD;
#[cfg(feature = "etcd")]
use pomelo_cluster::coordinator::etcd::EtcdCoordinator;
use pomelo_cluster::{
    admin::AdminListener,
    config::{CoordinatorConfig, Environment, MasterEntry},
    coordinator::{CandidateInfo, Coordinator, local::LocalCoordinator, zookeeper::ZooKeeperCoordinator},
};
use pomelo_master::{Limits, Master, MasterConfig};
use pomelo_protocol::ServerInfo;
use tokio::sync::watch;

use crate::{Args, ArgsError, MasterHa, PortError, Running, StartError, args};

pub(crate) async fn start(
    args: &Args,
    env: Environment,
    master_ha: Option<&MasterHa>,
    base: &Path,
) -> Result<Running, StartError> {
    let entry = candidate(args, &env)?;
    let coordinator = coordinator(master_ha.map_or(&env.coordinator, MasterHa::config), &env.name, base)?;
    let listener = AdminListener::bind(&entry.host, entry.port).await;
    let taken =
        |source| PortError::new(&entry.id, "port for servers and tools", entry.addr(), entry.port, source);
    let listener = listener.map_err(taken)?;
    let me = CandidateInfo { id: entry.id.clone(), addr: entry.addr(), pid: std::process::id() };
    let info = info(&entry)?;
    let guardian = args.guardian.then(guardian).transpose()?;
    let memory = Some(pomelo_cluster::memory::folder(base, &env.name));
    let config = MasterConfig { me, env, coordinator, limits: Limits::default(), guardian, memory };
    let master = Master::new(config, listener);
    let (stop, mut stopping) = watch::channel(false);
    let stopped = async move {
        // The sender is dropped with `Running`, which leaves the master running.
        if stopping.wait_for(|&stop| stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    Ok(Running::master(info, stop, tokio::spawn(master.run(stopped))))
}

/// Standard input, which is the pipe to the guardian where the arguments say so; it is empty afterwards, so that nobody this
/// process starts holds the pipe.
fn guardian() -> Result<UnixStream, ArgsError> {
    let useless =
        |why: String| ArgsError::Value { key: "guardian".to_owned(), value: "stdin".to_owned(), why };
    let stdin = io::stdin().as_fd().try_clone_to_owned().map_err(|error| useless(error.to_string()))?;
    let pipe = UnixStream::from(stdin);
    if pipe.local_addr().is_err() {
        return Err(useless("standard input is not a socket; only `pomelo start` says this".to_owned()));
    }
    let empty = File::open("/dev/null").and_then(|null| Ok(rustix::stdio::dup2_stdin(null)?));
    empty.map_err(|error| useless(error.to_string()))?;
    Ok(pipe)
}

/// Which master the arguments mean: ids may be shared, so the port decides, then the id.
fn candidate(args: &Args, env: &Environment) -> Result<MasterEntry, ArgsError> {
    let fits = |entry: &&MasterEntry| {
        args.port.is_none_or(|port| port == entry.port)
            && args.host.as_ref().is_none_or(|host| *host == entry.host)
            && args.id.as_ref().is_none_or(|id| *id == entry.id)
    };
    if let Some(entry) = env.candidates.iter().find(fits) {
        return Ok(entry.clone());
    }
    let known: Vec<_> = env.candidates.iter().map(|entry| format!("{} {}", entry.id, entry.addr())).collect();
    let why = format!("no such master in environment {:?}, it has {}", env.name, known.join(", "));
    let given = [
        ("port", args.port.map(|port| port.to_string())),
        ("host", args.host.clone()),
        ("id", args.id.as_ref().map(ToString::to_string)),
    ];
    Err(match given.into_iter().find_map(|(key, value)| Some((key, value?))) {
        Some((key, value)) => ArgsError::Value { key: key.to_owned(), value, why },
        None => ArgsError::Missing { key: "port", why },
    })
}

fn coordinator(
    config: &CoordinatorConfig,
    environment: &str,
    base: &Path,
) -> Result<Arc<dyn Coordinator>, StartError> {
    Ok(match config {
        CoordinatorConfig::Embedded => Arc::new(LocalCoordinator::new(base.join("run").join("ha"))),
        CoordinatorConfig::ZooKeeper { server, path, session_timeout_ms, credentials } => {
            let checked = credentials.as_ref().map_or(Ok(()), |credentials| credentials.check(environment));
            let coordinator = checked.and_then(|()| ZooKeeperCoordinator::new(server, path));
            let coordinator = coordinator.map_err(|error| StartError::Coordinator(error.to_string()))?;
            let coordinator = coordinator.session_timeout_ms(*session_timeout_ms);
            Arc::new(match credentials {
                Some(credentials) => coordinator.credentials(credentials.clone()),
                None => coordinator,
            })
        }
        #[cfg(feature = "etcd")]
        CoordinatorConfig::Etcd { endpoints, prefix, lease_seconds } => {
            let coordinator = EtcdCoordinator::new(endpoints, prefix, *lease_seconds);
            Arc::new(coordinator.map_err(|error| StartError::Coordinator(error.to_string()))?)
        }
        #[cfg(not(feature = "etcd"))]
        CoordinatorConfig::Etcd { .. } => return Err(StartError::Coordinator(WITHOUT_ETCD.to_owned())),
    })
}

fn info(entry: &MasterEntry) -> Result<ServerInfo, ArgsError> {
    let record = serde_json::json!({
        "id": entry.id, "serverType": args::MASTER, "host": entry.host, "port": entry.port, "pid": std::process::id(),
    });
    serde_json::from_value(record).map_err(|e| ArgsError::Missing { key: "id", why: e.to_string() })
}
