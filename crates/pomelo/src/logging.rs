//! Log output of a game's executable: one line an event on standard output, which whoever started the process keeps.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt};

/// What is logged where nothing is said.
const DEFAULT: &str = "info";

/// Sets up log output, unless the application has done so itself. `directives` as in `pomelo=debug,info`; a malformed one
/// is told and replaced by the default.
pub(crate) fn init(directives: Option<&str>) {
    let directives = directives.unwrap_or(DEFAULT);
    let filter = EnvFilter::try_new(directives);
    let malformed = filter.as_ref().err().map(ToString::to_string);
    let filter = filter.unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let output = fmt().with_env_filter(filter).with_ansi(io::stdout().is_terminal());
    // When whoever reads the output is dead, complaining about that on stderr would end this process too.
    let output = output.log_internal_errors(false);
    // An error says that there is a subscriber already: the application's own.
    let _ = output.try_init();
    if let Some(error) = malformed {
        tracing::warn!(%error, "argument log={directives} is malformed, logging at {DEFAULT}");
    }
}
