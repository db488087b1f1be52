//! Frontends that there is no way to, so that the log says of each once that it is gone and once that it is back, and not for every
//! message between: who was at a frontend that died stays in its channels for minutes, in case it comes back.

use std::collections::HashMap;

use pomelo_protocol::ServerId;

/// More are said for every message again.
const FRONTENDS_MAX: usize = 1000;

/// How many messages each of them has missed.
#[derive(Debug, Default)]
pub(super) struct Unreached(HashMap<ServerId, u64>);

impl Unreached {
    /// A message did not find a way; whether that is to be said.
    pub(super) fn missed(&mut self, frontend: &ServerId) -> bool {
        if let Some(messages) = self.0.get_mut(frontend) {
            *messages += 1;
            return false;
        }
        if self.0.len() < FRONTENDS_MAX {
            self.0.insert(frontend.clone(), 1);
        }
        true
    }

    /// There is a way, or nobody is looked for there any more: how many messages it has missed, if any.
    pub(super) fn ended(&mut self, frontend: &ServerId) -> Option<u64> {
        // Asked for every message, and nearly always there is none.
        if self.0.is_empty() { None } else { self.0.remove(frontend) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frontend_that_is_gone_is_said_once_and_counted_until_it_is_back() {
        let [one, other] = ["connector-1", "connector-2"].map(|id| ServerId::new(id).unwrap());
        let mut unreached = Unreached::default();
        assert_eq!(unreached.ended(&one), None);
        let said = [&one, &one, &other, &one].map(|frontend| unreached.missed(frontend));
        assert_eq!(said, [true, false, true, false]);
        assert_eq!(unreached.ended(&one), Some(3));
        assert_eq!(unreached.ended(&one), None);
        assert!(unreached.missed(&one), "gone again");
        assert_eq!(unreached.ended(&other), Some(1));
    }

    #[test]
    fn no_more_than_so_many_are_kept() {
        let mut unreached = Unreached::default();
        for n in 0..FRONTENDS_MAX + 10 {
            assert!(unreached.missed(&ServerId::new(&*format!("connector-{n}")).unwrap()));
        }
        assert_eq!(unreached.0.len(), FRONTENDS_MAX);
    }
}
