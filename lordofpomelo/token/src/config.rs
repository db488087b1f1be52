//! Where secret and life time come from: `config/session.json` of the game, with a section for each environment.
//!
//! ```json
//! { "development": { "expire": 21600000, "secretFile": "run/session.secret" } }
//! ```
//!
//! | key | |
//! | --- | --- |
//! | `expire` | how long a token is good, in milliseconds; negative: for ever; six hours if it is missing |
//! | `secretFile` | file with the secret, from the game's folder; whoever needs it first makes it |
//! | `secret` | the secret itself, in place of `secretFile` |
//! | `legacy` | `true`: the original's tokens; not in environment `production` |

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Deserialize;
use thiserror::Error;

use crate::Tokens;

/// The secret that everybody knows from the original's repository.
pub const SAMPLE_SECRET: &str = "pomelo_session_secret";

/// Shortest secret in environment `production`.
pub const SECRET_BYTES_MIN: usize = 16;

const PRODUCTION: &str = "production";

/// How many random bytes a new secret has.
const SECRET_BYTES: usize = 32;

/// Why a game has no tokens.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A file can't be read or made.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{file}: {source}")]
    Json {
        /// The file.
        file: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The file says nothing of this environment.
    #[error("{file} has no section `{environment}`")]
    NoEnvironment {
        /// The file.
        file: PathBuf,
        /// The environment.
        environment: String,
    },
    /// There is no secret, or there are two.
    #[error(
        "{file}, section `{environment}`: give either `secretFile`, the file with the secret, or `secret`"
    )]
    NotOneSecret {
        /// The file.
        file: PathBuf,
        /// The section.
        environment: String,
    },
    /// Everybody knows the secret.
    #[error(
        "{file}: `{SAMPLE_SECRET}` is the secret that everybody knows; in environment `{PRODUCTION}` take one of your own: \
         `\"secretFile\": \"run/session.secret\"` in config/session.json makes one"
    )]
    Sample {
        /// Where it stands.
        file: PathBuf,
    },
    /// The secret can be guessed.
    #[error(
        "{file}: the secret has {bytes} bytes; in environment `{PRODUCTION}` it has at least {SECRET_BYTES_MIN}, for example what \
         `openssl rand -base64 32` prints"
    )]
    Short {
        /// Where it stands.
        file: PathBuf,
        /// How long it is.
        bytes: usize,
    },
    /// There is nothing in the file.
    #[error("{file}: the secret is empty; remove the file, and the next server that starts makes a new one")]
    Empty {
        /// Where it should stand.
        file: PathBuf,
    },
    /// The original's tokens, where it matters.
    #[error(
        "{file}: `legacy` tokens can be changed by whoever has one; leave it out in environment `{PRODUCTION}`"
    )]
    Legacy {
        /// Where it stands.
        file: PathBuf,
    },
}

/// One section of the file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Section {
    expire: Option<i64>,
    secret: Option<String>,
    secret_file: Option<PathBuf>,
    #[serde(default)]
    legacy: bool,
}

