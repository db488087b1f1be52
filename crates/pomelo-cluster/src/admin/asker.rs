//! A tool's conversation with *whoever leads*, across failovers: it knows all candidates, finds the one that leads, and finds
//! the next one when that is gone.
//!
//! Questions are simply asked again. A command that changes something carries the number of an operation ([`OpId`]) and is asked
//! again with the same one: the master that leads then knows it, or finds it in the record, so that it is done once.
//!
//! Not here: one connection to one master ([`AdminClient`]), what is asked.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use super::{AdminClient, AdminError};
use crate::{coordinator::MasterAddr, ops::OpId};

/// How long to wait for each answer of a master, unless said otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait for a leader while masters run and none of them leads, unless said otherwise.
const WAIT: Duration = Duration::from_secs(10);
/// First pause before masters are asked again who leads, and the longest one: each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));
/// Most failovers are over within so long; until then no pause is longer than [`PAUSE_SOON`]: what is waited for here is seen by
/// a person, or by whatever sends commands.
const SOON: Duration = Duration::from_millis(250);
/// See [`SOON`].
const PAUSE_SOON: Duration = Duration::from_millis(10);
/// Masters that are remembered; others that are named are not looked at.
const MASTERS_MAX: usize = 32;
/// While an answer is waited for, other masters are asked so often whether one of them leads by now: a master that was stopped
/// keeps its connections open and says nothing.
const LOOK_AROUND: Duration = Duration::from_millis(500);

/// Asks whoever leads, and remembers the connection. One conversation at a time; a tool that wants more has several.
#[derive(Debug)]
pub struct Asker {
    masters: Vec<MasterAddr>,
    username: String,
    password: String,
    timeout: Duration,
    wait: Option<Duration>,
    client: Option<AdminClient>,
    /// The last epoch of which this tool had an answer, once a leader was lost: whoever leads in a later one is the next.
    over: Option<u64>,
}

/// Before asking again: longer each time, but not soon.
struct Pause {
    next: Duration,
    since: Option<Instant>,
}

impl Pause {
    /// Not at first.
    fn none_first() -> Self {
        Self { next: Duration::ZERO, since: None }
    }

    fn from_the_first() -> Self {
        Self { next: PAUSES.0, since: None }
    }

    async fn rest(&mut self, until: Instant) {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        if !self.next.is_zero() {
            sleep_until(until.min(now + self.next)).await;
        }
        let most = if now - since < SOON { PAUSE_SOON } else { PAUSES.1 };
        self.next = (self.next * 2).clamp(PAUSES.0, most);
    }
}

impl Asker {
    /// For these candidates, or some of them: each says who leads. Nothing is connected yet.
    pub fn new(
        masters: impl IntoIterator<Item = MasterAddr>,
        username: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        Self {
            masters: masters.into_iter().collect(),
            username: username.into(),
            password: password.into(),
            timeout: TIMEOUT,
            wait: None,
            client: None,
            over: None,
        }
    }

    /// How long each step of connecting, and each answer to a question, may take. Unless said otherwise 5 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long to wait for a leader where there is none. Unless said otherwise 10 s while masters run, and not at all if nobody
    /// listens anywhere.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// More candidates, for when those that were named first are gone.
    pub fn also(&mut self, masters: impl IntoIterator<Item = MasterAddr>) {
        for master in masters {
            self.know(master);
        }
    }

    /// The master that answered last, as long as the connection to it is of use.
    pub fn master(&self) -> Option<&MasterAddr> {
        self.client.as_ref().map(AdminClient::master)
    }

    /// The connection to the leader; made now if there is none. It may have moved by the next call.
    pub async fn connect(&mut self) -> Result<&AdminClient, AdminError> {
        let client = self.take(None).await?;
        Ok(self.client.insert(client))
    }

    /// Asks something that changes nothing. Asked again of the next leader if this one is lost before it answers, as long as a
    /// leader may be waited for.
    pub async fn ask(&mut self, module_id: &str, body: Value) -> Result<Value, AdminError> {
        let until = Instant::now() + self.wait.unwrap_or(WAIT);
        let mut pause = Pause::none_first();
        loop {
            let client = self.take(None).await?;
            match client.request_within(module_id, body.clone(), self.timeout).await {
                Err(error) if passes(&error) && Instant::now() < until => self.learn(&client, &error),
                answer => {
                    self.keep(client, &answer);
                    return answer;
                }
            }
            pause.rest(until).await;
        }
    }

