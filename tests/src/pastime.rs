//! Two players of LordOfPomelo who walk and talk all the while, so that whatever they are denied, told twice or not told is noticed. Not
//! here: what happens to the servers meanwhile, which is the suites'.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use lordofpomelo_robot::{Player, messages::chat::Scope};
use lordofpomelo_world::Point;
use pomelo_testkit::eventually;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use crate::{
    cluster::PATIENCE,
    realm::{Realm, ensure_sense, tough},
};

/// How often each of them walks and says something, at most: the chat takes five lines in five seconds.
const EVERY: Duration = Duration::from_millis(1_500);

/// Where they are, and how far they walk.
const AT: Point = Point::new(1500.0, 1000.0);
const STEP_PX: f64 = 100.0;

/// The two.
pub struct Pastime {
    players: [Strolling; 2],
    stop: watch::Sender<bool>,
}

struct Strolling {
    name: String,
    player: Arc<Player>,
    /// Pushes that came before they began.
    mark: usize,
    /// How often it has walked and spoken.
    rounds: Arc<AtomicUsize>,
    playing: JoinHandle<Result<()>>,
}

impl Pastime {
    /// Both come in by way of the gate, see each other, and begin.
    pub async fn begin(realm: &Realm) -> Result<Self> {
        let mut players = Vec::new();
        for (n, name) in (0..).zip(["Castor", "Pollux"]) {
            let at = Point::new(AT.x, AT.y + f64::from(n) * STEP_PX);
            let account = realm
                .account(name, |hero| {
                    tough(hero);
                    hero.position = at;
                })
                .await?;
            let player = realm.game.connect(account.uid).await?;
            player.play(&account.token, None).await.with_context(|| format!("{name} comes in"))?;
            players.push((name.to_owned(), Arc::new(player)));
        }
        let other = |n: usize| players[1 - n].0.clone();
        for (n, (name, player)) in players.iter().enumerate() {
            let other = other(n);
            player.eventually("the other in sight", |record| record.view.player(&other).map(drop)).await?;
            eventually("the chat knows both", PATIENCE, async || player.whisper(name, "hm").await.ok()).await;
        }
        let marks = players.iter().map(|(_, player)| player.mark()).collect::<Vec<_>>();
        let (stop, stopped) = watch::channel(false);
        let mut strolling = Vec::new();
        for ((name, player), mark) in players.into_iter().zip(marks) {
            let here = player.position();
            let there = realm.near(1, Point::new(here.x + STEP_PX, here.y))?;
            let rounds = Arc::new(AtomicUsize::new(0));
            let playing = tokio::spawn(stroll(
                Arc::clone(&player),
                [here, there],
                Arc::clone(&rounds),
                stopped.clone(),
            ));
            strolling.push(Strolling { name, player, mark, rounds, playing });
        }
        let players = strolling.try_into().ok().context("two players")?;
        Ok(Self { players, stop })
    }

    /// Waits until each of them has walked and spoken so many times more, or can't: [`Pastime::finish`] tells why.
    pub async fn goes_on(&self, rounds: usize) {
        for one in &self.players {
            let until = one.rounds.load(Ordering::Relaxed) + rounds;
            let what = format!("{} walks and talks", one.name);
            eventually(&what, PATIENCE, async || {
                (one.rounds.load(Ordering::Relaxed) >= until || one.playing.is_finished()).then_some(())
            })
            .await;
        }
    }

    /// Ends it. Nothing that they asked was denied; each heard every line of both once and in order, and saw every walk of the other.
    pub async fn finish(self) -> Result<()> {
        self.stop.send_replace(true);
        let mut players = Vec::new();
        for one in self.players {
            one.playing.await?.with_context(|| one.name.clone())?;
            players.push((one.name, one.player, one.mark, one.rounds.load(Ordering::Relaxed)));
        }
        for (name, hearer, mark, _) in &players {
            for (speaker, other, _, rounds) in &players {
                let lines = || -> Vec<usize> {
                    let said =
                        hearer.heard("onChat", *mark).into_iter().filter(|body| body["from"] == **speaker);
                    said.filter_map(|body| body["content"].as_str()?.parse().ok()).collect()
                };
                let all: Vec<usize> = (0..*rounds).collect();
                let what = format!("{name} hears all {rounds} lines of {speaker}");
                eventually(&what, PATIENCE, async || (lines().len() >= *rounds).then_some(())).await;
                ensure!(lines() == all, "{name} heard of {speaker} {:?}, not 0 to {rounds}", lines());
                if name != speaker {
                    let id = other.own()?.entity;
                    let walks =
                        || hearer.heard("onMove", *mark).iter().filter(|body| body["entityId"] == id).count();
                    let what = format!("{name} sees all {rounds} walks of {speaker}");
                    eventually(&what, PATIENCE, async || (walks() >= *rounds).then_some(())).await;
                    ensure!(walks() == *rounds, "{name} saw {} walks of {speaker}, not {rounds}", walks());
                }
            }
            hearer.look(|record| {
                ensure!(record.ended().is_none(), "{name} was thrown out: {:?}", record.ended());
                ensure_sense(name, record.anomalies())
            })?;
            hearer.quit().await;
        }
        Ok(())
    }
}

async fn stroll(
    player: Arc<Player>,
    ends: [Point; 2],
    rounds: Arc<AtomicUsize>,
    mut stop: watch::Receiver<bool>,
) -> Result<()> {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !*stop.borrow_and_update() {
        tokio::select! {
            _ = every.tick() => {}
            _ = stop.changed() => break,
        }
        let round = rounds.load(Ordering::Relaxed);
        player
            .walk(&[player.position(), ends[(round + 1) % 2]])
            .await
            .with_context(|| format!("walk {round}"))?;
        player.say(Scope::All, &round.to_string()).await.with_context(|| format!("line {round}"))?;
        rounds.store(round + 1, Ordering::Relaxed);
    }
    Ok(())
}
