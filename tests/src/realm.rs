//! LordOfPomelo as a cluster of real processes, and heroes in it: what would take long to play to is written into the game's database
//! before the hero's player signs in. Scenarios of one realm are played at the same time, each with players of its own; which one failed
//! is said by name. Not here: what players do (`lordofpomelo-robot`), and the scenarios.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs,
    future::Future,
    ops::Deref,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail, ensure};
use lordofpomelo_robot::{Account, Direct, Game, NewHero, Player, PlayerError, messages::chat::Scope};
use lordofpomelo_store::Parts;
use lordofpomelo_world::{
    Point,
    data::Tables,
    hero::{Hero, HeroTask, Sort, TaskState, Thing, tasks::TaskData},
    ids::{PlayerId, TaskId},
    map::AreaMap,
    rules::growth,
};
use pomelo_testkit::{
    command::{Running, program},
    eventually,
    game::GameDir,
};
use tokio::{
    process::Command,
    sync::Semaphore,
    task::{LocalSet, spawn_local},
    time::timeout,
};

use crate::cluster::{Cluster, PATIENCE};

/// The environment in which it runs.
pub const ENVIRONMENT: &str = "production";

/// Longest that one scenario may take; one that takes longer hangs.
const SCENARIO: Duration = Duration::from_secs(100);

/// Scenarios that are played at the same time: all servers share the machine with them.
const AT_ONCE: usize = 12;

/// The side of a tower of the grid of sight, in pixels.
const TOWER_PX: f64 = 300.0;

/// A game that runs.
pub struct Realm {
    /// Its processes.
    pub cluster: Cluster,
    /// The way in.
    pub game: Game,
    /// Its database and tokens.
    pub accounts: Direct,
    /// Its tables.
    pub tables: Arc<Tables>,
    maps: BTreeMap<u32, AreaMap>,
}

/// What one scenario has of a realm: its players too, whose views must have made sense when it is over.
pub struct Stage {
    realm: Rc<Realm>,
    players: RefCell<Vec<Arc<Player>>>,
}

