//! What robots do once they are in the game. Each goes on until its connection ends or the run is over.

use std::time::Duration;

use clap::ValueEnum;
use lordofpomelo::messages::{
    chat::Scope,
    pushes::{ON_ATTACK, ON_PATH_CHECKOUT, ON_REVIVE},
};
use lordofpomelo_world::ids::EntityId;
use pomelo_client::ClientError;
use pomelo_robot::Robot;

use super::Manner;
use crate::{Entity, Line, Player, PlayerError, Sort};

/// How long it stays at one target.
const TARGET_TIME: Duration = Duration::from_secs(15);

/// How far it looks for somebody to fight, in pixels: a server walks players to their targets.
const FIGHT_PX: f64 = 500.0;

/// Among how many of the nearest it chooses, so that not all go for one.
const CHOICE: usize = 4;

/// How far it goes for a thing on the ground, in pixels.
const PICK_PX: f64 = 400.0;

/// How long it waits for what it picks up.
const PICK_TIME: Duration = Duration::from_secs(4);

/// How often a robot looks whether something has happened.
const LOOK: Duration = Duration::from_millis(500);

/// What robots do. Those that fight keep the whole view that a client has, and count what makes no sense in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Behaviour {
    /// Walk all the time, spread over the area. They attend to nothing but themselves.
    Walk,
    /// Attack whoever is near, monsters and players.
    Fight,
    /// Walk, fight monsters, pick up, put on what is better, drink when hurt, chat now and then.
    Mixed,
    /// Stand where they came in and listen.
    Idle,
}

impl Behaviour {
    /// What of the pushes it attends to: the rest is not even read.
    pub(super) fn wants(self) -> fn(&str) -> bool {
        match self {
            Self::Walk | Self::Idle => |route| {
                route == ON_PATH_CHECKOUT.name() || route == ON_REVIVE.name() || route == ON_ATTACK.name()
            },
            Self::Fight | Self::Mixed => |_| true,
        }
    }

    /// Whether what makes no sense in its view is a fault: it is none in a view that lacks what was not attended to.
    pub(super) fn keeps_the_whole_view(self) -> bool {
        matches!(self, Self::Fight | Self::Mixed)
    }

    pub(super) async fn play<L: Line>(
        self,
        robot: &Robot,
        player: &Player<L>,
        manner: &Manner,
    ) -> Result<(), PlayerError> {
        match self {
            Self::Walk => attempt(robot, spread(player).await).await?,
            Self::Idle => {
                robot.over().await;
                return Ok(());
            }
            Self::Fight | Self::Mixed => {}
        }
        loop {
            alive(robot, player).await?;
            let done = match self {
                Self::Walk | Self::Idle => stroll(player, manner).await,
                Self::Fight => fight(robot, player, manner, Entity::is_alive).await,
                Self::Mixed => mix(robot, player, manner).await,
            };
            attempt(robot, done).await?;
        }
    }
}

/// What a server refuses is counted where it was asked, and the robot goes on after a moment, when it knows why: it is dead, or elsewhere.
/// It does not if its connection has ended.
async fn attempt(robot: &Robot, done: Result<(), PlayerError>) -> Result<(), PlayerError> {
    match done {
        Err(PlayerError::Client(ClientError::Closed(_)) | PlayerError::Over) => done,
        Err(PlayerError::Client(_)) => Ok(robot.pause(LOOK).await?),
        _ => Ok(()),
    }
}

/// Waits until the player lives; never longer than a moment if it does. So nobody asks a server that refuses without a pause.
async fn alive<L: Line>(robot: &Robot, player: &Player<L>) -> Result<(), PlayerError> {
    robot.pause(Duration::from_millis(20)).await?;
    while player.view(|view| view.own().is_some_and(|own| own.is_dead)) {
        robot.pause(LOOK).await?;
    }
    Ok(())
}

/// Goes somewhere on the map.
async fn spread<L: Line>(player: &Player<L>) -> Result<(), PlayerError> {
    let here = player.position();
    let map = player.view(|view| view.map().cloned()).ok_or(PlayerError::NotInArea)?;
    let way = map.journey(here).ok_or(PlayerError::NoWay)?;
    player.walk(&way.points).await?;
    player.arrives().await;
    Ok(())
}

/// Goes somewhere near.
async fn stroll<L: Line>(player: &Player<L>, manner: &Manner) -> Result<(), PlayerError> {
    let here = player.position();
    let map = player.view(|view| view.map().cloned()).ok_or(PlayerError::NotInArea)?;
    let way = map.stroll(here, manner.reach_px).ok_or(PlayerError::NoWay)?;
    player.walk(&way.points).await?;
    player.arrives().await;
    Ok(())
}

