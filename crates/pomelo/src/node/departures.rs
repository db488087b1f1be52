//! Servers that left the cluster: when their links are cut, and when their users leave the channels of this server.
//!
//! A server may be missing from the cluster though it lives: it lost its masters for a while. Then it still has its users, and
//! nobody would bring them back into their channels. So a frontend counts as dead when neither the masters nor this server have
//! a link to it any more; one that is linked still has more time to come back. One that was started again says itself whom it
//! does not have. No I/O here.

use std::{collections::BTreeMap, time::Duration};

use pomelo_protocol::ServerId;
use tokio::time::Instant;

/// How long the users of a frontend stay in their channels when it left the cluster but was linked to the end.
const MEMBERS_TIMEOUT: Duration = Duration::from_secs(300);

/// One entry for each server that left and is not forgotten.
pub(super) struct Departures {
    /// How long a server that left may still answer what it was asked before.
    finish: Duration,
    gone: BTreeMap<ServerId, Gone>,
}

struct Gone {
    is_cut: bool,
    /// When the next step is to be done.
    next: Instant,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Its link ends.
    Cut(ServerId),
    /// Its users leave all channels.
    Forget(ServerId),
}

impl Departures {
    pub(super) fn new(finish: Duration) -> Self {
        Self { finish, gone: BTreeMap::new() }
    }

    pub(super) fn left(&mut self, id: ServerId, now: Instant) {
        self.gone.insert(id, Gone { is_cut: false, next: now + self.finish });
    }

    /// Some are there again.
    pub(super) fn back(&mut self, is_there: impl Fn(&ServerId) -> bool) {
        self.gone.retain(|id, _| !is_there(id));
    }

    /// When [`Departures::steps`] is to be called.
    pub(super) fn due(&self) -> Option<Instant> {
        self.gone.values().map(|gone| gone.next).min()
    }

    pub(super) fn steps(&mut self, now: Instant, is_linked: impl Fn(&ServerId) -> bool) -> Vec<Step> {
        let mut steps = Vec::new();
        self.gone.retain(|id, gone| {
            if gone.next > now {
                return true;
            }
            let stays = !gone.is_cut && is_linked(id);
            if !gone.is_cut {
                steps.push(Step::Cut(id.clone()));
            }
            if stays {
                *gone = Gone { is_cut: true, next: now + MEMBERS_TIMEOUT };
            } else {
                steps.push(Step::Forget(id.clone()));
            }
            stays
        });
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINISH: Duration = Duration::from_secs(10);

    fn id(n: u32) -> ServerId {
        ServerId::new(format!("connector-server-{n}")).unwrap()
    }

    #[test]
    fn who_is_linked_to_nobody_is_dead_and_who_only_lost_the_masters_has_time_to_come_back() {
        let (mut departures, start) = (Departures::new(FINISH), Instant::now());
        for n in [1, 2, 3] {
            departures.left(id(n), start);
        }
        assert_eq!(departures.steps(start + FINISH / 2, |_| false), []);
        let steps = departures.steps(start + FINISH, |server| *server != id(1));
        assert_eq!(steps, [Step::Cut(id(1)), Step::Forget(id(1)), Step::Cut(id(2)), Step::Cut(id(3))]);
        // Cut links do not count any more.
        assert_eq!(departures.steps(start + FINISH * 2, |_| false), []);
        departures.back(|server| *server == id(2));
        let end = departures.due().unwrap();
        assert_eq!(end, start + FINISH + MEMBERS_TIMEOUT);
        assert_eq!(departures.steps(end, |_| false), [Step::Forget(id(3))]);
        assert_eq!(departures.due(), None);
    }

    #[test]
    fn who_is_back_before_the_link_is_cut_keeps_link_and_users() {
        let (mut departures, start) = (Departures::new(FINISH), Instant::now());
        departures.left(id(1), start);
        departures.back(|_| true);
        assert_eq!((departures.due(), departures.steps(start + FINISH, |_| false)), (None, vec![]));
    }
}
