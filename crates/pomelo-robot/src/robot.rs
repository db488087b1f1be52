//! What a robot is given: its number, the time, and connections that measure what goes through them.

use std::{
    cell::Cell,
    future::Future,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use pomelo_client::{Answers, Client, ClientError, ClientOptions, Push, PushMessage, Takes};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::{Fault, fault, stats::Stats};

/// Under what making a connection is counted.
pub(crate) const CONNECT: &str = "connect";

/// Under what pushes are counted that a robot does not want.
const PASSED_OVER: &str = "(passed over)";

/// Under what the end of one is counted that nobody asked for.
const CONNECTION: &str = "connection";

/// One of the players of a run. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Robot {
    n: usize,
    world: Rc<World>,
}

/// What the robots of one thread share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) count: usize,
    pub(crate) options: ClientOptions,
    pub(crate) stats: Arc<Mutex<Stats>>,
    pub(crate) over: watch::Receiver<bool>,
}

/// A connection of a robot. Clones are the same one; it ends with the last of them.
#[derive(Clone, Debug)]
pub struct Link(Rc<Connection>);

#[derive(Debug)]
struct Connection {
    client: Client,
    robot: Robot,
    /// Its end was counted, or is no fault.
    ended: Cell<bool>,
    /// Pushes that were counted although they were not wanted.
    passed_over: Cell<u64>,
}

impl Robot {
    pub(crate) fn new(n: usize, world: Rc<World>) -> Self {
        Self { n, world }
    }

    /// Its number: from 0, or from `--first`, on.
    pub fn n(&self) -> usize {
        self.n
    }

    /// How many there are in this run.
    pub fn count(&self) -> usize {
        self.world.count
    }

    /// Connects to `ws://host:port`, `wss://host:port`, `tcp://host:port` or `tls://host:port`.
    pub async fn connect(&self, url: &str) -> Result<Link, Fault> {
        self.connect_with(url, self.options()).await
    }

    /// The same with other settings than those of the plan, [`options`](Self::options).
    pub async fn connect_with(&self, url: &str, options: ClientOptions) -> Result<Link, Fault> {
        let client = self.measured(CONNECT, Client::connect_with(url, options)).await?;
        self.stats().robots.links_opened += 1;
        let (ended, passed_over) = (Cell::new(false), Cell::new(0));
        Ok(Link(Rc::new(Connection { client, robot: self.clone(), ended, passed_over })))
    }

    /// Settings of its clients, as the plan has them.
    pub fn options(&self) -> ClientOptions {
        self.world.options.clone()
    }

    /// Waits so long. [`Fault::Over`] as soon as the run is over, for `?` to end the robot with.
    pub async fn pause(&self, time: Duration) -> Result<(), Fault> {
        match timeout(time, self.over()).await {
            Ok(()) => Err(Fault::Over),
            Err(_) => Ok(()),
        }
    }

    /// Waits until the run is over. A robot that goes on then is ended two seconds later.
    pub async fn over(&self) {
        // Whoever could say so is gone: then it is over.
        let _ = self.world.over.clone().wait_for(|over| *over).await;
    }

    /// Whether the run is over.
    pub fn is_over(&self) -> bool {
        *self.world.over.borrow()
    }

    /// Measures something of the robot's own, a way from one place to another or a round of a game, under a name beside the routes.
    /// What fails in it is counted there.
    pub async fn measure<T>(
        &self,
        name: &str,
        what: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let began = Instant::now();
        let result = what.await;
        if !matches!(result, Err(Fault::Over)) {
            self.stats().request(name, result.is_ok().then(|| began.elapsed()));
        }
        result
    }

    /// Counts a fault that the robot survives. What it returns with is counted without this.
    pub fn count_fault(&self, fault: &Fault) {
        if let Fault::Unexpected(text) = fault {
            self.stats().failure("robot", fault.kind(), 1, || text.clone());
        }
    }

    async fn measured<T>(
        &self,
        name: &str,
        what: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, Fault> {
        let began = Instant::now();
        let result = what.await;
        self.stats().request(name, result.is_ok().then(|| began.elapsed()));
        result.map_err(|error| self.failed(name, error))
    }

    /// Counts an error, but for the end of a connection, which is counted once however many notice it.
    fn failed(&self, what: &str, error: ClientError) -> Fault {
        let example = error.to_string();
        let ended = matches!(error, ClientError::Closed(_));
        let fault = Fault::Client(error);
        if !ended {
            self.stats().failure(what, fault.kind(), 1, || example);
        }
        fault
    }

    pub(crate) fn stats(&self) -> MutexGuard<'_, Stats> {
        self.world.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    /// Asks and waits for the answer; see [`Client::request`].
    pub async fn request<Req, Res>(
        &self,
        route: impl Takes<Req> + Answers<Res>,
        body: &Req,
    ) -> Result<Res, Fault>
    where
        Req: Serialize + ?Sized,
        Res: DeserializeOwned,
    {
        let name = route.route().to_owned();
        let result = self.robot().measured(&name, self.0.client.request(route, body)).await;
        self.note_end(&result);
        self.0.count_passed_over();
        result
    }

    /// Tells, without an answer.
    pub async fn notify<Req: Serialize + ?Sized>(
        &self,
        route: impl Takes<Req>,
        body: &Req,
    ) -> Result<(), Fault> {
        let name = route.route().to_owned();
        let result = self.0.client.notify(route, body).await;
        self.robot().stats().notify(&name, result.is_ok());
        let result = result.map_err(|error| self.robot().failed(&name, error));
        self.note_end(&result);
        result
    }

    /// The next push, whatever it is; waits for one. A push is counted when it is taken: a robot that is pushed to should take
    /// them. At most [`ClientOptions::pushes_max`] wait for that. Those that it says it does not [want](ClientOptions::wants) are counted
    /// together with each answer.
    pub async fn next_push(&self) -> Result<PushMessage, Fault> {
        let Some(push) = self.0.client.next_push().await else {
            let reason = self.0.client.closed().await;
            let result = Err(Fault::Client(ClientError::Closed(reason)));
            self.note_end(&result);
            return result;
        };
        self.robot().stats().pushes(&push.route, 1);
        Ok(push)
    }

    /// The next one of these pushes. Others that come before it are passed over.
    pub async fn push<T: DeserializeOwned>(&self, push: Push<T>) -> Result<T, Fault> {
        loop {
            if let Some(read) = self.next_push().await?.read(push) {
                return read.map_err(|error| Fault::unexpected(format!("{}: {error}", push.name())));
            }
        }
    }

    /// The client underneath: what goes through it directly is not counted.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// Says goodbye.
    pub async fn close(&self) {
        self.0.ended.set(true);
        self.0.client.close().await;
    }

    fn robot(&self) -> &Robot {
        &self.0.robot
    }

    fn note_end<T>(&self, result: &Result<T, Fault>) {
        if let Err(Fault::Client(ClientError::Closed(reason))) = result
            && !self.0.ended.replace(true)
        {
            self.robot().stats().failure(CONNECTION, fault::closed(reason), 1, || reason.to_string());
        }
    }
}

impl Connection {
    /// Counts what came meanwhile and is not wanted.
    fn count_passed_over(&self) {
        let all = self.client.pushes_passed_over();
        let fresh = all - self.passed_over.replace(all);
        if fresh > 0 {
            self.robot.stats().pushes(PASSED_OVER, fresh);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.count_passed_over();
        let mut stats = self.robot.stats();
        stats.robots.links_closed += 1;
        stats.untaken += self.client.pushes_dropped();
    }
}
