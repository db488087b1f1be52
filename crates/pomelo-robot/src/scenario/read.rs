//! From JSON to steps that can be played. Whatever is wrong is said here, with its place, before the first robot comes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Scenario, ScenarioError,
    template::{Body, Text},
};

/// What is known in every scenario.
pub(super) const BUILT_IN: [&str; 4] = ["n", "count", "i", "random"];

/// How long a `wait` lasts that does not say.
const WITHIN: Duration = Duration::from_secs(10);

/// Longest time of a step, in seconds.
const SECONDS_MAX: f64 = 1e7;

pub(super) type Steps = Vec<Step>;

/// One step.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Connect(Text),
    Request { route: String, body: Body, save: Save },
    Notify { route: String, body: Body },
    Wait { push: String, fields: Vec<(String, Body)>, within: Duration, save: Save },
    Sleep { from: Duration, to: Duration },
    Repeat { steps: Steps, times: Option<u64> },
}

/// Variables, and the fields they are kept from.
pub(super) type Save = Vec<(String, Vec<String>)>;

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// For who reads it.
    #[serde(default, rename = "about")]
    _about: Option<String>,
    #[serde(default)]
    vars: Map<String, Value>,
    steps: Vec<StepFile>,
}

/// A step as it stands there: one of the first six, and what belongs to it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    connect: Option<String>,
    request: Option<String>,
    notify: Option<String>,
    wait: Option<String>,
    sleep: Option<Sleep>,
    repeat: Option<Vec<StepFile>>,
    body: Option<Value>,
    save: Option<BTreeMap<String, String>>,
    #[serde(rename = "where")]
    fields: Option<Map<String, Value>>,
    within: Option<Seconds>,
    times: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "expected seconds, or [from, to] of them")]
enum Sleep {
    For(Seconds),
    Between(Seconds, Seconds),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "f64")]
struct Seconds(Duration);

impl TryFrom<f64> for Seconds {
    type Error = &'static str;

    fn try_from(seconds: f64) -> Result<Self, Self::Error> {
        let good = (0.0..=SECONDS_MAX).contains(&seconds);
        good.then(|| Self(Duration::from_secs_f64(seconds))).ok_or("expected seconds from 0 on")
    }
}

pub(super) fn scenario(text: &str) -> Result<Scenario, ScenarioError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let file: File = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        // What is no JSON has no parts.
        let at = if matches!(path.as_str(), "." | "?") { "the scenario" } else { &path };
        wrong(at, error.inner())
    })?;
    json.end().map_err(|error| wrong("behind the end", error))?;
    let mut reader = Reader { known: BUILT_IN.map(str::to_owned).into(), connected: false };
    let mut vars = Vec::new();
    for (name, value) in file.vars {
        let at = format!("vars.{name}");
        let Value::String(text) = value else { return Err(wrong(at, "expected a text")) };
        vars.push((name.clone(), Text::parse(&text, &reader.known).map_err(|why| wrong(&at, why))?));
        reader.name(&at, name)?;
    }
    let steps = reader.steps("steps", file.steps)?;
    Ok(Scenario { vars, steps })
}

/// What is there at a step: variables that steps before it have saved, and a connection.
struct Reader {
    known: BTreeSet<String>,
    connected: bool,
}

impl Reader {
    fn steps(&mut self, at: &str, steps: Vec<StepFile>) -> Result<Steps, ScenarioError> {
        if steps.is_empty() {
            return Err(wrong(at, "expected at least one step"));
        }
        steps.into_iter().enumerate().map(|(n, step)| self.step(&format!("{at}[{n}]"), step)).collect()
    }