/// A scenario and its name.
pub type Scenario = (&'static str, fn(Rc<Stage>) -> Pin<Box<dyn Future<Output = Result<()>>>>);

/// Scenarios by the names of their functions.
#[macro_export]
macro_rules! scenarios {
    ($($path:path),* $(,)?) => {
        &[$((stringify!($path), |stage| Box::pin($path(stage)))),*]
    };
}

impl Realm {
    /// Starts LordOfPomelo with one master and waits until one can play.
    pub async fn start(configure: impl FnOnce(&GameDir) -> Result<()>) -> Result<Self> {
        let game = GameDir::lordofpomelo(None)?;
        game.keep_masters(1)?;
        configure(&game)?;
        let mut cluster = Cluster { game, supervisors: Vec::new() };
        cluster.supervise(&["start", "-e", ENVIRONMENT]).await?;
        Self::on(cluster).await
    }

    /// The realm of a cluster that runs; waits until one can play.
    pub async fn on(cluster: Cluster) -> Result<Self> {
        let dir = cluster.game.path();
        let config = dir.join("config");
        let accounts = Direct::open(dir, ENVIRONMENT)?;
        let tables = Arc::new(Tables::load(&config.join("data"))?);
        let map = |id: u32| {
            let row = tables.area.get(id).with_context(|| format!("no area {id}"))?;
            Ok((id, AreaMap::load(&config.join(&row.path), row.width, row.height)?))
        };
        let maps = (1..=5).map(map).collect::<Result<_>>()?;
        let game = Game::at(&format!("ws://{}:{}", cluster.game.host, cluster.game.gate));
        let realm = Self { cluster, game, accounts, tables, maps };
        realm.opened().await?;
        Ok(realm)
    }

    /// A cluster is ready when its master knows all servers; they hear of each other a moment later. Whoever probes meets each
    /// connector with each scene, and the chat and the manager from there.
    async fn opened(&self) -> Result<()> {
        for (n, _) in (1..).zip(&self.cluster.game.connectors) {
            for area in 1..=3 {
                let name = format!("Probe {n}-{area}");
                let at = self.maps[&area].birth_point(&mut fastrand::Rng::new());
                let account = self.account(&name, |hero| (hero.area_id, hero.position) = (area, at)).await?;
                let what = format!("connector {n} lets players into area {area}");
                eventually(&what, PATIENCE, async || self.probe(&account, n - 1).await.ok()).await;
            }
        }
        Ok(())
    }

    async fn probe(&self, account: &Account, connector: usize) -> Result<(), PlayerError> {
        let player = self.game.connect_to(&self.connector(connector)).await?;
        player.play(&account.token, None).await?;
        let tried = async {
            player.say(Scope::All, "Is anybody there?").await?;
            player.create_team().await?;
            let second = Duration::from_secs(1);
            player
                .within(second, "a team", |record| record.view.own().filter(|own| own.team > 0).map(|_| ()))
                .await
        };
        let tried = tried.await;
        player.quit().await;
        tried
    }

    /// Address of the gate.
    pub fn gate(&self) -> String {
        format!("ws://{}:{}", self.cluster.game.host, self.cluster.game.gate)
    }

    /// Address of a connector, from 0.
    pub fn connector(&self, n: usize) -> String {
        format!("ws://{}:{}", self.cluster.game.host, self.cluster.game.connectors[n])
    }

    /// An account with a hero, changed from how heroes begin.
    pub async fn account(&self, name: &str, change: impl FnOnce(&mut Hero)) -> Result<Account> {
        let account = self.accounts.account(name).await?;
        let start = Point::new(400.0, 150.0);
        let mut hero =
            Hero::new(&self.tables, PlayerId(0), name, 210, start).context("no such kind of hero")?;
        change(&mut hero);
        let at = hero.position;
        hero.position = self.near(hero.area_id, at)?;
        self.accounts.store().create_player(account.uid, hero).await?;
        Ok(account)
    }

    /// The hero of an account as it is stored.
    pub async fn stored(&self, account: &Account) -> Result<Hero> {
        let player = self.accounts.store().player_of(account.uid).await?;
        Ok(player.with_context(|| format!("{} has no hero", account.name))?.hero)
    }

    /// Gives a stored hero a task that is so far.
    pub async fn give_task(
        &self,
        account: &Account,
        kind: u32,
        state: TaskState,
        killed: u32,
    ) -> Result<TaskId> {
        let mut hero = self.stored(account).await?;
        let id = self.accounts.store().add_task(hero.id, kind, now_ms()).await?;
        let task_data = TaskData { mob_killed: killed, player_killed: 0 };
        hero.tasks.0.push(HeroTask { id, kind_id: kind, task_state: state, task_data });
        let tasks = Parts { player: false, bag: false, equipment: false, skills: false, tasks: true };
        self.accounts.store().save(vec![(hero, tasks)]).await?;
        Ok(id)
    }

    /// Raises a hero to a level.
    pub fn raise(&self, hero: &mut Hero, level: u32) {
        while hero.stats.level < level {
            hero.gain(&self.tables, growth::need(hero.stats.level) - hero.experience);
        }
    }

    /// The map of an area as its file has it.
    pub fn map(&self, area: u32) -> &AreaMap {
        &self.maps[&area]
    }

    /// The walkable point nearest to this one, so to speak.
    pub fn near(&self, area: u32, at: Point) -> Result<Point> {
        let grid = &self.maps[&area].grid;
        let around = |ring: i32| {
            let side = move |n: i32| (-ring..=ring).map(move |m| (n, m));
            (-ring..=ring).flat_map(side).filter(move |(x, y)| x.abs().max(y.abs()) == ring)
        };
        let shifted = |(x, y): (i32, i32)| Point::new(at.x + f64::from(x) * 20.0, at.y + f64::from(y) * 20.0);
        let found = (0..40).flat_map(around).map(shifted).find(|point| grid.is_walkable(*point));
        found.with_context(|| format!("nobody can stand near {at:?} in area {area}"))
    }

    /// Whether a player at `from` with this range of towers sees `at`, by the letter of the specification.
    pub fn sees(&self, area: u32, from: Point, range: i64, at: Point) -> bool {
        let grid = &self.maps[&area].grid;
        let axis = |from: f64, size: u32, at: f64| {
            let max = (f64::from(size) / TOWER_PX).ceil() as i64 - 1;
            let (p, tower) = ((from / TOWER_PX).floor() as i64, (at / TOWER_PX).floor() as i64);
            let (low, high) = match p {
                _ if p - range < 0 => (0, 2 * range),
                _ if p + range > max => (max - 2 * range, max),
                _ => (p - range, p + range),
            };
            (low.max(0)..=high.min(max)).contains(&tower)
        };
        axis(from.x, grid.width(), at.x) && axis(from.y, grid.height(), at.y)
    }

    /// Plays scenarios, and fails with the names of those that do.
    pub async fn play(self, scenarios: &[Scenario]) -> Result<()> {
        let (realm, room) = (Rc::new(self), Rc::new(Semaphore::new(AT_ONCE)));
        let play = |(name, scenario): &Scenario| {
            let stage = Rc::new(Stage { realm: Rc::clone(&realm), players: RefCell::default() });
            let (room, scenario) = (Rc::clone(&room), *scenario);
            let played = spawn_local(async move {
                let _place = room.acquire().await?;
                let began = std::time::Instant::now();
                timeout(SCENARIO, scenario(Rc::clone(&stage))).await.context("takes too long")??;
                stage.made_sense()?;
                Ok::<_, anyhow::Error>(began.elapsed())
            });
            (*name, played)
        };
        let mut failed = Vec::new();
        LocalSet::new()
            .run_until(async {
                let playing: Vec<_> =
                    scenarios.iter().filter(|(name, _)| is_wanted(name)).map(play).collect();
                for (name, played) in playing {
                    match played.await {
                        Ok(Ok(took)) => println!("{name}: {took:.1?}"),
                        Ok(Err(error)) => failed.push(format!("{name}: {error:#}")),
                        Err(panic) => failed.push(format!("{name}: {panic}")),
                    }
                }
            })
            .await;
        ensure!(failed.is_empty(), "{} scenarios failed:\n{}", failed.len(), failed.join("\n"));
        Ok(())
    }
}

/// `SCENARIO=travel` in the environment plays only those with the word in their names.
fn is_wanted(name: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "whoever mends one scenario plays that one")]
    let wanted = std::env::var("SCENARIO");
    wanted.map_or(true, |word| name.contains(&word))
}

