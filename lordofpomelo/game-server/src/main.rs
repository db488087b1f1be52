//! The program that is every server of the game: which one is said by its arguments. `pomelo start` gives them.

use pomelo::{Config, Result};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    lordofpomelo::app(Config::load("config")?).run().await
}
