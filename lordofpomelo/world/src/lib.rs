//! The rules of LordOfPomelo, pure: maps and what can be walked on, who sees whom, movement, fight, monsters' minds, items,
//! experience, quests, teams. Time and chance come from outside (milliseconds of a clock that never goes back, a seeded
//! generator), what happened goes out as values; so a fight can be played again to the last hit point.
//!
//! Not here: sockets, sessions, storage, JSON of the wire. The game server translates.
//!
//! # Who uses what
//!
//! An area server owns one [`area::Area`] in each of its tasks: players' commands and a tick every 100 ms go in, pushes with their
//! receivers come out, and whatever must be stored or told to the manager is asked for ([`area::Area::take_unsaved`],
//! [`area::Area::take_member_changes`]). The manager server owns [`team::Teams`] and [`instances::Instances`]. Connectors and chat use
//! [`text`] and [`rate`]. Everybody reads the same [`data::Tables`] and [`map::AreaMap`]s, once.
//!
//! # Units
//!
//! Positions are pixels of the map (`f64`, the wire cuts off fractions), times are milliseconds, speeds pixels a second.

pub mod aoi;
pub mod area;
pub mod data;
pub mod geometry;
pub mod hero;
pub mod ids;
pub mod instances;
pub mod map;
pub mod rate;
pub mod rules;
pub mod team;
pub mod text;

pub use geometry::{Point, Rect};
