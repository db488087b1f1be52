//! Who sees whom: the area is cut into towers, an object stands in one of them, a watcher looks at a block of them, its
//! window. Each change says who is to be told what; whether it becomes a push, and of which form, is the area's business.
//!
//! Players are objects and watchers, mobs are objects and watchers of their own tower, the rest only objects.

mod towers;

use rustc_hash::FxHashMap;

pub use towers::{MAX_RANGE, Window, range_of_view};
use towers::{Tower, Towers};

use crate::Point;

/// Id of an entity within its area.
pub type EntityId = u32;

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "by their names")]
pub enum EntityKind {
    Player,
    Mob,
    Npc,
    Item,
    Equipment,
}

/// An object in a tower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seen {
    /// Which entity.
    pub id: EntityId,
    /// What it is.
    pub kind: EntityKind,
}

/// Who is to be told what. The slices are only lent: their memory is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// `object` came into the windows of these watchers; itself is not among them. One of the lists may be empty, not both.
    Appeared {
        /// What came into sight.
        object: Seen,
        /// Players who see it now.
        players: &'a [EntityId],
        /// Mobs who see it now.
        mobs: &'a [EntityId],
    },
    /// `object` left the windows of these players. Mobs are not told.
    Vanished {
        /// What went out of sight.
        object: Seen,
        /// Players who saw it until now.
        players: &'a [EntityId],
    },
    /// The window of a player changed. One of the lists may be empty, not both; the player itself is in none.
    Looked {
        /// Whose window.
        player: EntityId,
        /// Objects that it sees now.
        gained: &'a [Seen],
        /// Objects that it saw until now.
        lost: &'a [Seen],
    },
}