    /// Has something changed, once, whichever master is lost meanwhile. A body without `op` gets a new number.
    ///
    /// An error may mean that it was done all the same, except [`AdminError::Answer`] and [`AdminError::Denied`]: those are a
    /// master's word. `within` is for everything, from the first connection to the answer; the error after that is the last one.
    /// A master of the original knows no numbers, so that it is asked once only.
    pub async fn mutate(
        &mut self,
        module_id: &str,
        mut body: Value,
        within: Duration,
    ) -> Result<Value, AdminError> {
        if let Value::Object(fields) = &mut body {
            fields.entry("op").or_insert_with(|| OpId::new().as_str().into());
        }
        let until = Instant::now() + within;
        let (mut pause, mut asked) = (Pause::none_first(), false);
        loop {
            // Once somebody was there, it is worth while to wait for the next.
            let client = self.take(asked.then_some(until)).await?;
            asked = true;
            let numbered = client.cluster().is_some();
            let left = until.saturating_duration_since(Instant::now());
            tokio::select! {
                answer = client.request_within(module_id, body.clone(), left) => match answer {
                    Err(error) if numbered && passes(&error) && Instant::now() < until => {
                        self.learn(&client, &error);
                    }
                    answer => {
                        self.keep(client, &answer);
                        return answer;
                    }
                },
                newer = self.look_around(client.epoch()), if numbered => {
                    self.client = Some(newer);
                    continue;
                }
            }
            pause.rest(until).await;
        }
    }

    /// Keeps the connection for the next time, unless it is over.
    fn keep(&mut self, client: AdminClient, answer: &Result<Value, AdminError>) {
        if answer.as_ref().err().is_none_or(|error| !passes(error)) {
            self.client = Some(client);
        }
    }

    /// The connection, for as long as it is of use.
    async fn take(&mut self, until: Option<Instant>) -> Result<AdminClient, AdminError> {
        if let Some(client) = self.client.take() {
            return Ok(client);
        }
        let client = self.find(until).await?;
        self.know(client.master().clone());
        Ok(client)
    }

    /// Whoever was named by a master may be the only one left to ask.
    fn learn(&mut self, lost: &AdminClient, error: &AdminError) {
        self.over = self.over.max(lost.cluster().map(|_| lost.epoch()));
        if let AdminError::Moved { leader, .. } = error {
            self.know(MasterAddr { host: leader.host.clone(), port: leader.port });
        }
    }

    fn know(&mut self, master: MasterAddr) {
        if !self.masters.contains(&master) && self.masters.len() < MASTERS_MAX {
            self.masters.push(master);
        }
    }

    /// Finds the leader. Waits for one until then; without a time as long as it may be waited for.
    async fn find(&self, until: Option<Instant>) -> Result<AdminClient, AdminError> {
        let since = Instant::now();
        let mut pause = Pause::from_the_first();
        loop {
            let error = match self.look(self.over, until).await {
                Ok(client) => return Ok(client),
                Err(error) => error,
            };
            let until = until.unwrap_or_else(|| {
                let wait = if nobody_listens(&error) { Duration::ZERO } else { WAIT };
                since + self.wait.unwrap_or(wait)
            });
            if !passes(&error) || Instant::now() >= until {
                return Err(error);
            }
            pause.rest(until).await;
        }
    }

    async fn look(&self, known: Option<u64>, until: Option<Instant>) -> Result<AdminClient, AdminError> {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        // The last attempt may take a little longer than there is time, so that it can say what is wrong.
        let timeout = left.map_or(self.timeout, |left| left.clamp(self.timeout / 10, self.timeout));
        AdminClient::connect_later(&self.masters, known, &self.username, &self.password, timeout).await
    }

    /// Returns when another master leads in a later epoch.
    async fn look_around(&self, epoch: u64) -> AdminClient {
        loop {
            sleep(LOOK_AROUND).await;
            if let Ok(client) = self.look(Some(epoch), None).await
                && client.epoch() > epoch
            {
                return client;
            }
        }
    }
}

/// Whether whoever leads soon may answer otherwise.
fn passes(error: &AdminError) -> bool {
    match error {
        AdminError::Connect { .. }
        | AdminError::Timeout { .. }
        | AdminError::Closed { .. }
        | AdminError::Moved { .. }
        | AdminError::NoActive { .. } => true,
        AdminError::None { tried } => tried.iter().any(passes),
        AdminError::Answer { why, .. } => why.again,
        AdminError::Refused { .. } | AdminError::NotAMaster { .. } | AdminError::Denied { .. } => false,
    }
}

/// Whether no master runs at all, as far as can be seen from here.
fn nobody_listens(error: &AdminError) -> bool {
    match error {
        AdminError::Connect { .. } => true,
        AdminError::None { tried } => tried.iter().all(nobody_listens),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