impl Deref for Stage {
    type Target = Realm;

    fn deref(&self) -> &Realm {
        &self.realm
    }
}

impl Stage {
    /// A player with such a hero, in the game.
    pub async fn enter(&self, name: &str, change: impl FnOnce(&mut Hero)) -> Result<Arc<Player>> {
        let account = self.account(name, change).await?;
        self.sign_in(&account).await
    }

    /// The player of an account comes in.
    pub async fn sign_in(&self, account: &Account) -> Result<Arc<Player>> {
        let player = self.connect(account.uid).await?;
        let hero = NewHero::new(&account.name);
        player
            .play(&account.token, Some(&hero))
            .await
            .with_context(|| format!("{} comes in", account.name))?;
        Ok(player)
    }

    /// A connection by way of the gate.
    pub async fn connect(&self, uid: u32) -> Result<Arc<Player>> {
        Ok(self.keep(self.game.connect(uid).await?))
    }

    /// The same, for a client that remembers nothing of the game's tables.
    pub async fn connect_anew(&self, uid: u32) -> Result<Arc<Player>> {
        Ok(self.keep(Game::at(&self.gate()).connect(uid).await?))
    }

    /// The same at this connector, from 0.
    pub async fn connect_at(&self, connector: usize) -> Result<Arc<Player>> {
        Ok(self.keep(self.game.connect_to(&self.connector(connector)).await?))
    }

    fn keep(&self, player: Player) -> Arc<Player> {
        let player = Arc::new(player);
        self.players.borrow_mut().push(Arc::clone(&player));
        player
    }

    /// No player was told anything that no client could make sense of.
    fn made_sense(&self) -> Result<()> {
        for player in self.players.borrow().iter() {
            let name = player.own().map(|own| own.name).unwrap_or_default();
            player.look(|record| ensure_sense(&name, record.anomalies()))?;
        }
        Ok(())
    }
}

/// Nothing of this.
pub fn ensure_sense(name: &str, anomalies: &[lordofpomelo_robot::Anomaly]) -> Result<()> {
    let said: Vec<String> = anomalies.iter().take(5).map(ToString::to_string).collect();
    ensure!(
        anomalies.is_empty(),
        "{name} was told {} things that make no sense: {}",
        anomalies.len(),
        said.join("; ")
    );
    Ok(())
}

/// A hero whom nothing kills and whose blows kill anything.
pub fn mighty(hero: &mut Hero) {
    tough(hero);
    hero.stats.attack_value = 1_000_000;
}

/// A hero whom nothing kills.
pub fn tough(hero: &mut Hero) {
    (hero.stats.hp, hero.stats.max_hp) = (1_000_000, 1_000_000);
}

/// An item or a piece of equipment.
pub fn thing(sort: Sort, id: u32) -> Thing {
    Thing { id, sort }
}

/// The code with which something was refused.
pub fn refused<T>(result: Result<T, PlayerError>) -> Result<i64> {
    match result {
        Ok(_) => bail!("it was not refused"),
        Err(PlayerError::Refused { .. }) => Ok(0),
        Err(error) => error.code().with_context(|| format!("no refusal: {error}")),
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The game's web server, and where it is.
pub async fn web_server(game: &GameDir) -> Result<(Running, String)> {
    let client = game.path().join("client");
    fs::create_dir_all(&client)?;
    fs::write(client.join("index.html"), "<!doctype html><title>LordOfPomelo</title>")?;
    let mut command = Command::new(program("lordofpomelo-web")?);
    command.args(["--env", ENVIRONMENT, "--listen", "127.0.0.1:0", "--client"]).arg(&client);
    let server = Running::start({
        command.current_dir(game.path());
        command
    })?;
    let line = server.line("http://").await?;
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).context("no address")?;
    Ok((server, url.trim_end_matches('/').to_owned()))
}
