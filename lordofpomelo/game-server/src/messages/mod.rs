//! Every message of the game, typed, by the server type that answers it, and the pushes. What they mean is decided elsewhere: these
//! are the forms of the wire, and the only place where its names are written.
//!
//! Clients of the original send some numbers as decimal text and fields nobody asked for: [`Number`] takes both, unknown fields are
//! left alone. Ids of players in bodies are not read at all: the session says who asks.

pub mod area;
pub mod chat;
pub mod connector;
pub mod gate;
pub mod pushes;
pub mod remotes;
pub mod team;

mod number;

use pomelo::types::Messages;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use number::Number;

/// Well.
pub const OK: u16 = 200;
/// Not possible.
pub const FAIL: u16 = 500;

/// An answer that is only a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Code {
    /// 200, or what went wrong.
    pub code: u16,
}

impl Code {
    /// [`OK`].
    pub const OK: Self = Self { code: OK };
    /// [`FAIL`].
    pub const FAIL: Self = Self { code: FAIL };
}

/// An answer that says nothing: `{}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Nothing {}

/// What clients are told the types of.
pub fn list(list: Messages) -> Messages {
    pushes::list(team::list(area::list(chat::list(connector::list(gate::list(list))))))
}
