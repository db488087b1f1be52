//! The client's types are those of the routes.

use pomelo::{Config, types};

#[test]
fn the_types_that_clients_are_told_are_those_of_the_routes() {
    let game = env!("CARGO_MANIFEST_DIR");
    let app = chat::app(Config::load(format!("{game}/config")).unwrap());
    if let Err(stale) = types::check(&app, format!("{game}/client/messages.ts")) {
        panic!("{stale}");
    }
}