/// The towers of one area with what stands in them and who looks at them.
///
/// ```
/// use lordofpomelo_world::{Point, aoi::{Aoi, EntityKind, Event}};
///
/// let mut aoi = Aoi::new(1600.0, 1100.0, 300.0, 300.0);
/// aoi.watch(1, EntityKind::Player, Point::new(10.0, 10.0), 0, &mut |_| {});
/// let mut told = Vec::new();
/// aoi.add(2, EntityKind::Mob, Point::new(20.0, 20.0), &mut |event| {
///     if let Event::Appeared { object, players, .. } = event {
///         told.push((object.id, players.to_vec()));
///     }
/// });
/// assert_eq!(told, [(2, vec![1])]);
/// ```
#[derive(Debug)]
pub struct Aoi {
    towers: Towers,
    // The server makes the ids itself, so nobody can choose ones that collide; and whoever watches a tower is looked up for each
    // step into or out of it, which the standard hash makes most of the cost of.
    objects: FxHashMap<EntityId, Object>,
    watchers: FxHashMap<EntityId, Watcher>,
    /// Used again by each operation, so that none of them allocates once the lists have grown.
    players: Vec<EntityId>,
    mobs: Vec<EntityId>,
    gained: Vec<Seen>,
    lost: Vec<Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Object {
    kind: EntityKind,
    tower: Tower,
}

#[derive(Debug, Clone, Copy)]
struct Watcher {
    kind: EntityKind,
    tower: Tower,
    range: u32,
    window: Window,
}

impl Aoi {
    /// Towers over an area; all sizes in pixels and above 0.
    #[must_use]
    pub fn new(width: f64, height: f64, tower_width: f64, tower_height: f64) -> Self {
        Self {
            towers: Towers::new(width, height, tower_width, tower_height),
            objects: FxHashMap::default(),
            watchers: FxHashMap::default(),
            players: Vec::new(),
            mobs: Vec::new(),
            gained: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// Puts an object down. One that is there already moves instead.
    pub fn add(&mut self, id: EntityId, kind: EntityKind, at: Point, tell: &mut impl FnMut(Event<'_>)) {
        if self.objects.contains_key(&id) {
            return self.move_object(id, at, tell);
        }
        let (object, tower) = (Seen { id, kind }, self.towers.of(at));
        self.objects.insert(id, Object { kind, tower });
        self.towers.put(tower, object);
        self.appear(object, tower, None, tell);
    }

    /// Takes an object away. Nothing happens if it is not there.
    pub fn remove(&mut self, id: EntityId, tell: &mut impl FnMut(Event<'_>)) {
        let Some(Object { kind, tower }) = self.objects.remove(&id) else { return };
        self.towers.take(tower, id);
        self.vanish(Seen { id, kind }, tower, None, tell);
    }

    /// Moves an object. Nothing happens if it is not there, or stays in its tower.
    pub fn move_object(&mut self, id: EntityId, to: Point, tell: &mut impl FnMut(Event<'_>)) {
        let new = self.towers.of(to);
        let Some(object) = self.objects.get_mut(&id) else { return };
        let old = std::mem::replace(&mut object.tower, new);
        if old == new {
            return;
        }
        let object = Seen { id, kind: object.kind };
        self.towers.take(old, id);
        self.towers.put(new, object);
        self.vanish(object, old, Some(new), tell);
        self.appear(object, new, Some(old), tell);
    }

    /// Lets somebody look from a point, with a range in towers, cut to [`MAX_RANGE`]. A player is told what it sees. One that
    /// looks already looks from there instead. Only players and mobs look; others are ignored.
    pub fn watch(
        &mut self,
        id: EntityId,
        kind: EntityKind,
        at: Point,
        range: u32,
        tell: &mut impl FnMut(Event<'_>),
    ) {
        if !matches!(kind, EntityKind::Player | EntityKind::Mob) {
            return;
        }
        let (tower, range) = (self.towers.of(at), range.min(MAX_RANGE));
        let window = self.towers.window(tower, range);
        let old = self.watchers.insert(id, Watcher { kind, tower, range, window });
        self.look(id, kind, old.map(|old| old.window), Some(window), tell);
    }

    /// Ends somebody's looking, without telling anybody. Nothing happens if it does not look.
    pub fn unwatch(&mut self, id: EntityId) {
        if let Some(old) = self.watchers.remove(&id) {
            self.look(id, old.kind, Some(old.window), None, &mut |_| {});
        }
    }

    /// Moves a watcher. Nothing happens if it does not look, or stays in its tower.
    pub fn move_watcher(&mut self, id: EntityId, to: Point, tell: &mut impl FnMut(Event<'_>)) {
        let tower = self.towers.of(to);
        if let Some(&Watcher { kind, tower: old, range, .. }) = self.watchers.get(&id)
            && old != tower
        {
            self.watch(id, kind, to, range, tell);
        }
    }

    /// Changes how far a watcher looks, in towers. Nothing happens if it does not look.
    pub fn resize(&mut self, id: EntityId, range: u32, tell: &mut impl FnMut(Event<'_>)) {
        let range = range.min(MAX_RANGE);
        let Some(watcher) = self.watchers.get_mut(&id) else { return };
        let window = self.towers.window(watcher.tower, range);
        watcher.range = range;
        let (kind, old) = (watcher.kind, std::mem::replace(&mut watcher.window, window));
        self.look(id, kind, Some(old), Some(window), tell);
    }

    /// Moves an entity that is object and watcher: others are told of it before it is told of what it sees.
    pub fn walk(&mut self, id: EntityId, to: Point, tell: &mut impl FnMut(Event<'_>)) {
        self.move_object(id, to, tell);
        self.move_watcher(id, to, tell);
    }

    /// Takes an entity away that is object and watcher.
    pub fn leave(&mut self, id: EntityId, tell: &mut impl FnMut(Event<'_>)) {
        self.unwatch(id);
        self.remove(id, tell);
    }

    /// Players who see this point.
    #[must_use]
    pub fn players_watching(&self, at: Point) -> &[EntityId] {
        self.towers.players(self.towers.of(at))
    }

    /// Mobs who see this point.
    #[must_use]
    pub fn mobs_watching(&self, at: Point) -> &[EntityId] {
        self.towers.mobs(self.towers.of(at))
    }

    /// What stands in the window of somebody at this point with this range.
    pub fn in_window(&self, at: Point, range: u32) -> impl Iterator<Item = Seen> {
        let window = self.towers.window(self.towers.of(at), range.min(MAX_RANGE));
        self.towers.objects_of(window)
    }

    /// What a watcher sees, itself included if it is an object; nothing for who does not look.
    pub fn seen_by(&self, id: EntityId) -> impl Iterator<Item = Seen> {
        let window = self.watchers.get(&id).map(|watcher| watcher.window);
        window.into_iter().flat_map(|window| self.towers.objects_of(window))
    }

    /// Whether a watcher sees this point.
    #[must_use]
    pub fn sees(&self, id: EntityId, at: Point) -> bool {
        self.watchers.get(&id).is_some_and(|watcher| watcher.window.contains(self.towers.of(at)))
    }

    /// The window of a watcher.
    #[must_use]
    pub fn window(&self, id: EntityId) -> Option<Window> {
        self.watchers.get(&id).map(|watcher| watcher.window)
    }

    /// Tells of `object` whoever watches `tower`, but not `other`.
    fn appear(&mut self, object: Seen, tower: Tower, other: Option<Tower>, tell: &mut impl FnMut(Event<'_>)) {
        self.collect(object.id, tower, other);
        if !self.players.is_empty() || !self.mobs.is_empty() {
            tell(Event::Appeared { object, players: &self.players, mobs: &self.mobs });
        }
    }

    fn vanish(&mut self, object: Seen, tower: Tower, other: Option<Tower>, tell: &mut impl FnMut(Event<'_>)) {
        self.collect(object.id, tower, other);
        if !self.players.is_empty() {
            tell(Event::Vanished { object, players: &self.players });
        }
    }

    /// The watchers of `tower` who do not watch `other`, without `object`, into `players` and `mobs`.
    fn collect(&mut self, object: EntityId, tower: Tower, other: Option<Tower>) {
        let misses = |id: &&EntityId| {
            let sees = |other: Tower| self.watchers.get(*id).is_some_and(|who| who.window.contains(other));
            **id != object && !other.is_some_and(sees)
        };
        self.players.clear();
        self.players.extend(self.towers.players(tower).iter().filter(misses));
        self.mobs.clear();
        self.mobs.extend(self.towers.mobs(tower).iter().filter(misses));
    }

    /// Enters a watcher in the towers it sees now and strikes it from those it saw; tells it if it is a player.
    fn look(
        &mut self,
        id: EntityId,
        kind: EntityKind,
        old: Option<Window>,
        new: Option<Window>,
        tell: &mut impl FnMut(Event<'_>),
    ) {
        let (gained, lost) = (&mut self.gained, &mut self.lost);
        gained.clear();
        lost.clear();
        let others = |seen: &&Seen| seen.id != id;
        for tower in without(old, new) {
            self.towers.forget(tower, id, kind);
            lost.extend(self.towers.objects(tower).iter().filter(others));
        }
        for tower in without(new, old) {
            self.towers.note(tower, id, kind);
            gained.extend(self.towers.objects(tower).iter().filter(others));
        }
        if kind == EntityKind::Player && !(gained.is_empty() && lost.is_empty()) {
            tell(Event::Looked { player: id, gained, lost });
        }
    }
}

/// The towers of `window` that are not in `other`.
fn without(window: Option<Window>, other: Option<Window>) -> impl Iterator<Item = Tower> {
    let towers = window.into_iter().flat_map(Window::towers);
    towers.filter(move |tower| !other.is_some_and(|other| other.contains(*tower)))
}

#[cfg(test)]
mod tests;
