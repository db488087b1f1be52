//! The servers of LordOfPomelo.

pub mod messages;