impl Tokens {
    /// As `config/session.json` of the game's folder says for this environment. Makes the file with the secret if it is not there:
    /// of several servers that start at once, one makes it and all take it. Servers on several machines need the same file.
    ///
    /// # Errors
    /// A file can't be read or made, or the secret would not do; see [`ConfigError`].
    pub fn load(game_dir: &Path, environment: &str) -> Result<Self, ConfigError> {
        let file = game_dir.join("config/session.json");
        let text = fs::read(&file).map_err(|source| ConfigError::Io { file: file.clone(), source })?;
        let mut sections: BTreeMap<String, Section> = serde_json::from_slice(&text)
            .map_err(|source| ConfigError::Json { file: file.clone(), source })?;
        let environment = environment.to_owned();
        let Some(section) = sections.remove(&environment) else {
            return Err(ConfigError::NoEnvironment { file, environment });
        };
        let production = environment == PRODUCTION;
        if section.legacy && production {
            return Err(ConfigError::Legacy { file });
        }
        let (secret, file) = match (section.secret, section.secret_file) {
            (Some(secret), None) => (secret, file),
            (None, Some(named)) => {
                let file = game_dir.join(named);
                let secret =
                    secret_in(&file).map_err(|source| ConfigError::Io { file: file.clone(), source })?;
                (secret, file)
            }
            _ => return Err(ConfigError::NotOneSecret { file, environment }),
        };
        match secret.len() {
            0 => return Err(ConfigError::Empty { file }),
            bytes if production && bytes < SECRET_BYTES_MIN => {
                return Err(ConfigError::Short { file, bytes });
            }
            _ if production && secret == SAMPLE_SECRET => return Err(ConfigError::Sample { file }),
            _ => {}
        }
        let tokens = if section.legacy { Self::legacy(&secret) } else { Self::signed(&secret) };
        Ok(match section.expire {
            Some(expire) => tokens.valid_for(u64::try_from(expire).ok()),
            None => tokens,
        })
    }
}

/// The secret in this file; a new one if there is no file.
fn secret_in(file: &Path) -> io::Result<String> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make(file)?;
            fs::read_to_string(file)?
        }
        text => text?,
    };
    Ok(text.trim().to_owned())
}

