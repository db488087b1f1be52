//! The areas of one server: the scene that its entry in `servers.json` names (`"area": 1`), or the instances it is asked for
//! (`"instance": true`), which end when nobody has been in them for a while.

use std::{
    collections::HashMap,
    fs,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lordofpomelo_store::Parts;
use lordofpomelo_world::{
    area::{Area, Rules},
    instances::{self, is_over},
};
use pomelo::{Channels, Error, Game, Me, Peer, Result, Rpc, ServerId, State};
use serde::Deserialize;
use tokio::{task::JoinHandle, time::interval};

use super::{clock::Clock, coming, host::Host, saver::Saver};
use crate::{
    CALL, THE_ONE,
    duty::{self, Duty},
    messages::remotes::{InstanceId, NewInstance, REMOVE_INSTANCE},
    resources::Resources,
    session::Place,
};

/// Instances on one server by default. One more takes the place of the one that has been empty for longest: whoever makes teams to go
/// into their caves leaves many. If there is none it is refused, and the manager asks another server the next time.
const INSTANCES_MAX: usize = 1000;

/// The areas of this server.
pub(super) struct Hosts {
    me: ServerId,
    resources: State<Resources>,
    clock: Clock,
    rules: Rules,
    channels: Channels,
    rpc: Rpc,
    saver: State<Saver>,
    instances_max: usize,
    running: Mutex<HashMap<String, Running>>,
}

struct Running {
    host: Arc<Host>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// `config/instance.json`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct InstanceConfig {
    /// How long an empty instance lives, in milliseconds.
    life_time: u64,
    /// How often that is looked at, in milliseconds.
    interval: u64,
    /// How many a server may have, see [`INSTANCES_MAX`].
    max: usize,
}

impl Default for InstanceConfig {
    fn default() -> Self {
        Self { life_time: instances::LIFE_MS, interval: instances::CHECK_MS, max: INSTANCES_MAX }
    }
}

/// Opens the scene, or gets ready for instances.
pub(super) async fn open(
    me: Me,
    game: Game,
    resources: State<Resources>,
    saver: State<Saver>,
    channels: Channels,
    rpc: Rpc,
) -> Result<Hosts> {
    let hosts = Hosts {
        me: me.id.clone(),
        resources,
        clock: Clock::new(),
        rules: rules(&game)?,
        channels,
        rpc,
        saver,
        instances_max: instance_config(&game)?.max,
        running: Mutex::default(),
    };
    match Duty::of(&me) {
        Some(Duty::Scene(area)) => drop(hosts.start(area, None)?),
        Some(Duty::Instances) => {}
        None => {
            let id = &me.id;
            let what = format!(r#"servers.json: {id} needs either "area": N, a scene, or "instance": true"#);
            return Err(Error::msg(what));
        }
    }
    Ok(hosts)
}

impl Hosts {
    /// The area that a session says its player is in.
    pub(super) fn get(&self, place: &Place) -> Option<Arc<Host>> {
        self.by_key(&place.key())
    }

    /// The area of this key.
    pub(super) fn by_key(&self, key: &str) -> Option<Arc<Host>> {
        self.lock().get(key).map(|running| Arc::clone(&running.host))
    }

    /// All areas.
    pub(super) fn all(&self) -> Vec<Arc<Host>> {
        self.lock().values().map(|running| Arc::clone(&running.host)).collect()
    }

    /// Starts an area; `false` if it is there already.
    fn start(&self, area: u32, instance: Option<String>) -> Result<bool> {
        let key = instance.clone().unwrap_or_else(|| area.to_string());
        let mut running = self.lock();
        if running.contains_key(&key) {
            return Ok(false);
        }
        if running.len() >= self.instances_max {
            return Err(Error::msg(format!("{} instances are here", running.len())));
        }
        let (tables, map) = (Arc::clone(&self.resources.tables), self.resources.map(area)?);
        let seed = fastrand::u64(..);
        let area = Area::new(Arc::clone(&tables), map, area, instance, self.rules, seed, self.clock.now_ms())
            .ok_or_else(|| Error::msg(format!("there is no area {area}")))?;
        let host = Arc::new(Host::new(key.clone(), self.me.clone(), area, tables, self.clock));
        let driving =
            Arc::clone(&host).run(self.channels.clone(), self.rpc.clone(), Saver::clone(&self.saver));
        running.insert(key, Running { host, task: tokio::spawn(driving) });
        Ok(true)
    }

    /// Whose place a new instance takes: nobody has been in it for longest. `None` if there is room, or somebody in each.
    fn in_the_way(&self) -> Option<String> {
        let running = self.lock();
        if running.len() < self.instances_max {
            return None;
        }
        let since = |running: &Running| running.host.read(Area::empty_since_ms);
        let empty = running.iter().filter_map(|(key, running)| Some((since(running)?, key)));
        empty.min().map(|(_, key)| key.clone())
    }

    /// Ends an instance that nobody is in; `false` if there is none, or somebody is in it.
    fn end(&self, key: &str) -> bool {
        let mut running = self.lock();
        let is_empty = running.get(key).is_some_and(|running| running.host.people().is_empty());
        is_empty && running.remove(key).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Another server came, or was there before this one.
pub(super) async fn another_came(me: Me, peer: Peer) -> Result<()> {
    if let Some(area) = duty::scene_of_another(&me, &peer) {
        tracing::warn!(
            area,
            me = %me.id,
            other = %peer.id,
            "servers.json: both have this area; no player comes here while the other one is there"
        );
    }
    Ok(())
}

/// The manager wants an instance here.
pub(super) async fn create_instance(hosts: State<Hosts>, rpc: Rpc, wanted: NewInstance) -> Result<bool> {
    if hosts.by_key(&wanted.instance).is_none()
        && let Some(key) = hosts.in_the_way()
    {
        end_instance(&hosts, &rpc, &key).await;
    }
    hosts.start(wanted.area, Some(wanted.instance))
}

/// The manager wants an instance closed.
pub(super) async fn close_instance(hosts: State<Hosts>, closed: InstanceId) -> Result<bool> {
    Ok(hosts.end(&closed.instance))
}

/// Looks for instances that are over, as long as the server runs.
pub(super) async fn watch_instances(me: Me, game: Game, hosts: State<Hosts>, rpc: Rpc) -> Result<()> {
    if Duty::of(&me) != Some(Duty::Instances) {
        return Ok(());
    }
    let InstanceConfig { life_time, interval: every, .. } = instance_config(&game)?;
    tokio::spawn(async move {
        let mut looks = interval(Duration::from_millis(every));
        loop {
            looks.tick().await;
            for host in hosts.all() {
                if host.with(|area, now_ms| is_over(area, now_ms, life_time)) {
                    end_instance(&hosts, &rpc, host.key()).await;
                }
            }
        }
    });
    Ok(())
}

/// The manager forgets it first, so that nobody is sent here any more.
async fn end_instance(hosts: &Hosts, rpc: &Rpc, key: &str) {
    let instance = InstanceId { instance: key.to_owned() };
    match rpc.within(CALL).call(REMOVE_INSTANCE, THE_ONE, &instance).await {
        // Whoever was on the way here keeps it: the manager is told again when that one has left.
        Ok(()) if hosts.end(key) => tracing::info!(instance = key, "closed: nobody was in it any more"),
        Ok(()) => tracing::debug!(instance = key, "somebody came in just now"),
        Err(error) => tracing::warn!(%error, instance = key, "stays open: the manager does not answer"),
    }
}

/// Everybody leaves and is stored: the server ends.
pub(super) async fn close(
    hosts: State<Hosts>,
    resources: State<Resources>,
    saver: State<Saver>,
) -> Result<()> {
    let running = std::mem::take(&mut *hosts.lock());
    let left: Vec<_> = running.values().flat_map(|running| running.host.clear()).collect();
    drop(running);
    let heroes = left.into_iter().map(|left| (coming::to_be_stored(left, &resources), Parts::ALL)).collect();
    saver.save_later(heroes);
    saver.flush().await
}

/// The switches of the rules: `config/rules.json`, if there is one.
fn rules(game: &Game) -> Result<Rules> {
    optional(game, "rules.json")
}

fn instance_config(game: &Game) -> Result<InstanceConfig> {
    let config: InstanceConfig = optional(game, "instance.json")?;
    let wrong = |what| Err(Error::msg(format!("config/instance.json: {what}, found 0")));
    match config {
        InstanceConfig { interval: 0, .. } => wrong("interval: expected milliseconds"),
        InstanceConfig { max: 0, .. } => wrong("max: expected a number of instances"),
        config => Ok(config),
    }
}

fn optional<T: for<'de> Deserialize<'de> + Default>(game: &Game, file: &str) -> Result<T> {
    let path = game.folder.join("config").join(file);
    match fs::read_to_string(&path) {
        Ok(text) => {
            serde_json::from_str(&text).map_err(|error| Error::msg(format!("{}: {error}", path.display())))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(Error::msg(format!("{}: {error}", path.display()))),
    }
}
