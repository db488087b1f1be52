//! Robots that are described in a file of JSON: for those who have not written them in Rust, and for a first look.
//!
//! Read and checked whole before anything is played ([`read`]); the texts in it may have places that are filled in for each robot
//! ([`template`]).

mod play;
mod read;
mod template;

use std::path::{Path, PathBuf};

use self::{read::Steps, template::Text};
use crate::{Fault, Robot};

/// What each robot does, step by step.
///
/// ```
/// let scenario = pomelo_robot::Scenario::parse(r#"{
///     "vars": { "name": "robot{{n}}", "room": "room{{n / 20}}" },
///     "steps": [
///         { "connect": "ws://127.0.0.1:3014" },
///         { "request": "gate.gateHandler.queryEntry", "body": { "uid": "{{name}}" }, "save": { "host": "host", "port": "port" } },
///         { "connect": "ws://{{host}}:{{port}}" },
///         { "request": "connector.entryHandler.enter", "body": { "username": "{{name}}", "rid": "{{room}}" } },
///         { "repeat": [
///             { "sleep": [1, 3] },
///             { "request": "chat.chatHandler.send", "body": { "content": "message {{i}}", "target": "*" } },
///             { "wait": "onChat", "where": { "from": "{{name}}" }, "within": 5 }
///         ], "times": 10 }
///     ]
/// }"#);
/// assert!(scenario.is_ok());
/// ```
///
/// | step | what it does |
/// | --- | --- |
/// | `connect` | connects to a URL, in place of the connection before |
/// | `request` | sends `body` to a route and waits for the answer; `save` keeps fields of it, `{"variable": "field.of.the.answer"}` |
/// | `notify` | sends `body` to a route |
/// | `wait` | waits for a push with the fields of `where`, `within` so many seconds (10); `save` keeps fields of it. Pushes that came since the last `wait` count |
/// | `sleep` | does nothing for so many seconds, or for `[from, to]` |
/// | `repeat` | steps, `times` over, or until the run is over |
///
/// In texts, `{{n}}` is the number of the robot, `{{count}}` how many there are, `{{i}}` the round of the innermost `repeat`, `{{random}}` a
/// number by chance, and any other name a variable of `vars` or `save`. `{{n / 20}}`, `{{n % 2}}` and `{{n + 1}}` calculate. A text that is
/// one such place and nothing else becomes what stands there: `"{{port}}"` is a number if the port is one.
#[derive(Clone, Debug)]
pub struct Scenario {
    vars: Vec<(String, Text)>,
    steps: Steps,
}

/// A scenario that can't be played.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file.
    #[error("{}: {why}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why it can't be read.
        why: String,
    },
    /// A part of it.
    #[error("{at}: {why}")]
    Part {
        /// Which, as `steps[2].body.uid`.
        at: String,
        /// What is wrong, and what is expected.
        why: String,
    },
}

impl Scenario {
    /// Reads a file.
    pub fn load(file: impl AsRef<Path>) -> Result<Self, ScenarioError> {
        let file = file.as_ref();
        let wrong = |why: String| ScenarioError::File { file: file.to_owned(), why };
        let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
        Self::parse(&text).map_err(|error| wrong(error.to_string()))
    }

    /// Reads it from a text.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        read::scenario(text)
    }

    /// Plays it as this robot.
    pub async fn play(&self, robot: Robot) -> Result<(), Fault> {
        play::play(self, robot).await
    }
}
