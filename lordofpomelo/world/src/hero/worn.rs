//! What a hero wears, and how things get there and back into the bag. Not here: what equipment does in a fight
//! ([`crate::rules::combat`]).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Hero, Sort, Thing};
use crate::data::{Equipment, Place, Tables};

/// Why something is not put on or taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WornError {
    /// The slot is empty or holds something else.
    #[error("there is no piece of equipment in slot {0}")]
    NoEquipment(u32),
    /// The hero is not there yet.
    #[error("level {0} is needed")]
    Level(u32),
    /// Nothing is worn there.
    #[error("nothing is worn there")]
    NothingWorn,
    /// What is taken off finds no slot.
    #[error("the bag is full")]
    BagFull,
}

/// The nine places, each empty or with a kind of equipment. As JSON an object with all nine, 0 where nothing is worn.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Places", into = "Places")]
pub struct Worn {
    places: [Option<u32>; Place::ALL.len()],
}

impl Worn {
    /// What is worn at `place`.
    #[must_use]
    pub fn at(&self, place: Place) -> Option<u32> {
        self.places[place as usize]
    }

    /// Puts a kind of equipment at `place`, or (`None`) nothing: for what was stored. Whatever was there is gone.
    pub fn put(&mut self, place: Place, id: Option<u32>) {
        self.places[place as usize] = id;
    }

    /// All that is worn.
    pub fn iter(&self) -> impl Iterator<Item = (Place, u32)> {
        Place::ALL.into_iter().filter_map(|place| Some((place, self.at(place)?)))
    }

    /// Attack and defence that it adds.
    #[must_use]
    pub fn bonus(&self, tables: &Tables) -> (u32, u32) {
        let pieces = self.iter().filter_map(|(_, id)| tables.equipment.get(id));
        pieces.fold((0, 0), |(attack, defence), piece| {
            (attack + piece.attack_value, defence + piece.defence_value)
        })
    }
}

/// The place of this name, in any case.
#[must_use]
pub fn place(name: &str) -> Option<Place> {
    Place::ALL.into_iter().find(|place| place.key().eq_ignore_ascii_case(name))
}

impl Hero {
    /// Puts on the piece of equipment in a slot of the bag. What was worn there before goes to the lowest free slot, which is
    /// returned; there is always one, since the slot is freed first.
    ///
    /// # Errors
    /// Nothing happens if there is no piece of equipment or the hero's level is too low for it.
    pub fn equip(&mut self, tables: &Tables, slot: u32) -> Result<Option<u32>, WornError> {
        let piece = self.piece(tables, slot).ok_or(WornError::NoEquipment(slot))?;
        if self.stats.level < piece.hero_level {
            return Err(WornError::Level(piece.hero_level));
        }
        self.bag.take(slot);
        let before = self.equipments.places[piece.kind as usize].replace(piece.id);
        Ok(before.and_then(|id| self.bag.put(Thing { id, sort: Sort::Equipment })))
    }

    /// Takes off what is worn at `place` into the bag and returns its slot; or destroys it, and returns no slot.
    ///
    /// # Errors
    /// Nothing happens if it should go into the bag, and nothing is worn or the bag is full.
    pub fn unequip(&mut self, place: Place, put_in_bag: bool) -> Result<Option<u32>, WornError> {
        let worn = &mut self.equipments.places[place as usize];
        if !put_in_bag {
            *worn = None;
            return Ok(None);
        }
        let id = worn.ok_or(WornError::NothingWorn)?;
        let slot = self.bag.put(Thing { id, sort: Sort::Equipment }).ok_or(WornError::BagFull)?;
        *worn = None;
        Ok(Some(slot))
    }

    fn piece<'t>(&self, tables: &'t Tables, slot: u32) -> Option<&'t Equipment> {
        let thing = self.bag.get(slot).filter(|thing| thing.sort == Sort::Equipment)?;
        tables.equipment.get(thing.id)
    }
}

/// The stored form.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Places {
    weapon: u32,
    armor: u32,
    helmet: u32,
    necklace: u32,
    ring: u32,
    belt: u32,
    shoes: u32,
    legguard: u32,
    amulet: u32,
}

impl From<Places> for Worn {
    fn from(p: Places) -> Self {
        let ids = [p.weapon, p.armor, p.helmet, p.necklace, p.ring, p.belt, p.shoes, p.legguard, p.amulet];
        Self { places: ids.map(|id| (id > 0).then_some(id)) }
    }
}

impl From<Worn> for Places {
    fn from(worn: Worn) -> Self {
        let [weapon, armor, helmet, necklace, ring, belt, shoes, legguard, amulet] =
            worn.places.map(Option::unwrap_or_default);
        Self { weapon, armor, helmet, necklace, ring, belt, shoes, legguard, amulet }
    }
}
