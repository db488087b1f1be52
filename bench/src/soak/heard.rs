//! What one session has heard of others, and what was wrong with it. Pure.

use std::collections::HashMap;

/// A numbered message: which session of its sender, and which of that session's messages, from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Number {
    pub(super) session: u32,
    pub(super) message: u32,
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// So many before it did not come.
    Lost(u32),
    /// It, or a later one, came before.
    Again,
}

/// The last message of each sender.
#[derive(Debug, Default)]
pub(super) struct Heard(HashMap<usize, Number>);

impl Heard {
    /// A message came. `from_first`: this session was there before the sender's one said anything.
    pub(super) fn hear(&mut self, sender: usize, number: Number, from_first: bool) -> Option<Flaw> {
        let before = self.0.insert(sender, number);
        let expected = match before {
            Some(before) if number <= before => {
                self.0.insert(sender, before);
                return Some(Flaw::Again);
            }
            Some(before) if before.session == number.session => before.message + 1,
            // Whoever hears the sender's session for the first time, and came late, missed what was said before.
            None if !from_first => number.message,
            _ => 1,
        };
        (number.message > expected).then(|| Flaw::Lost(number.message - expected))
    }

    /// The last one of this sender.
    pub(super) fn last(&self, sender: usize) -> Option<Number> {
        self.0.get(&sender).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaws(from_first: bool, numbers: &[(u32, u32)]) -> Vec<Option<Flaw>> {
        let mut heard = Heard::default();
        let number = |&(session, message)| Number { session, message };
        numbers.iter().map(|n| heard.hear(7, number(n), from_first)).collect()
    }

    #[test]
    fn every_number_comes_once_and_in_order() {
        assert_eq!(flaws(true, &[(1, 1), (1, 2), (2, 1), (2, 2)]), [None; 4]);
        assert_eq!(flaws(true, &[(1, 2), (1, 3)]), [Some(Flaw::Lost(1)), None]);
        assert_eq!(flaws(true, &[(1, 1), (1, 5)]), [None, Some(Flaw::Lost(3))]);
        assert_eq!(flaws(true, &[(1, 1), (2, 3)]), [None, Some(Flaw::Lost(2))]);
        assert_eq!(flaws(true, &[(1, 1), (1, 1)]), [None, Some(Flaw::Again)]);
        let swapped = [None, Some(Flaw::Lost(1)), Some(Flaw::Again), None];
        assert_eq!(flaws(true, &[(1, 1), (1, 3), (1, 2), (1, 4)]), swapped);
        assert_eq!(flaws(true, &[(2, 1), (1, 9), (2, 2)]), [None, Some(Flaw::Again), None]);
    }

    #[test]
    fn who_comes_late_begins_with_what_comes_first() {
        assert_eq!(flaws(false, &[(3, 40), (3, 41), (3, 43)]), [None, None, Some(Flaw::Lost(1))]);
    }
}