    fn step(&mut self, at: &str, step: StepFile) -> Result<Step, ScenarioError> {
        let StepFile { connect, request, notify, wait, sleep, repeat, body, save, fields, within, times } =
            step;
        let said = [
            ("body", body.is_some(), request.is_some() || notify.is_some()),
            ("save", save.is_some(), request.is_some() || wait.is_some()),
            ("where", fields.is_some(), wait.is_some()),
            ("within", within.is_some(), wait.is_some()),
            ("times", times.is_some(), repeat.is_some()),
        ];
        if let Some((field, ..)) = said.into_iter().find(|(_, said, fits)| *said && !fits) {
            return Err(wrong(at, format!("`{field}` does not belong to this step")));
        }
        match (connect, request, notify, wait, sleep, repeat) {
            (Some(url), None, None, None, None, None) => {
                let url =
                    Text::parse(&url, &self.known).map_err(|why| wrong(format!("{at}.connect"), why))?;
                self.connected = true;
                Ok(Step::Connect(url))
            }
            (None, Some(route), None, None, None, None) => {
                let route = self.route(&format!("{at}.request"), route)?;
                let body = self.body(at, body)?;
                Ok(Step::Request { route, body, save: self.save(at, save)? })
            }
            (None, None, Some(route), None, None, None) => {
                let route = self.route(&format!("{at}.notify"), route)?;
                Ok(Step::Notify { route, body: self.body(at, body)? })
            }
            (None, None, None, Some(push), None, None) => {
                self.needs_connection(at)?;
                let field = |(name, value): (String, Value)| match Body::parse(value, &self.known) {
                    Ok(body) => Ok((name, body)),
                    Err((inside, why)) => Err(wrong(format!("{at}.where.{name}{inside}"), why)),
                };
                let fields = fields.unwrap_or_default().into_iter().map(field).collect::<Result<_, _>>()?;
                let within = within.map_or(WITHIN, |Seconds(within)| within);
                Ok(Step::Wait { push, fields, within, save: self.save(at, save)? })
            }
            (None, None, None, None, Some(sleep), None) => {
                let (Seconds(from), Seconds(to)) = match sleep {
                    Sleep::For(time) => (time, time),
                    Sleep::Between(from, to) => (from, to),
                };
                if to < from {
                    return Err(wrong(format!("{at}.sleep"), "expected [from, to], the shorter one first"));
                }
                Ok(Step::Sleep { from, to })
            }
            (None, None, None, None, None, Some(steps)) => {
                let endless = times.is_none();
                let steps = self.steps(&format!("{at}.repeat"), steps)?;
                if endless && !steps.iter().any(takes_time) {
                    let why = "nothing in it takes time: expected a request, a wait or a sleep, or `times`";
                    return Err(wrong(at, why));
                }
                Ok(Step::Repeat { steps, times })
            }
            _ => Err(wrong(at, "expected one of connect, request, notify, wait, sleep, repeat")),
        }
    }

    fn route(&self, at: &str, route: String) -> Result<String, ScenarioError> {
        self.needs_connection(at)?;
        if !pomelo_protocol::route::is_valid(&route) {
            return Err(wrong(at, format!("{route:?} is no route, expected serverType.handler.method")));
        }
        Ok(route)
    }

    fn body(&self, at: &str, body: Option<Value>) -> Result<Body, ScenarioError> {
        let body = body.unwrap_or_else(|| Map::new().into());
        Body::parse(body, &self.known).map_err(|(inside, why)| wrong(format!("{at}.body{inside}"), why))
    }

    fn save(&mut self, at: &str, save: Option<BTreeMap<String, String>>) -> Result<Save, ScenarioError> {
        let mut all = Vec::new();
        for (name, path) in save.unwrap_or_default() {
            let at = format!("{at}.save.{name}");
            if path.split('.').any(str::is_empty) {
                return Err(wrong(at, "expected a field of the answer, like user.name"));
            }
            all.push((name.clone(), path.split('.').map(str::to_owned).collect()));
            self.name(&at, name)?;
        }
        Ok(all)
    }