/// Goes for somebody near until one of the two is dead; walks on if nobody is there.
async fn fight<L: Line>(
    robot: &Robot,
    player: &Player<L>,
    manner: &Manner,
    pass: impl Fn(&Entity) -> bool,
) -> Result<(), PlayerError> {
    let Some(target) = choose(player, pass) else { return stroll(player, manner).await };
    player.attack(target).await?;
    for _ in 0..TARGET_TIME.as_millis() / LOOK.as_millis() {
        robot.pause(LOOK).await?;
        let goes_on = player.view(|view| {
            let is_there = view.entity(target).is_some_and(Entity::is_alive);
            is_there && view.own().is_some_and(|own| !own.is_dead)
        });
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// One of those nearest.
fn choose<L: Line>(player: &Player<L>, pass: impl Fn(&Entity) -> bool) -> Option<EntityId> {
    let (now_ms, here) = (player.now_ms(), player.position());
    player.view(|view| {
        let team = view.own().map_or(0, |own| own.team);
        let mate = |entity: &Entity| team != 0 && entity.player.as_ref().is_some_and(|who| who.team == team);
        let mut near: Vec<(f64, EntityId)> = (view.entities())
            .filter(|entity| pass(entity) && !mate(entity))
            .map(|entity| (entity.position(now_ms).distance(here), entity.id))
            .filter(|(far, _)| *far <= FIGHT_PX)
            .collect();
        if near.len() > CHOICE {
            near.select_nth_unstable_by(CHOICE, |a, b| a.0.total_cmp(&b.0));
        }
        fastrand::choice(near.iter().take(CHOICE)).map(|(_, id)| *id)
    })
}

async fn mix<L: Line>(robot: &Robot, player: &Player<L>, manner: &Manner) -> Result<(), PlayerError> {
    match fastrand::u32(0..100) {
        0..5 => player.say(Scope::Area, "hello from a robot").await?,
        5..7 => player.say(Scope::All, "hello to all").await?,
        7..50 => stroll(player, manner).await?,
        _ => fight(robot, player, manner, |entity| entity.sort == Sort::Mob).await?,
    }
    alive(robot, player).await?;
    pick_near(robot, player).await?;
    dress(player).await?;
    drink(player).await
}

/// Picks up the nearest thing.
async fn pick_near<L: Line>(robot: &Robot, player: &Player<L>) -> Result<(), PlayerError> {
    let (now_ms, here, me) = (player.now_ms(), player.position(), player.own()?);
    if me.is_bag_full() {
        let slot = me.bag.keys().next().copied();
        player.drop_item(slot.unwrap_or_default()).await?;
    }
    let thing = player.view(|view| {
        let mine = |thing: &Entity| thing.owner.0 == 0 || thing.owner == me.id;
        let near = |thing: &Entity| thing.position(now_ms).distance(here) <= PICK_PX;
        view.nearest(now_ms, |thing| thing.is_thing() && mine(thing) && near(thing)).map(|thing| thing.id)
    });
    let Some(thing) = thing else { return Ok(()) };
    player.pick(thing).await?;
    for _ in 0..PICK_TIME.as_millis() / LOOK.as_millis() {
        robot.pause(LOOK).await?;
        if player.view(|view| view.entity(thing).is_none()) {
            break;
        }
    }
    Ok(())
}

/// Puts on what is better than what is worn.
async fn dress<L: Line>(player: &Player<L>) -> Result<(), PlayerError> {
    let me = player.own()?;
    let tables = player.resources();
    let better = me.bag.iter().find(|(_, thing)| {
        thing.sort == lordofpomelo_world::hero::Sort::Equipment
            && tables.piece(thing.id).is_some_and(|piece| {
                let worn = me.worn.at(piece.place).and_then(|id| tables.piece(id));
                piece.level <= me.level && worn.is_none_or(|worn| worn.value < piece.value)
            })
    });
    match better {
        Some((slot, _)) => player.equip(*slot).await.map(drop),
        None => Ok(()),
    }
}

/// Drinks something if it is hurt.
async fn drink<L: Line>(player: &Player<L>) -> Result<(), PlayerError> {
    let me = player.own()?;
    let is_hurt = !me.is_dead && me.hp * 2 < me.max_hp;
    let heals = |id| player.resources().gives(id).is_some_and(|(hp, _)| hp > 0);
    let potion = me
        .bag
        .iter()
        .find(|(_, thing)| thing.sort == lordofpomelo_world::hero::Sort::Item && heals(thing.id));
    match potion {
        Some((slot, _)) if is_hurt => player.use_item(*slot).await,
        _ => Ok(()),
    }
}
