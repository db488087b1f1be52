//! What goes over the wire: the definitions and the dictionary of `config`, and the types that clients are told of.

#![expect(clippy::unwrap_used, reason = "functions of tests fail by panicking, too")]

mod definitions;
mod names;
mod vectors;

use pomelo::Config;
use pomelo_protocol::protobuf::Protos;

/// The game's folder.
const GAME: &str = env!("CARGO_MANIFEST_DIR");

fn config() -> Config {
    Config::load(format!("{GAME}/config")).unwrap()
}

fn protos() -> Protos {
    config().environment("production").unwrap().protos
}
