//! The command line of robots, and what of the game's folder they need.

use std::path::PathBuf;

use clap::Args;
use pomelo_cluster::config::{Config, ConfigError};
use pomelo_robot::Plan;

use super::{Accounts, Behaviour, Manner, Troop};
use crate::{Direct, DirectError, Web, WebError};

/// The password of robots that sign in by the web server.
const PASSWORD: &str = "robots play too";

/// What robots are told.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Folder of the game, with `config/`: for the gate's address, and for accounts without --web.
    #[arg(long, value_name = "DIR")]
    pub game: Option<PathBuf>,
    /// Environment of the game.
    #[arg(short = 'e', long = "env", value_name = "NAME", default_value = "development")]
    pub environment: String,
    /// The gate [default: those of the game's config/servers.json].
    #[arg(long, value_name = "URL", required_unless_present = "game")]
    pub gate: Option<String>,
    /// Register and sign in at this web server. Passwords are hashed slowly there: give many robots time to come.
    #[arg(long, value_name = "URL", required_unless_present = "game")]
    pub web: Option<String>,
    /// Without --web: write accounts into the game's database, and make tokens with its secret. The default with --game.
    #[arg(long, conflicts_with = "web", requires = "game")]
    pub direct: bool,
    /// What they do.
    #[arg(short = 'b', long, value_enum, default_value = "mixed")]
    pub behaviour: Behaviour,
    /// Longest walk in each axis. With 800, who walks all the time asks for a walk each 2.6 seconds.
    #[arg(long, value_name = "PIXELS", default_value = "800", value_parser = clap::value_parser!(u32).range(20..))]
    pub reach: u32,
    /// The page that they say they have, which decides how far they see [default: they say nothing, and see 1500 pixels].
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = size)]
    pub view: Option<(u32, u32)>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "would be shown in the help")]
    pub plan: Plan,
}

/// Options that can't be met.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The game's configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It has no gate for clients.
    #[error("environment {environment:?} of {} has no gate with a clientPort: say --gate URL", game.display())]
    NoGate {
        /// The folder.
        game: PathBuf,
        /// The environment.
        environment: String,
    },
    /// The database or the secret.
    #[error(transparent)]
    Direct(#[from] DirectError),
    /// The web server's address.
    #[error(transparent)]
    Web(#[from] WebError),
    /// Neither is there.
    #[error("say --game DIR, or --gate URL and --web URL")]
    NoGame,
}

impl Options {
    /// The robots that these options describe. Their plan is [`Self::plan`].
    ///
    /// # Errors
    /// See [`OptionsError`].
    pub fn troop(&self) -> Result<Troop, OptionsError> {
        let gates = match (&self.gate, &self.game) {
            (Some(gate), _) => vec![gate.clone()],
            (None, Some(game)) => self.gates(game)?,
            (None, None) => return Err(OptionsError::NoGame),
        };
        let accounts = match (&self.web, &self.game) {
            (Some(web), _) => Accounts::Web(Web::at(web)?, PASSWORD.to_owned()),
            (None, Some(game)) => Accounts::Direct(Direct::open(game, &self.environment)?),
            (None, None) => return Err(OptionsError::NoGame),
        };
        let manner = Manner { reach_px: self.reach.into(), view: self.view };
        Ok(Troop::new(gates, accounts, self.behaviour, manner))
    }

    fn gates(&self, game: &std::path::Path) -> Result<Vec<String>, OptionsError> {
        let environment = Config::load(game.join("config"))?.environment(&self.environment)?;
        let gates = environment.servers.iter().filter(|server| server.server_type.as_str() == "gate");
        let urls: Vec<String> = gates
            .filter_map(|gate| {
                let host = gate.client_host.as_ref().unwrap_or(&gate.host);
                Some(format!("ws://{host}:{}", gate.client_port?))
            })
            .collect();
        if urls.is_empty() {
            let (game, environment) = (game.to_owned(), self.environment.clone());
            return Err(OptionsError::NoGate { game, environment });
        }
        Ok(urls)
    }
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let (width, height) = text.split_once('x').ok_or("expected pixels, like 1200x800")?;
    let pixels = |text: &str| text.parse().map_err(|_| "expected pixels, like 1200x800".to_owned());
    Ok((pixels(width)?, pixels(height)?))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        options: Options,
    }

    fn parse(words: &str) -> Result<Options, String> {
        let words = std::iter::once("robots").chain(words.split_whitespace());
        Program::try_parse_from(words).map(|program| program.options).map_err(|error| error.to_string())
    }

    #[test]
    fn a_game_folder_or_two_addresses_are_needed() {
        parse("--game g").unwrap();
        parse("--game g --direct -b walk -n 7 --view 800x600").unwrap();
        let both = parse("--gate ws://a:1 --web http://a:2").unwrap();
        assert!(both.troop().is_ok());
        for wrong in [
            "",
            "--gate ws://a:1",
            "--web http://a:2",
            "--game g --direct --web http://a:2",
            "--game g --view 8",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_gates_are_those_of_the_configuration() {
        let game = concat!(env!("CARGO_MANIFEST_DIR"), "/../game-server");
        let options = parse(&format!("--game {game}")).unwrap();
        assert_eq!(options.gates(game.as_ref()).unwrap(), ["ws://127.0.0.1:3014"]);
        let options = parse("--game /nowhere").unwrap();
        assert!(matches!(options.troop(), Err(OptionsError::Config(_))));
    }
}
