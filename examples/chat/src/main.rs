//! The program that is every server of the chat: which one is said by its arguments. `pomelo start` gives them.

use pomelo::{Config, Result};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    chat::app(Config::load("config")?).run().await
}
