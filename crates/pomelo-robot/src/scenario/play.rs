//! Plays a scenario as one robot.

use std::{collections::VecDeque, future::Future, time::Duration};

use pomelo_client::PushMessage;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::{
    Scenario,
    read::{Save, Step},
    template::{Body, Vars},
};
use crate::{Fault, Link, Robot};

/// Most pushes that a later `wait` may find; the oldest go first.
const PUSHES_KEPT: usize = 256;

struct Player {
    robot: Robot,
    vars: Vars,
    link: Option<Link>,
    /// What came and was not waited for yet.
    pushes: VecDeque<PushMessage>,
}

pub(super) async fn play(scenario: &Scenario, robot: Robot) -> Result<(), Fault> {
    let vars = [("n", robot.n()), ("count", robot.count()), ("i", 0)];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.into())).into();
    let mut player = Player { robot, vars, link: None, pushes: VecDeque::new() };
    for (name, text) in &scenario.vars {
        player.by_chance();
        let value = text.value(&player.vars).map_err(Fault::Unexpected)?;
        player.vars.insert(name.clone(), value);
    }
    player.steps(&scenario.steps).await?;
    if let Some(link) = player.link {
        link.close().await;
    }
    Ok(())
}

impl Player {
    async fn steps(&mut self, steps: &[Step]) -> Result<(), Fault> {
        for step in steps {
            if self.robot.is_over() {
                return Err(Fault::Over);
            }
            self.by_chance();
            self.step(step).await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), Fault> {
        match step {
            Step::Connect(url) => {
                if let Some(former) = self.link.take() {
                    former.close().await;
                }
                self.pushes.clear();
                let url = url.text(&self.vars).map_err(Fault::Unexpected)?;
                self.link = Some(self.robot.connect(&url).await?);
                Ok(())
            }
            Step::Request { route, body, save } => {
                let (link, body) = (self.link()?, self.filled(body)?);
                let answer: Value = self.beside(link.request(route, &body)).await?;
                self.keep(save, route, &answer)
            }
            Step::Notify { route, body } => {
                let (link, body) = (self.link()?, self.filled(body)?);
                self.beside(link.notify(route, &body)).await
            }
            Step::Wait { push, fields, within, save } => {
                let told = self.wait(push, fields, *within).await?;
                self.keep(save, push, &told)
            }
            Step::Sleep { from, to } => {
                let time = *from + (*to - *from).mul_f64(fastrand::f64());
                let robot = self.robot.clone();
                self.beside(robot.pause(time)).await
            }
            Step::Repeat { steps, times } => {
                let outer = self.vars.get("i").cloned().unwrap_or_default();
                let mut round: u64 = 0;
                while times.is_none_or(|times| round < times) {
                    self.vars.insert("i".to_owned(), round.into());
                    Box::pin(self.steps(steps)).await?;
                    round += 1;
                }
                self.vars.insert("i".to_owned(), outer);
                Ok(())
            }
        }
    }

    /// Does something, and takes pushes as they come.
    async fn beside<T>(&mut self, what: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let Some(link) = self.link.clone() else { return what.await };
        tokio::pin!(what);
        loop {
            tokio::select! {
                biased;
                done = &mut what => return done,
                push = link.next_push() => {
                    if self.pushes.len() == PUSHES_KEPT {
                        self.pushes.pop_front();
                    }
                    match push {
                        Ok(push) => self.pushes.push_back(push),
                        // What is done must end with the connection, too, unless it does not need it.
                        Err(fault) => return what.await.and(Err(fault)),
                    }
                }
            }
        }
    }

    /// The next push with these fields, of those that came already or come in time. Those before it are forgotten.
    async fn wait(
        &mut self,
        push: &str,
        fields: &[(String, Body)],
        within: Duration,
    ) -> Result<Value, Fault> {
        let link = self.link()?;
        let wanted = fields.iter().map(|(name, value)| Ok((name.as_str(), self.filled(value)?)));
        let wanted = wanted.collect::<Result<Vec<_>, Fault>>()?;
        let until = Instant::now() + within;
        loop {
            let next = match self.pushes.pop_front() {
                Some(next) => next,
                None => tokio::select! {
                    next = timeout_at(until, link.next_push()) => match next {
                        Ok(next) => next?,
                        Err(_) => return Err(Fault::unexpected(format!("no {push} within {within:?}"))),
                    },
                    () = self.robot.over() => return Err(Fault::Over),
                },
            };
            if next.route != push {
                continue;
            }
            let told: Value =
                next.json().map_err(|error| Fault::unexpected(format!("{push} is no JSON: {error}")))?;
            if wanted.iter().all(|(name, value)| told.get(name) == Some(value)) {
                return Ok(told);
            }
        }
    }

    fn keep(&mut self, save: &Save, of: &str, told: &Value) -> Result<(), Fault> {
        for (name, path) in save {
            let value = path.iter().try_fold(told, |value, field| match value {
                Value::Array(all) => all.get(field.parse::<usize>().ok()?),
                value => value.get(field),
            });
            let missing = || Fault::unexpected(format!("{of} has no field {}", path.join(".")));
            self.vars.insert(name.clone(), value.ok_or_else(missing)?.clone());
        }
        Ok(())
    }

    fn link(&self) -> Result<Link, Fault> {
        self.link.clone().ok_or_else(|| Fault::unexpected("not connected"))
    }

    fn filled(&self, body: &Body) -> Result<Value, Fault> {
        body.value(&self.vars).map_err(Fault::Unexpected)
    }

    fn by_chance(&mut self) {
        self.vars.insert("random".to_owned(), fastrand::u32(..).into());
    }
}
