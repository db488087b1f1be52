//! A bag of twenty slots, one thing in each. Not here: things on the ground, which are entities of an area.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many slots a bag has; they are numbered from 1.
pub const SLOTS: u32 = 20;

/// What a thing is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// To be used up.
    Item,
    /// To be worn.
    Equipment,
}

/// A thing in a bag or on the ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Thing {
    /// Its kind: a row of the item or of the equipment table.
    pub id: u32,
    /// Which of the two tables.
    #[serde(rename = "type")]
    pub sort: Sort,
}

/// A bag. As JSON an object of slot numbers: `{"1":{"id":3,"type":"item"}}`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bag {
    slots: [Option<Thing>; SLOTS as usize],
}

impl Bag {
    /// What lies in `slot`.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<Thing> {
        *self.slots.get(index(slot)?)?
    }

    /// Takes out what lies in `slot`.
    pub fn take(&mut self, slot: u32) -> Option<Thing> {
        self.slots.get_mut(index(slot)?)?.take()
    }

    /// Puts `thing` into the lowest free slot and says which; `None`, and the thing stays out, if the bag is full.
    pub fn put(&mut self, thing: Thing) -> Option<u32> {
        let (slot, place) = (1..).zip(&mut self.slots).find(|(_, place)| place.is_none())?;
        *place = Some(thing);
        Some(slot)
    }

    /// Whether no slot is free.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.slots.iter().all(Option::is_some)
    }

    /// All things with their slots, by rising slot.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Thing)> {
        (1..).zip(&self.slots).filter_map(|(slot, thing)| Some((slot, (*thing)?)))
    }
}

fn index(slot: u32) -> Option<usize> {
    usize::try_from(slot.checked_sub(1)?).ok()
}

impl Serialize for Bag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Bag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut bag = Self::default();
        for (slot, thing) in BTreeMap::<u32, Thing>::deserialize(deserializer)? {
            let place = index(slot).and_then(|index| bag.slots.get_mut(index));
            let place = place.ok_or_else(|| serde::de::Error::custom(format!("a bag has no slot {slot}")))?;
            *place = Some(thing);
        }
        Ok(bag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apple(id: u32) -> Thing {
        Thing { id, sort: Sort::Item }
    }

    #[test]
    fn a_thing_takes_the_lowest_free_slot_and_a_full_bag_takes_none() {
        let mut bag = Bag::default();
        for slot in 1..=SLOTS {
            assert_eq!(bag.put(apple(slot)), Some(slot));
        }
        assert!(bag.is_full());
        assert_eq!(bag.put(apple(99)), None);
        assert_eq!(bag.take(7), Some(apple(7)));
        assert_eq!(bag.take(7), None);
        assert_eq!(bag.put(apple(99)), Some(7));
    }

    #[test]
    fn slots_that_are_none_hold_nothing() {
        let mut bag = Bag::default();
        for slot in [0, 21, u32::MAX] {
            assert_eq!((bag.get(slot), bag.take(slot)), (None, None));
        }
    }

    #[test]
    fn a_bag_is_stored_as_an_object_of_slots() {
        let mut bag = Bag::default();
        bag.put(apple(3));
        bag.put(Thing { id: 5, sort: Sort::Equipment });
        bag.take(1);
        let text = r#"{"2":{"id":5,"type":"equipment"}}"#;
        assert_eq!(serde_json::to_string(&bag).unwrap(), text);
        assert_eq!(serde_json::from_str::<Bag>(text).unwrap(), bag);
        assert!(serde_json::from_str::<Bag>(r#"{"21":{"id":5,"type":"item"}}"#).is_err());
    }
}
