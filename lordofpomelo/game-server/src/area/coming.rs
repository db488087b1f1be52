//! Into an area and out of the game: `enterScene`, and what happens when a player's client is gone or signs in anew.

use std::{collections::HashSet, sync::Arc, time::Duration};

use lordofpomelo_store::{Parts, Store};
use lordofpomelo_world::{
    area::{Farewell, Refused},
    hero::Hero,
    ids::PlayerId,
};
use pomelo::{Channels, Context, Deadline, Error, Extract, Leavers, Needs, Peer, Result, Rpc, State, UserId};
use tokio::time::Instant;

use super::{
    here::{Door, DoorError},
    host::{Host, Left, Person},
    hosts::Hosts,
    loading::Loading,
    own,
    saver::Saver,
};
use crate::{
    CALL, THE_ONE,
    messages::{
        Nothing, OK,
        area::Scene,
        remotes::{CHAT_ADD, ChatAdd, Leave, team},
    },
    resources::Resources,
    session::Place,
};

/// What is kept of the time of whoever waits while something is stored: to write its session, and to answer.
const ANSWER: Duration = Duration::from_secs(1);

/// The player comes into the area of its session. It is answered with everything in its window; what others are told comes after that.
pub(super) async fn enter_scene(
    door: Door,
    hosts: State<Hosts>,
    store: State<Store>,
    resources: State<Resources>,
    loading: State<Loading>,
    exit: Exit,
    _: Nothing,
) -> Result<Scene> {
    let Door { who, place, uid, frontend, .. } = door;
    // It may have left this server just now, and be on its way into the database.
    exit.ready().await?;
    let stored = store.take_over(who.id).await?;
    // Looked for after the waiting: an instance may have ended, and nobody would drive what it left.
    let host = hosts.get(&place).ok_or_else(|| DoorError::NoArea(place.key()))?;
    let Exit { channels, rpc, .. } = exit;
    let mut hero = stored.ok_or_else(|| Error::msg(format!("there is no player {}", who.id)))?.hero;
    if place.instance.is_some() {
        hero.position = resources.map(place.area)?.birth_point(&mut fastrand::Rng::new());
    } else {
        hero.area_id = place.area;
    }
    let map = loading.map(place.area, &resources)?;
    let person = Person { uid: uid.clone(), frontend: frontend.clone(), player: who.id };
    // From here on nothing waits: the answer goes out before anything that the player is told. If its client is gone already, the
    // channel says so, and it leaves again.
    channels.channel(&host.channel()).add(uid, frontend)?;
    // Who is in already and enters again goes on as it is, not as it was stored.
    tell_chat(&rpc, &host, &person, &who.name);
    let entered = match host.leave(who.id, Farewell::Travels) {
        Some(left) => host.enter_again(Hero { term: hero.term, ..left.hero }, left.team, person),
        None => host.enter(hero, place.team, person),
    };
    let is_in_team = host.read(|area| area.membership(who.id)).is_some();
    if is_in_team {
        tokio::spawn(tell_manager(Arc::clone(&host), who.id, rpc));
    }
    let cur_player = host.read(|area| own::cur_player(area, who.id, &resources.tables));
    Ok(Scene {
        entities: Some(entered.entities),
        cur_player: cur_player.map(Box::new),
        map: Some(map),
        code: OK,
    })
}

/// What it takes to leave an area, as one argument.
pub(super) struct Exit {
    resources: State<Resources>,
    saver: State<Saver>,
    channels: Channels,
    rpc: Rpc,
    /// When whoever waits for this stops waiting.
    until: Option<Instant>,
}

impl<C: Context> Extract<C> for Exit {
    fn extract(context: &C) -> Result<Self> {
        let (channels, rpc) = (Channels::extract(context)?, Rpc::extract(context)?);
        let until = Deadline::extract(context)?.left().map(|left| Instant::now() + left);
        Ok(Self::new(State::extract(context)?, State::extract(context)?, channels, rpc, until))
    }

    fn needs(needs: &mut Needs<'_>) {
        <State<Resources> as Extract<C>>::needs(needs);
        <State<Saver> as Extract<C>>::needs(needs);
    }
}

impl Exit {
    pub(super) fn new(
        resources: State<Resources>,
        saver: State<Saver>,
        channels: Channels,
        rpc: Rpc,
        until: Option<Instant>,
    ) -> Self {
        Self { resources, saver, channels, rpc, until }
    }

    /// Until when something may be stored that a client waits for.
    fn stored_until(&self) -> Instant {
        let now = Instant::now();
        self.until.map_or(now + CALL, |until| until.checked_sub(ANSWER).unwrap_or(now))
    }

    /// A player leaves the game; its team learns it by the manager. Answers what is to be stored of it; `None` if it is not here.
    fn depart(&self, host: &Host, player: PlayerId) -> Option<Hero> {
        let left = host.leave(player, Farewell::LoggedOut)?;
        self.forget(host, &left.person);
        Some(to_be_stored(left, &self.resources))
    }

    /// Whether anything is stored at all: done when nobody is left who is to be stored before.
    pub(super) async fn ready(&self) -> Result<()> {
        self.saver.flush_until(self.stored_until()).await
    }