/// Writes a new secret beside the file and links it there, which fails if another process was quicker: nobody reads half a secret,
/// and nobody's secret is replaced.
fn make(file: &Path) -> io::Result<()> {
    let mut secret = [0; SECRET_BYTES];
    SystemRandom::new()
        .fill(&mut secret)
        .map_err(|_| io::Error::other("the system has no random numbers"))?;
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir)?;
    }
    let written = file.with_added_extension(format!("{:016x}", fastrand::u64(..)));
    let made = write(&written, &STANDARD.encode(secret)).and_then(|()| match fs::hard_link(&written, file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    fs::remove_file(&written).or_else(|error| if made.is_err() { Ok(()) } else { Err(error) })?;
    made
}

/// For the owner's eyes only, from the first moment.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let mut open: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    writeln!(open, "{text}")?;
    open.sync_all()
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt as _, sync::Barrier, thread};

    use tempfile::TempDir;

    use super::*;
    use crate::{LIFE_MS, TokenError};

    const NOW: u64 = 1_700_000_000_000;

    fn game(session: &str) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("config")).unwrap();
        fs::write(dir.path().join("config/session.json"), session).unwrap();
        dir
    }

    fn refusal(session: &str, environment: &str) -> ConfigError {
        Tokens::load(game(session).path(), environment).unwrap_err()
    }

    #[test]
    fn the_life_time_is_the_files_and_six_hours_if_it_is_silent() {
        let game = game(
            r#"{ "short": { "secret": "s", "expire": 1000 }, "ever": { "secret": "s", "expire": -1 }, "silent": { "secret": "s" } }"#,
        );
        let checked = |environment, later| {
            let tokens = Tokens::load(game.path(), environment).unwrap();
            tokens.check(&tokens.issue(1, NOW), NOW + later)
        };
        assert_eq!(checked("short", 1_000), Ok(1));
        assert_eq!(checked("short", 1_001), Err(TokenError::Expired));
        assert_eq!(checked("ever", NOW), Ok(1));
        assert_eq!(checked("silent", LIFE_MS), Ok(1));
        assert_eq!(checked("silent", LIFE_MS + 1), Err(TokenError::Expired));
    }

    #[test]
    fn the_first_one_makes_the_secret_for_its_owner_only_and_the_next_one_reads_it() {
        let game = game(r#"{ "production": { "secretFile": "run/deep/session.secret" } }"#);
        let first = Tokens::load(game.path(), "production").unwrap();
        let second = Tokens::load(game.path(), "production").unwrap();
        assert_eq!(second.check(&first.issue(7, NOW), NOW), Ok(7));
        let dir = game.path().join("run/deep");
        let mode = fs::metadata(dir.join("session.secret")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let secret = fs::read_to_string(dir.join("session.secret")).unwrap();
        assert_eq!(STANDARD.decode(secret.trim()).unwrap().len(), SECRET_BYTES);
        assert_eq!(fs::read_dir(dir).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn who_is_too_late_leaves_the_secret_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("session.secret");
        make(&file).unwrap();
        let secret = fs::read_to_string(&file).unwrap();
        make(&file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), secret);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn of_many_that_start_at_once_all_have_the_same_secret() {
        let game = game(r#"{ "production": { "secretFile": "run/session.secret" } }"#);
        let start = Barrier::new(8);
        let all: Vec<Tokens> = thread::scope(|scope| {
            let load = || {
                start.wait();
                Tokens::load(game.path(), "production").unwrap()
            };
            let mut threads = Vec::new();
            threads.extend((0..8).map(|_| scope.spawn(load)));
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for tokens in &all {
            assert_eq!(all[0].check(&tokens.issue(1, NOW), NOW), Ok(1));
        }
        assert_eq!(fs::read_dir(game.path().join("run")).unwrap().count(), 1);
    }

    #[test]
    fn production_takes_no_secret_that_is_known_or_short_and_no_legacy_tokens() {
        let sample = r#"{ "secret": "pomelo_session_secret" }"#;
        let both = format!(r#"{{ "development": {sample}, "production": {sample} }}"#);
        assert!(Tokens::load(game(&both).path(), "development").is_ok());
        let told = refusal(&both, "production").to_string();
        assert!(told.contains("config/session.json") && told.contains("secretFile"), "{told}");

        let told = refusal(r#"{ "production": { "secret": "fifteen bytes.." } }"#, "production").to_string();
        assert!(told.contains("has 15 bytes") && told.contains("openssl rand"), "{told}");

        let legacy = r#"{ "production": { "secret": "sixteen bytes...", "legacy": true } }"#;
        assert!(matches!(refusal(legacy, "production"), ConfigError::Legacy { .. }));
    }

    #[test]
    fn a_short_or_empty_file_is_named() {
        let game = game(
            r#"{ "production": { "secretFile": "session.secret" }, "development": { "secretFile": "session.secret" } }"#,
        );
        fs::write(game.path().join("session.secret"), "short\n").unwrap();
        let told = Tokens::load(game.path(), "production").unwrap_err().to_string();
        assert!(told.contains("session.secret: the secret has 5 bytes"), "{told}");
        fs::write(game.path().join("session.secret"), " \n").unwrap();
        let told = Tokens::load(game.path(), "development").unwrap_err().to_string();
        assert!(told.contains("session.secret: the secret is empty"), "{told}");
    }

    #[test]
    fn legacy_tokens_are_the_originals() {
        let game =
            game(r#"{ "development": { "secret": "pomelo_session_secret", "expire": -1, "legacy": true } }"#);
        let tokens = Tokens::load(game.path(), "development").unwrap();
        assert_eq!(tokens.issue(1, 1_400_000_000_000), "dbf97793d37e424d88c1852dbf8e3d39");
    }

    #[test]
    fn what_is_wrong_with_the_file_is_told() {
        let told = |session, environment| refusal(session, environment).to_string();
        assert!(told("{", "development").contains("config/session.json: EOF"));
        assert!(told(r#"{ "test": { "secret": "s" } }"#, "development").contains("no section `development`"));
        assert!(told(r#"{ "test": { "sekret": "s" } }"#, "test").contains("unknown field `sekret`"));
        assert!(told(r#"{ "test": {} }"#, "test").contains("either `secretFile`"));
        assert!(
            told(r#"{ "test": { "secret": "s", "secretFile": "f" } }"#, "test")
                .contains("either `secretFile`")
        );
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Tokens::load(dir.path(), "test"), Err(ConfigError::Io { .. })));
    }
}
