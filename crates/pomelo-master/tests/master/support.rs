//! Masters in this process on real sockets, with the embedded coordinator in a temporary folder, and peers that speak raw
//! packets.

use std::{
    fs,
    future::Future,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::BytesMut;
use pomelo_cluster::{
    admin::{AdminClient, AdminListener},
    config::{Config, Environment},
    coordinator::{CandidateInfo, MasterAddr, local::LocalCoordinator},
    follow::{Follower, FollowerConfig, Identity, LinkState, Order},
};
use pomelo_master::{Limits, Master, MasterConfig, MasterError};
use pomelo_protocol::{
    ServerId, ServerInfo,
    admin::{AdminMessage, Register},
    mqtt::Packet,
};
use pomelo_testkit::eventually;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

/// Far above what anything here takes: it ends a test that hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Candidates on free ports that share one folder.
pub(crate) struct Masters {
    dir: TempDir,
    pub(crate) addrs: Vec<MasterAddr>,
    waiting: Vec<Option<AdminListener>>,
    running: Vec<Option<Running>>,
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), MasterError>>,
}

impl Masters {
    /// So many masters, none of them started.
    pub(crate) async fn prepare(count: usize) -> Self {
        let dir = TempDir::new().unwrap();
        let (mut waiting, mut addrs) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let listener = AdminListener::bind("127.0.0.1", 0).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            addrs.push(MasterAddr { host: "127.0.0.1".into(), port });
            waiting.push(Some(listener));
        }
        write_config(dir.path(), &addrs);
        let running = addrs.iter().map(|_| None).collect();
        Self { dir, addrs, waiting, running }
    }

    /// So many masters, all started one after the other; the first one leads.
    pub(crate) async fn start(count: usize) -> Self {
        let mut masters = Self::prepare(count).await;
        for n in 0..count {
            masters.run(n).await;
            masters.until_active(0).await;
        }
        masters
    }

    /// Starts one, or starts it again on the same port.
    pub(crate) async fn run(&mut self, n: usize) {
        self.run_with(n, None, None).await;
    }

    /// The same with the pipe to a guardian, or a folder where it remembers the membership.
    pub(crate) async fn run_with(&mut self, n: usize, guardian: Option<UnixStream>, memory: Option<PathBuf>) {
        let addr = self.addrs[n].clone();
        let listener = match self.waiting[n].take() {
            Some(listener) => listener,
            None => AdminListener::bind(&addr.host, addr.port).await.unwrap(),
        };
        let coordinator = Arc::new(LocalCoordinator::new(self.dir.path().join("run/ha")));
        let me = CandidateInfo { id: id("master-server-1"), addr, pid: std::process::id() };
        let config =
            MasterConfig { me, env: self.env(), coordinator, limits: Limits::default(), guardian, memory };
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            // Dropped without a word, the master runs on.
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let task = tokio::spawn(Master::new(config, listener).run(shutdown));
        self.running[n] = Some(Running { stop, task });
    }

    /// As SIGTERM: waits until it has ended.
    pub(crate) async fn terminate(&mut self, n: usize) {
        within("master ends", self.begin_termination(n)).await.unwrap().unwrap();
    }

    /// The same without waiting.
    pub(crate) fn begin_termination(&mut self, n: usize) -> JoinHandle<Result<(), MasterError>> {
        let Running { stop, task } = self.running[n].take().unwrap();
        stop.send(()).unwrap();
        task
    }

    /// As SIGKILL: nothing is said to anybody.
    pub(crate) async fn kill(&mut self, n: usize) {
        let Running { task, .. } = self.running[n].take().unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self, n: usize) {
        let Running { task, .. } = self.running[n].take().unwrap();
        within("master ends", task).await.unwrap().unwrap();
    }

    pub(crate) fn env(&self) -> Environment {
        Config::load(self.dir.path().join("config")).unwrap().environment("development").unwrap()
    }

    /// The folder they share.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Whether the coordinator keeps something with this text in it.
    pub(crate) fn keep(&self, text: &str) -> bool {
        let mut folders = vec![self.dir.path().join("run/ha")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if fs::read(&path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text)) {
                    return true;
                }
            }
        }
        false
    }

    /// Waits until this one leads.
    pub(crate) async fn until_active(&self, n: usize) {
        eventually("master is active", LIMIT, || async { self.admin(n).await.ok() }).await;
    }

    /// A tool at this one and no other.
    pub(crate) async fn admin(&self, n: usize) -> Result<AdminClient, pomelo_cluster::admin::AdminError> {
        AdminClient::connect(&self.addrs[n], "admin", "admin", Duration::from_secs(15)).await
    }

    /// The ids that a master lists, and the rows.
    pub(crate) async fn show_servers(&self, n: usize) -> Vec<(String, Value)> {
        let admin = self.admin(n).await.unwrap();
        let body = json!({ "comd": "servers", "param": "", "context": "all" });
        let rows = admin.request("watchServer", body).await.unwrap();
        rows["msg"].as_object().unwrap().clone().into_iter().collect()
    }

    /// A game server that follows all of them.
    pub(crate) fn server(&self, name: &str) -> Server {
        self.server_of(name, self.addrs.clone())
    }

    /// A game server that knows only these masters.
    pub(crate) fn server_of(&self, name: &str, masters: Vec<MasterAddr>) -> Server {
        let config = FollowerConfig::new(Identity::Server(info(name)), masters);
        let (follower, orders) = Follower::start(config);
        Server { follower, orders }
    }

    /// Somebody else that follows all of them.
    pub(crate) fn follower(&self, identity: Identity) -> Server {
        let (follower, orders) = Follower::start(FollowerConfig::new(identity, self.addrs.clone()));
        Server { follower, orders }
    }
}

