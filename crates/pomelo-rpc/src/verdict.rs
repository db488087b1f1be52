//! Which connection of a pair stays. Pure. Not here: doing it (`peers`).
//!
//! **Both dial at once.** Two connections would break the order between a push and the answer behind it, so one stays:
//! the one opened by the side with the lower id. That side holds a peer's hello back while its own dial is under way; it
//! refuses it when the dial succeeds and takes it when the dial fails. The other side takes every hello, and what already
//! waits in the buffer of its own dial goes out over the connection it took.
//!
//! **One dials again.** It would not have done so had it not lost the link the other side may still see, so the new
//! connection replaces the old one; except by an earlier life of a server that has been started again since.

use crate::Hello;
use crate::link::Phase;

/// What to do with a peer's hello.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It brings a new link, whatever there was before.
    Take,
    /// It brings the connection our own dial was to bring.
    Join,
    /// Our dial goes first.
    HoldBack,
    /// The connection we opened stays.
    Duplicate,
    /// There is a link to a later life of this server.
    Stale,
    /// It says that it is us.
    Impostor,
}

/// Decides over a hello; `phase` is that of the link to this peer, down if there is none.
pub(crate) fn judge(me: &Hello, peer: &Hello, phase: Phase) -> Verdict {
    if peer.id == me.id {
        return Verdict::Impostor;
    }
    match phase {
        Phase::Dialling if me.id < peer.id => Verdict::HoldBack,
        Phase::Dialling => Verdict::Join,
        Phase::Up { incarnation, .. } if peer.incarnation < incarnation && peer.incarnation != 0 => {
            Verdict::Stale
        }
        Phase::Up { incarnation, dialled: true } if peer.incarnation == incarnation && me.id < peer.id => {
            Verdict::Duplicate
        }
        // The peer would not have dialled had it not lost the link we may still see.
        Phase::Up { .. } | Phase::Closing | Phase::Down => Verdict::Take,
    }
}

#[cfg(test)]
mod tests {
    use pomelo_protocol::ServerId;

    use super::*;

    fn hello(id: &str, incarnation: u64) -> Hello {
        Hello { id: ServerId::new(id).unwrap(), incarnation }
    }

    #[test]
    fn of_two_connections_opened_at_once_both_sides_keep_the_one_of_the_lower_id() {
        let (a, b) = (hello("a", 1), hello("b", 1));
        assert_eq!(judge(&a, &b, Phase::Dialling), Verdict::HoldBack);
        assert_eq!(judge(&b, &a, Phase::Dialling), Verdict::Join);
        assert_eq!(judge(&a, &b, Phase::Up { incarnation: 1, dialled: true }), Verdict::Duplicate);
        assert_eq!(judge(&b, &a, Phase::Up { incarnation: 1, dialled: true }), Verdict::Take);
    }

    #[test]
    fn a_peer_that_dials_again_replaces_the_link_it_has_lost() {
        let (a, b) = (hello("a", 1), hello("b", 1));
        for dialled in [false, true] {
            assert_eq!(judge(&a, &hello("b", 2), Phase::Up { incarnation: 1, dialled }), Verdict::Take);
        }
        assert_eq!(judge(&a, &b, Phase::Up { incarnation: 1, dialled: false }), Verdict::Take);
        assert_eq!(judge(&a, &b, Phase::Down), Verdict::Take);
        assert_eq!(judge(&a, &b, Phase::Closing), Verdict::Take);
    }

    #[test]
    fn an_earlier_life_and_a_server_with_our_id_are_refused() {
        let a = hello("a", 1);
        for dialled in [false, true] {
            assert_eq!(judge(&a, &hello("b", 2), Phase::Up { incarnation: 3, dialled }), Verdict::Stale);
        }
        assert_eq!(judge(&a, &hello("b", 0), Phase::Up { incarnation: 3, dialled: false }), Verdict::Take);
        assert_eq!(judge(&a, &hello("a", 9), Phase::Down), Verdict::Impostor);
    }
}
