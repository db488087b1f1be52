//! How long a server that stops may take, step by step. What the steps are is in `node::stopping`.

use std::time::Duration;

use crate::bounded;

/// How much time a server has to leave, as [`App::drain`](crate::App::drain) takes it.
///
/// A server that is asked to stop:
///
/// 1. runs its [`on_stop`](crate::Server::on_stop) hooks;
/// 2. leaves the cluster, so that nobody chooses it any more;
/// 3. as a frontend, lets nobody in any more. What each client has asked is finished and answered; then the client is told to
///    come back elsewhere: kicked with `{"reason":"server is going down","reconnect":true}`, which clients of the original
///    take for a kick as any other and ours for a sign to connect again through the gate;
/// 4. finishes what other servers have asked. From then on it answers them that it is leaving: a frontend asks another server
///    of the type then, if there is one, so that no message is lost in between; a caller sees an error that may be repeated;
/// 5. runs its [`on_drain`](crate::Server::on_drain) hooks, ends its links, and runs its
///    [`on_stopped`](crate::Server::on_stopped) hooks.
///
/// What is not done in its time is dropped, which the log says.
///
/// ```
/// # use std::time::Duration;
/// # use pomelo::{App, Config, Drain};
/// # fn app(config: Config) -> App {
/// App::new(config).drain(Drain::new().whole(Duration::from_secs(60)).hand_over(Duration::from_secs(45)))
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    pub(crate) whole: Duration,
    pub(crate) finish: Duration,
    pub(crate) hand_over: Duration,
}

impl Drain {
    /// 7 s for all of it, of which 3 s for what is in progress and 5 s for hooks. Ending the links and the last hooks may take
    /// 2 s more. `pomelo restart`, and `pomelo start` when it ends itself, kill a server that is not gone after 10 s; who needs
    /// longer stops servers by `pomelo stop` with their ids, or by SIGTERM.
    pub fn new() -> Self {
        let seconds = Duration::from_secs;
        Self { whole: seconds(7), finish: seconds(3), hand_over: seconds(5) }
    }

    /// All steps together. When it is over those that are left are cut short.
    #[must_use]
    pub fn whole(mut self, time: Duration) -> Self {
        self.whole = bounded(time);
        self
    }

    /// What is in progress: first for clients of this server, then for other servers.
    #[must_use]
    pub fn finish(mut self, time: Duration) -> Self {
        self.finish = bounded(time);
        self
    }

    /// Hooks: those of [`on_stop`](crate::Server::on_stop) together, and those of [`on_drain`](crate::Server::on_drain).
    #[must_use]
    pub fn hand_over(mut self, time: Duration) -> Self {
        self.hand_over = bounded(time);
        self
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self::new()
    }
}