    /// A new variable, or one that gets another value.
    fn name(&mut self, at: &str, name: String) -> Result<(), ScenarioError> {
        let good = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !good || BUILT_IN.contains(&name.as_str()) {
            let taken = BUILT_IN.join(", ");
            return Err(wrong(at, format!("expected a name of letters and digits other than {taken}")));
        }
        self.known.insert(name);
        Ok(())
    }

    fn needs_connection(&self, at: &str) -> Result<(), ScenarioError> {
        if self.connected { Ok(()) } else { Err(wrong(at, "expected a step `connect` before this one")) }
    }
}

/// Whether a robot that does nothing else lets others play.
fn takes_time(step: &Step) -> bool {
    match step {
        Step::Connect(_) | Step::Request { .. } | Step::Wait { .. } => true,
        Step::Sleep { to, .. } => !to.is_zero(),
        Step::Notify { .. } => false,
        Step::Repeat { steps, .. } => steps.iter().any(takes_time),
    }
}

fn wrong(at: impl Into<String>, why: impl ToString) -> ScenarioError {
    ScenarioError::Part { at: at.into(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(steps: Value) -> String {
        scenario(&json!({ "vars": { "me": "r{{n}}" }, "steps": steps }).to_string()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_what_is_expected() {
        let connect = json!({ "connect": "ws://127.0.0.1:1" });
        let request = "a.b.c";
        for (steps, expected) in [
            (json!([]), "steps: expected at least one step"),
            (json!([{}]), "steps[0]: expected one of connect, request, notify, wait, sleep, repeat"),
            (
                json!([{ "connect": "a", "sleep": 1 }]),
                "steps[0]: expected one of connect, request, notify, wait, sleep, repeat",
            ),
            (json!([{ "request": request }]), "steps[0].request: expected a step `connect` before this one"),
            (
                json!([connect, { "request": "a.b" }]),
                "steps[1].request: \"a.b\" is no route, expected serverType.handler.method",
            ),
            (
                json!([connect, { "request": request, "body": { "x": ["{{you}}"] } }]),
                "steps[1].body.x[0]: {{you}} is not known here, there are: count, i, me, n, random",
            ),
            (
                json!([connect, { "sleep": [2, 1] }]),
                "steps[1].sleep: expected [from, to], the shorter one first",
            ),
            (json!([{ "sleep": "1s" }]), "steps[0].sleep: expected seconds, or [from, to] of them"),
            (json!([{ "sleep": -1 }]), "steps[0].sleep: expected seconds, or [from, to] of them"),
            (json!([{ "sleep": 1, "body": 1 }]), "steps[0]: `body` does not belong to this step"),
            (
                json!([connect, { "repeat": [{ "notify": request }] }]),
                "steps[1]: nothing in it takes time: expected a request, a wait or a sleep, or `times`",
            ),
            (
                json!([connect, { "request": request, "save": { "n": "x" } }]),
                "steps[1].save.n: expected a name of letters and digits other than n, count, i, random",
            ),
            (
                json!([connect, { "wait": "onChat", "save": { "x": "a..b" } }]),
                "steps[1].save.x: expected a field of the answer, like user.name",
            ),
        ] {
            let error = error(steps);
            assert!(error.starts_with(expected), "{error}");
        }
        assert!(error(json!([{ "conect": "a" }])).starts_with("steps[0].conect: unknown field `conect`"));
        let text = r#"{"vars": {"a": 1}, "steps": [{"sleep": 1}]}"#;
        assert_eq!(scenario(text).unwrap_err().to_string(), "vars.a: expected a text");
    }

    #[test]
    fn variables_are_known_from_the_step_that_saves_them_on() {
        let save = json!({ "request": "a.b.c", "save": { "port": "at.port" } });
        let then = json!({ "connect": "tcp://x:{{port}}" });
        let connect = json!({ "connect": "ws://x:1" });
        let good = json!({ "steps": [connect, save, then] });
        assert!(scenario(&good.to_string()).is_ok());
        assert!(error(json!([connect, then, save])).starts_with("steps[1].connect: {{port}} is not known"));
    }
}