    /// A player leaves for another area: it is out of this one and stored for that; or, if it can't be stored while its client
    /// waits, it is back, though as another entity.
    pub(super) async fn travel(&self, host: &Host, player: PlayerId, place: &Place) -> Result<()> {
        // Read before anybody moves: it may be missing.
        let map = self.resources.map(place.area)?;
        let left = host.leave(player, Farewell::Travels).ok_or(Refused::Absent)?;
        let (person, team, as_it_was) = (left.person.clone(), left.team.clone(), left.hero.clone());
        // An instance is no place to be stored at.
        let was_in_instance = left.was_in_instance || place.instance.is_some();
        let mut hero = to_be_stored(Left { was_in_instance, ..left }, &self.resources);
        if place.instance.is_none() {
            hero.area_id = place.area;
            hero.position = map.birth_point(&mut fastrand::Rng::new());
        }
        if let Err(error) = self.saver.save_until(hero, Parts::ALL, self.stored_until()).await {
            let channel = self.channels.channel(&host.channel());
            host.enter_again(as_it_was, team, person.clone());
            // Its client may have gone meanwhile, when there was nobody to take out: then the channel says so once more.
            channel.add(person.uid, person.frontend)?;
            return Err(error.into());
        }
        self.forget(host, &person);
        Ok(())
    }

    fn forget(&self, host: &Host, person: &Person) {
        self.channels.channel(&host.channel()).leave(&person.uid, &person.frontend);
    }
}

/// Somebody's client is gone: the last session closed, or its connector died.
pub(super) async fn gone(
    hosts: State<Hosts>,
    channels: Channels,
    exit: Exit,
    leavers: Leavers,
) -> Result<()> {
    let channel = channels.channel(&leavers.channel);
    let Some(host) = hosts.all().into_iter().find(|host| host.channel() == leavers.channel) else {
        return Ok(());
    };
    // Who is there again, at this connector or another, has not left.
    let users: HashSet<_> = leavers.users.iter().filter(|uid| channel.frontend_of(uid).is_none()).collect();
    let people = host.people();
    let players = people.values().filter(|person| users.contains(&person.uid)).map(|person| person.player);
    // With a connector many go at once. None of them waits for the database: that may be away, and nobody asks again who was left.
    let heroes = players.filter_map(|player| exit.depart(&host, player));
    exit.saver.save_later(heroes.map(|hero| (hero, Parts::ALL)).collect());
    Ok(())
}

/// A user signs in anew, at whatever connector: its player leaves and is stored before it is read again.
pub(super) async fn player_leave(hosts: State<Hosts>, exit: Exit, leave: Leave) -> Result<bool> {
    let mut was_here = false;
    for host in hosts.all() {
        let player = player_of(&host, &leave.uid);
        if let Some(hero) = player.and_then(|player| exit.depart(&host, player)) {
            exit.saver.save(hero, Parts::ALL).await?;
            was_here = true;
        }
    }
    // It may also have left just now, and be on its way into the database.
    exit.saver.flush().await?;
    Ok(was_here)
}

/// A chat server came: it knows nobody yet.
pub(super) async fn chat_came(hosts: State<Hosts>, rpc: Rpc, peer: Peer) -> Result<()> {
    if peer.server_type.as_str() != "chat" {
        return Ok(());
    }
    for host in hosts.all() {
        for person in host.people().values() {
            if let Some(name) = host.read(|area| area.hero(person.player).map(|hero| hero.name.clone())) {
                tell_chat(&rpc, &host, person, &name);
            }
        }
    }
    Ok(())
}

/// A player who left as it is stored: who was in an instance comes back in the birth zone of its scene.
pub(super) fn to_be_stored(left: Left, resources: &Resources) -> Hero {
    let mut hero = left.hero;
    if left.was_in_instance {
        match resources.map(hero.area_id) {
            Ok(map) => hero.position = map.birth_point(&mut fastrand::Rng::new()),
            // Where nobody can stand nobody is put: that is looked at when it comes in.
            Err(error) => tracing::warn!(%error, player = %hero.id, "has no place in its scene"),
        }
    }
    hero
}

fn player_of(host: &Host, uid: &UserId) -> Option<PlayerId> {
    host.people().values().find(|person| person.uid == *uid).map(|person| person.player)
}

/// From now on it hears everybody, and this area in place of another.
fn tell_chat(rpc: &Rpc, host: &Host, person: &Person, name: &str) {
    let add = ChatAdd {
        uid: person.uid.clone(),
        player: person.player,
        name: name.to_owned(),
        frontend: person.frontend.clone(),
        area: host.key().to_owned(),
    };
    if let Err(error) = rpc.send(CHAT_ADD, THE_ONE, &add) {
        tracing::warn!(%error, player = %person.player, "hears no chat until a chat server is there");
    }
}

/// The manager hears where a member is now, and says whether it still is one.
async fn tell_manager(host: Arc<Host>, player: PlayerId, rpc: Rpc) {
    let Some(team) = host.read(|area| area.membership(player)) else { return };
    let Ok(member) = host.member(player) else { return };
    let update = team::Update { team: team.id, member };
    match rpc.within(CALL).call(team::UPDATE_MEMBER, THE_ONE, &update).await {
        Ok(true) => {}
        Ok(false) => {
            // It may have left the area meanwhile, which comes to the same.
            let _ = host.with(|area, _| area.set_team(player, None));
        }
        Err(error) => tracing::warn!(%error, %player, "the manager does not know where a member is"),
    }
}
