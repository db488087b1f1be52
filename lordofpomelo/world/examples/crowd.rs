//! How many players one area carries on one core: `cargo run --release -p lordofpomelo-world --example crowd -- --walking 2000
//! --fighting 1000`. Walkers walk about the desert, fighters attack monsters and each other, the dead come back. Time is played, not
//! waited for; what a tick and the players' commands take is measured. Not here: encoding and sending, which are the servers'.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use lordofpomelo_world::Point;
use lordofpomelo_world::area::{Area, Events, Push, Rules, TICK_MS, To};
use lordofpomelo_world::data::Tables;
use lordofpomelo_world::hero::Hero;
use lordofpomelo_world::ids::PlayerId;
use lordofpomelo_world::map::{AreaMap, PathFinder};
use lordofpomelo_world::rules::growth;

type Error = Box<dyn std::error::Error>;

/// The level of all heroes: fights of equals take some blows.
const LEVEL: u32 = 20;

/// How far a player walks at a time, at most.
const STROLL_PX: f64 = 500.0;

struct Options {
    walking: u32,
    fighting: u32,
    seconds: u64,
}

struct Robot {
    player: PlayerId,
    fights: bool,
    /// When it does the next thing.
    at_ms: u64,
}

#[derive(Default)]
struct Measured {
    ticks: Vec<Duration>,
    commands: Duration,
    command_count: u64,
    pushes: u64,
    receivers: u64,
    blows: u64,
}

fn main() -> Result<(), Error> {
    let options = options()?;
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../game-server/config");
    let tables = Arc::new(Tables::load(&config.join("data"))?);
    let desert = tables.area.get(1).ok_or("no desert")?;
    let map = Arc::new(AreaMap::load(&config.join(&desert.path), desert.width, desert.height)?);
    let mut area =
        Area::new(tables.clone(), map.clone(), 1, None, Rules::default(), 1, 0).ok_or("no area 1")?;
    let mut chance = Rng::with_seed(2);
    let mut finder = PathFinder::new(map.grid.clone());
    let mut robots = Vec::new();
    for id in 1..=options.walking + options.fighting {
        let at = anywhere(&map, &mut chance);
        let mut hero =
            Hero::new(&tables, PlayerId(id), &format!("robot {id}"), 210, at).ok_or("not playable")?;
        while hero.stats.level < LEVEL {
            hero.gain(&tables, growth::need(hero.stats.level));
        }
        area.enter(hero, None, 0);
        robots.push(Robot { player: PlayerId(id), fights: id > options.walking, at_ms: chance.u64(0..3000) });
    }
    let measured = play(&mut area, &mut robots, &mut finder, &mut chance, options.seconds);
    report(&options, &area, measured);
    Ok(())
}

fn play(
    area: &mut Area,
    robots: &mut [Robot],
    finder: &mut PathFinder,
    chance: &mut Rng,
    seconds: u64,
) -> Measured {
    let (mut measured, mut events) = (Measured::default(), Events::default());
    area.drain(&mut events);
    for now_ms in (1..=seconds * 1000 / TICK_MS).map(|tick| tick * TICK_MS) {
        for robot in robots.iter_mut().filter(|robot| robot.at_ms <= now_ms) {
            act(area, robot, finder, chance, now_ms, &mut measured);
        }
        let start = Instant::now();
        area.tick(now_ms);
        measured.ticks.push(start.elapsed());
        area.drain(&mut events);
        measured.pushes += events.len() as u64;
        for (to, push) in events.iter() {
            measured.receivers += if let To::Players(ids) = to { ids.len() as u64 } else { 0 };
            measured.blows += u64::from(matches!(push, Push::Attack(_)));
        }
    }
    measured
}

/// A walker strolls on; a fighter attacks somebody it sees, after a stroll.
fn act(
    area: &mut Area,
    robot: &mut Robot,
    finder: &mut PathFinder,
    chance: &mut Rng,
    now_ms: u64,
    measured: &mut Measured,
) {
    robot.at_ms = now_ms + chance.u64(1000..3000);
    let Some(at) = area.hero(robot.player).map(|hero| hero.position) else { return };
    if robot.fights && chance.u32(..4) > 0 {
        let seen = area.seen_by(robot.player);
        let mobs = seen.mob.iter().map(|mob| (mob.at, mob.entity_id));
        let players =
            seen.player.iter().filter(|player| player.hp > 0).map(|player| (player.at, player.entity_id));
        let distance = |spot| at.distance(Point::from(spot));
        let nearest = mobs.chain(players).min_by(|a, b| distance(a.0).total_cmp(&distance(b.0)));
        if let Some((_, target)) = nearest {
            // The dead are refused.
            let _ = timed(measured, || area.attack(robot.player, target));
        }
        return;
    }
    let mut off = || (chance.f64() * 2.0 - 1.0) * STROLL_PX;
    let to = Point::new((at.x + off()).floor(), (at.y + off()).floor());
    if let Some(route) = finder.find(at, to) {
        let _ = timed(measured, || area.walk(robot.player, route.points, now_ms));
    }
}

fn timed<T>(measured: &mut Measured, command: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = command();
    measured.commands += start.elapsed();
    measured.command_count += 1;
    result
}

fn anywhere(map: &AreaMap, chance: &mut Rng) -> Point {
    let size = (f64::from(map.grid.width()), f64::from(map.grid.height()));
    loop {
        let at = Point::new((chance.f64() * size.0).floor(), (chance.f64() * size.1).floor());
        if map.grid.is_walkable(at) {
            return at;
        }
    }
}

fn report(options: &Options, area: &Area, mut measured: Measured) {
    measured.ticks.sort_unstable();
    let at =
        |percent: usize| measured.ticks[(measured.ticks.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
    let seconds = options.seconds as f64;
    let busy = (measured.ticks.iter().sum::<Duration>() + measured.commands).as_secs_f64() / seconds;
    let counts = area.counts();
    println!("{} walking, {} fighting, {seconds} s played", options.walking, options.fighting);
    println!("{} players, {} monsters, {} things at the end", counts.players, counts.mobs, counts.items);
    println!("tick: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms", at(50), at(99), at(100));
    println!(
        "commands: {:.0} a second, {:.1} us each",
        measured.command_count as f64 / seconds,
        measured.commands.as_secs_f64() * 1e6 / measured.command_count.max(1) as f64
    );
    println!(
        "said: {:.0} pushes a second, {:.0} of them blows, to {:.0} receivers",
        measured.pushes as f64 / seconds,
        measured.blows as f64 / seconds,
        measured.receivers as f64 / seconds
    );
    println!("busy: {:.1} % of one core", busy * 100.0);
}

fn options() -> Result<Options, Error> {
    let mut options = Options { walking: 2000, fighting: 1000, seconds: 60 };
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} needs a number"))?;
        match name.as_str() {
            "--walking" => options.walking = value.parse()?,
            "--fighting" => options.fighting = value.parse()?,
            "--seconds" => options.seconds = value.parse()?,
            _ => return Err(format!("{name}: known are --walking, --fighting, --seconds").into()),
        }
    }
    Ok(options)
}
