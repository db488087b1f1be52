//! What a client remembers of the game's tables, with their versions: who was told once is not told again. Not here: the tables that only
//! pages need (pictures, names).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lordofpomelo::messages::area::{LOAD_RESOURCE, LoadResource, Resource};
use lordofpomelo_world::data::Place;
use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::{Line, PlayerError};

/// The tables as far as players need them. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Resources(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    version: BTreeMap<String, Value>,
    /// Hit points and mana that each item gives.
    items: FxHashMap<u32, (u32, u32)>,
    equipment: FxHashMap<u32, Piece>,
}

/// A kind of equipment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Where it is worn.
    pub place: Place,
    /// Attack and defence together: how good it is.
    pub value: u32,
    /// The level that may wear it.
    pub level: u32,
}

impl Resources {
    /// Asks for what is not known or has changed, and returns the answer.
    pub(crate) async fn load<L: Line>(&self, line: &L) -> Result<Resource, PlayerError> {
        let version = self.known().version.clone();
        let told: Resource = line.request(LOAD_RESOURCE, &LoadResource { version }).await?;
        self.known().learn(&told);
        Ok(told)
    }

    /// Hit points and mana that an item gives, if the table was loaded.
    #[must_use]
    pub fn gives(&self, item: u32) -> Option<(u32, u32)> {
        self.known().items.get(&item).copied()
    }

    /// A kind of equipment, if the table was loaded.
    #[must_use]
    pub fn piece(&self, equipment: u32) -> Option<Piece> {
        self.known().equipment.get(&equipment).copied()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn learn(&mut self, told: &Resource) {
        if let Some(items) = &told.data.item {
            self.items = items.values().map(|row| (row.id, (row.hp, row.mp))).collect();
        }
        if let Some(equipment) = &told.data.equipment {
            let piece = |value, place, level| Piece { place, value, level };
            let rows = equipment.values();
            self.equipment = rows
                .map(|row| (row.id, piece(row.attack_value + row.defence_value, row.kind, row.hero_level)))
                .collect();
        }
        self.version = told.version.iter().map(|(name, number)| (name.clone(), (*number).into())).collect();
    }
}
