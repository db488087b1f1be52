//! Pomelo's dialect of protobuf: bodies that leave the names of their fields out (pomelo-protobuf 0.4.0).
//!
//! A game defines its messages in `config/clientProtos.json` (what clients send) and `config/serverProtos.json` (pushes
//! and answers), by route. Both go to the client in the handshake, named by a version. A message whose route is defined is
//! always written so, every other one is JSON; nothing in the bytes says which. To the application, bodies are JSON
//! either way: [`Schema::decode`] makes it, [`Schema::encode`] takes it.
//!
//! ```
//! use pomelo_protocol::protobuf::{Definitions, Required};
//!
//! let pushes = Definitions::parse(r#"{"onChat": {"required string msg": 1, "optional uInt32 seq": 2}}"#)?;
//! let on_chat = pushes.schema("onChat").expect("it is there");
//! let body = on_chat.encode(br#"{"seq":7,"msg":"hi"}"#, Required::Checked)?;
//! assert_eq!(body, b"\x10\x07\x0a\x02hi"); // in the order of the JSON
//! assert_eq!(on_chat.decode(&body, 1024)?, br#"{"seq":7,"msg":"hi"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It differs from Google's protobuf: the type in a field's head is written and never looked at; a repeated field of
//! numbers has one head and a count of its elements; `int32` is zigzag, like `sInt32`; whole numbers may have up to 53
//! bits, as JavaScript's do. There are no enums, maps, `oneof`s or bytes.

mod decode;
mod definitions;
mod describe;
mod encode;
mod error;
mod raw;
mod varint;

use std::{fmt, sync::Arc};

use crate::route::ROUTE_BYTES_MAX;

pub use definitions::Definitions;
pub use describe::Description;
pub use error::{CodecError, CodecFault, DefinitionError};

use definitions::MessageIndex;

/// Messages in messages in messages: one that goes deeper is refused, as JSON, as bytes and as a definition.
pub const DEPTH_MAX: usize = 32;
/// Most fields of one message.
pub const FIELDS_MAX: usize = 512;
/// Most messages in one file, those inside others included.
pub const MESSAGES_MAX: usize = 16_384;
/// Longest name of a field, a message or a type, in bytes. A route may be as long as a message can carry.
pub const NAME_BYTES_MAX: usize = ROUTE_BYTES_MAX;
/// Largest number of a field.
pub const TAG_MAX: u32 = (1 << 28) - 1;
/// Largest whole number: JavaScript's `Number.MAX_SAFE_INTEGER`. A `sInt32` or `int32` goes from minus half of it to half of it.
pub const WHOLE_MAX: u64 = (1 << 53) - 1;

/// What both sides of a connection know of each other's messages. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protos(Arc<Both>);

#[derive(Debug, PartialEq, Eq)]
struct Both {
    client: Definitions,
    server: Definitions,
    version: String,
    description: Description,
}

/// How the messages of one route are written. Cheap to clone.
#[derive(Clone)]
pub struct Schema {
    definitions: Definitions,
    message: MessageIndex,
    route: Arc<str>,
}

/// What is done about a field that is defined as required and is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    /// Nothing is written; the error names the field.
    Checked,
    /// The rest is written: readers do not miss it. For answers that say that something failed.
    Ignored,
}

impl Protos {
    /// Of the messages that clients send, and those that servers send. The version is the original's for the same files.
    pub fn new(client: Definitions, server: Definitions) -> Self {
        let version = describe::version(&client, &server);
        Self::with_version(client, server, version)
    }

    /// What a server's handshake says.
    pub fn from_description(description: &Description) -> Result<Self, DefinitionError> {
        let (client, server, version) = describe::read(description)?;
        Ok(Self::with_version(client, server, version))
    }

    fn with_version(client: Definitions, server: Definitions, version: String) -> Self {
        let description = Description::new(&client, &server, &version);
        Self(Arc::new(Both { client, server, version, description }))
    }

    /// Requests and notifies.
    pub fn client(&self) -> &Definitions {
        &self.0.client
    }

    /// Pushes, and answers by the route of their request.
    pub fn server(&self) -> &Definitions {
        &self.0.server
    }

    /// Names the definitions: base64 of an MD5.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// As the handshake holds it.
    pub fn description(&self) -> &Description {
        &self.0.description
    }
}

impl Schema {
    /// Whose messages these are.
    pub fn route(&self) -> &str {
        &self.route
    }

    /// Whether its messages have a field of this name that holds one number.
    pub fn has_number(&self, field: &str) -> bool {
        let message = self.definitions.inner().message(self.message);
        message.by_name(field, 0).is_some_and(|at| {
            let field = &message.fields[at];
            !field.repeated && field.kind.is_counted()
        })
    }

    /// Writes a message from its JSON, which must be an object (or `null`, or nothing: one with no fields). Fields are written in the
    /// order they have there; what has no definition is left out, and so is `null`, which is 0 in a list of floats or doubles. A fraction in a field of whole numbers
    /// is cut off, text that is a number is taken for it.
    pub fn encode(&self, json: &[u8], required: Required) -> Result<Vec<u8>, CodecError> {
        let json = if json.is_empty() { b"null" } else { json };
        encode::encode(self.definitions.inner(), self.message, json, required)
            .map_err(|error| error.on(&self.route))
    }

    /// Reads a message as JSON, of at most `json_bytes_max` bytes. A number that is not finite becomes `null`; a field that is
    /// there twice counts as it stands last, and elements of a repeated one are put together, wherever they stand. Fields
    /// that are required need not be there: that is for who takes the JSON.
    pub fn decode(&self, body: &[u8], json_bytes_max: usize) -> Result<Vec<u8>, CodecError> {
        // Names and quotes come on top of what the body has.
        let mut json = Vec::with_capacity(body.len().saturating_mul(4).min(json_bytes_max));
        self.decode_into(body, json_bytes_max, &mut json)?;
        Ok(json)
    }

    /// The same, into a buffer that is cleared first: for who reads many messages and keeps one buffer for all. After an error
    /// what is in it means nothing.
    pub fn decode_into(
        &self,
        body: &[u8],
        json_bytes_max: usize,
        json: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        json.clear();
        decode::decode(self.definitions.inner(), self.message, body, json_bytes_max, json)
            .map_err(|error| error.on(&self.route))
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").field("route", &self.route).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
