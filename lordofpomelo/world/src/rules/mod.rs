//! The game's formulas: numbers in, numbers out, chance as an argument. Not here: who may do what when, and what follows from
//! it ([`crate::area`]).

pub mod combat;
pub mod drops;
pub mod growth;

/// Rounds to the next whole number, halves upwards, not below 0. What is too large for the type stays at its maximum.
#[must_use]
pub(crate) fn rounded(value: f64) -> u32 {
    (value + 0.5).floor() as u32
}
