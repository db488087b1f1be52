//! Which database a game uses: `config/database.json`, one section for each environment. Not here: what a database is used for.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::OpenError;

/// Where the file is, in the folder of a game.
pub(crate) const FILE: &str = "config/database.json";

/// Which database a game uses.
///
/// ```json
/// {
///   "development": { "sqlite": "run/lordofpomelo.db" },
///   "production": { "mysql": "mysql://lordofpomelo@10.0.0.5:3306/lordofpomelo", "passwordFile": "/etc/lordofpomelo/password" }
/// }
/// ```
///
/// Paths are relative to the folder of the game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Config {
    /// A file of this machine, for all servers on it.
    Sqlite(PathBuf),
    /// A database of a MySQL or MariaDB server, for servers on any number of machines.
    Mysql(MysqlConfig),
}

/// How to reach a MySQL or MariaDB server. Passwords are not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct MysqlConfig {
    /// `mysql://user:password@host:3306/database`; the database must be there.
    pub url: String,
    /// Goes before the one in [`Self::url`].
    pub password: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", expecting = "an object with sqlite or mysql")]
struct Section {
    sqlite: Option<PathBuf>,
    mysql: Option<String>,
    password_file: Option<PathBuf>,
}

impl Config {
    /// Reads what the game in this folder says about an environment.
    ///
    /// # Errors
    /// [`OpenError::Config`].
    pub fn load(game_dir: &Path, environment: &str) -> Result<Self, OpenError> {
        let file = game_dir.join(FILE);
        let wrong = |what: String| OpenError::Config { file: file.clone(), what };
        let text = fs::read_to_string(&file).map_err(|error| wrong(error.to_string()))?;
        let mut read = serde_json::Deserializer::from_str(&text);
        let sections: BTreeMap<String, Section> =
            serde_path_to_error::deserialize(&mut read).map_err(|error| wrong(error.to_string()))?;
        let known: Vec<&str> = sections.keys().map(String::as_str).collect();
        let nothing = || wrong(format!("no environment {environment:?}, only {}", known.join(", ")));
        let section = sections.get(environment).ok_or_else(nothing)?;
        match section {
            Section { sqlite: Some(path), mysql: None, password_file: None } => {
                Ok(Self::Sqlite(game_dir.join(path)))
            }
            Section { sqlite: None, mysql: Some(url), password_file } => {
                let read = |path: &PathBuf| {
                    let path = game_dir.join(path);
                    let key = format!("{environment}.passwordFile: {}", path.display());
                    fs::read_to_string(&path).map_err(|error| wrong(format!("{key}: {error}")))
                };
                let password = password_file.as_ref().map(read).transpose()?;
                let password = password.map(|line| line.trim_end_matches(['\r', '\n']).to_owned());
                Ok(Self::Mysql(MysqlConfig { url: url.clone(), password }))
            }
            Section { sqlite: None, mysql: None, .. } => {
                Err(wrong(format!("{environment}: neither sqlite nor mysql is there")))
            }
            Section { mysql: Some(_), .. } => {
                Err(wrong(format!("{environment}: sqlite and mysql are both there")))
            }
            Section { password_file: Some(_), .. } => {
                Err(wrong(format!("{environment}.passwordFile: SQLite has no passwords")))
            }
        }
    }
}

impl fmt::Debug for MysqlConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.url.rsplit('@').next().unwrap_or_default();
        f.debug_struct("MysqlConfig").field("address", &address).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, environment: &str) -> Result<Config, String> {
        let game = tempfile::tempdir().unwrap();
        fs::create_dir(game.path().join("config")).unwrap();
        fs::write(game.path().join("config/secret"), "s3cret\n").unwrap();
        fs::write(game.path().join(FILE), text).unwrap();
        let strip = |path: PathBuf| path.strip_prefix(game.path()).map(Path::to_owned).unwrap_or(path);
        match Config::load(game.path(), environment) {
            Ok(Config::Sqlite(path)) => Ok(Config::Sqlite(strip(path))),
            other => other.map_err(|error| error.to_string()),
        }
    }

    #[test]
    fn an_environment_uses_a_file_of_the_game_or_a_server() {
        let text = r#"{
            "development": {"sqlite": "run/game.db"},
            "elsewhere": {"sqlite": "/var/game.db"},
            "production": {"mysql": "mysql://ann:plain@db:3306/game"},
            "careful": {"mysql": "mysql://ann@db/game", "passwordFile": "config/secret"}
        }"#;
        assert_eq!(load(text, "development"), Ok(Config::Sqlite("run/game.db".into())));
        assert_eq!(load(text, "elsewhere"), Ok(Config::Sqlite("/var/game.db".into())));
        let mysql = |url: &str, password: Option<&str>| {
            Ok(Config::Mysql(MysqlConfig { url: url.to_owned(), password: password.map(str::to_owned) }))
        };
        assert_eq!(load(text, "production"), mysql("mysql://ann:plain@db:3306/game", None));
        assert_eq!(load(text, "careful"), mysql("mysql://ann@db/game", Some("s3cret")));
    }

    #[test]
    fn what_is_wrong_is_named_with_file_and_key() {
        for (text, expected) in [
            (r#"{"production": {"#, "EOF"),
            (r#"{"test": {"sqlite": "a"}}"#, "no environment \"production\", only test"),
            (r#"{"production": {"sqlite": 5}}"#, "production.sqlite: invalid type"),
            (r#"{"production": {"sqllite": "a"}}"#, "production.sqllite: unknown field"),
            (r#"{"production": {}}"#, "production: neither sqlite nor mysql"),
            (r#"{"production": {"sqlite": "a", "mysql": "b"}}"#, "production: sqlite and mysql are both"),
            (
                r#"{"production": {"sqlite": "a", "passwordFile": "b"}}"#,
                "production.passwordFile: SQLite has no",
            ),
            (r#"{"production": {"mysql": "a", "passwordFile": "no"}}"#, "production.passwordFile: "),
        ] {
            let error = load(text, "production").unwrap_err();
            assert!(error.contains("config/database.json: ") && error.contains(expected), "{error}");
        }
        let error = Config::load(Path::new("/no/such/game"), "production").unwrap_err().to_string();
        assert!(error.starts_with("/no/such/game/config/database.json: "), "{error}");
    }

    #[test]
    fn passwords_are_not_shown() {
        let config =
            MysqlConfig { url: "mysql://ann:s3cret@db:3306/game".into(), password: Some("s3cret".into()) };
        let shown = format!("{:?}", Config::Mysql(config));
        assert!(shown.contains("db:3306/game") && !shown.contains("s3cret"), "{shown}");
    }
}