/// Any follower: a server, an agent.
pub(crate) struct Server {
    pub(crate) follower: Follower,
    pub(crate) orders: mpsc::Receiver<Order>,
}

impl Server {
    /// Waits until it follows a master in this epoch.
    pub(crate) async fn follows(&self, epoch: u64) {
        let mut leader = self.follower.leader();
        let wait = leader.wait_for(|leader| leader.as_ref().is_some_and(|leader| leader.epoch == epoch));
        within(&format!("epoch {epoch} is followed"), wait).await.unwrap();
    }

    /// Waits until exactly these servers are members, and says in which version.
    pub(crate) async fn sees(&self, ids: &[&str]) -> pomelo_cluster::membership::Version {
        let mut view = self.follower.view();
        let wait = view.wait_for(|view| view.servers.keys().map(ServerId::as_str).eq(ids.iter().copied()));
        within(&format!("{ids:?} are seen"), wait).await.unwrap().version
    }

    /// Waits until it is linked to so many masters.
    pub(crate) async fn linked(&self, count: usize) {
        let mut links = self.follower.links();
        let up = |states: &std::collections::BTreeMap<MasterAddr, LinkState>| {
            states.values().filter(|state| state.up).count() == count
        };
        within(&format!("{count} links are up"), links.wait_for(|states| up(states))).await.unwrap();
    }

    /// The next order of a module, past others.
    pub(crate) async fn order(&mut self, module_id: &str) -> Order {
        within(&format!("order for {module_id}"), async {
            loop {
                let order = self.orders.recv().await.unwrap();
                if order.module_id == module_id {
                    return order;
                }
            }
        })
        .await
    }
}

/// A peer that says exactly what it is told to.
pub(crate) struct Wire {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Wire {
    pub(crate) async fn connect(addr: &MasterAddr) -> Self {
        let stream = TcpStream::connect((addr.host.as_str(), addr.port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: BytesMut::new() }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn say(&mut self, message: &AdminMessage) {
        self.write(&message.encode().unwrap()).await;
    }

    /// CONNECT and a registration; the reply.
    pub(crate) async fn register(&mut self, register: Register) -> AdminMessage {
        let mut out = BytesMut::new();
        Packet::Connect { client_id: "MQTT_ADMIN_1".into(), keep_alive_s: 0 }.encode(&mut out).unwrap();
        self.write(&out).await;
        assert_eq!(self.packet().await, Some(Packet::ConnAck { code: 0 }));
        self.say(&AdminMessage::Register(register)).await;
        self.message().await
    }

    /// The next packet; `None` at the end of the stream.
    pub(crate) async fn packet(&mut self) -> Option<Packet> {
        within("a packet comes", async {
            loop {
                if let Some(packet) = Packet::decode(&mut self.buffer, 1 << 20).unwrap() {
                    return Some(packet);
                }
                match self.stream.read_buf(&mut self.buffer).await {
                    Ok(0) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
        })
        .await
    }

    pub(crate) async fn message(&mut self) -> AdminMessage {
        match self.packet().await {
            Some(Packet::Publish { topic, payload }) => AdminMessage::decode(&topic, &payload).unwrap(),
            other => panic!("no message but {other:?}"),
        }
    }
}

pub(crate) fn id(name: &str) -> ServerId {
    ServerId::new(name).unwrap()
}

/// The record of a server of a type that its name begins with.
pub(crate) fn info(name: &str) -> ServerInfo {
    let server_type = name.split('-').next().unwrap();
    let record = json!({ "id": name, "serverType": server_type, "host": "127.0.0.1", "port": 6050 });
    serde_json::from_value(record).unwrap()
}

/// Fails the test when something does not happen.
pub(crate) async fn within<T>(what: &str, happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, happens).await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

fn write_config(dir: &Path, addrs: &[MasterAddr]) {
    let config = dir.join("config");
    fs::create_dir_all(&config).unwrap();
    let entry = |addr: &MasterAddr| json!({ "id": "master-server-1", "host": addr.host, "port": addr.port });
    let write = |file: &str, json: Value| fs::write(config.join(file), json.to_string()).unwrap();
    write("master.json", json!({ "development": entry(&addrs[0]) }));
    write("masterha.json", json!({ "masterha": addrs[1..].iter().map(entry).collect::<Vec<_>>() }));
    let server = |name: &str, port: u16| json!({ "id": name, "host": "127.0.0.1", "port": port });
    write(
        "servers.json",
        json!({ "development": {
            "connector": [{
                "id": "connector-server-1", "host": "127.0.0.1", "port": 4050, "clientHost": "127.0.0.1",
                "clientPort": 3050, "frontend": true,
            }],
            "chat": [server("chat-server-1", 6050)],
            "gate": [{ "id": "gate-server-1", "host": "127.0.0.1", "clientPort": 3014, "frontend": true }],
        }}),
    );
    let user = |username: &str, level: u8| json!({ "id": format!("user-{level}"), "username": username, "password": username, "level": level });
    write("adminUser.json", json!([user("admin", 1), user("monitor", 2)]));
}
