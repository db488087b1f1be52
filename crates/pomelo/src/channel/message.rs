//! What the server that holds a channel and the frontends of its members say to each other: names of methods and forms of
//! bodies. Which of them when is in [`super::holder`] and in `session::groups`.

use serde::{Deserialize, Serialize};

/// A push to clients of a frontend: [`PushHead`] and the body; one way.
pub(crate) const PUSH: &str = "sys.push";
/// Users join and leave a channel: [`Change`]; one way, from the server that holds the channel to the frontend of the users.
pub(crate) const CHANGE: &str = "sys.change";
/// The frontend's word that users are not there, or not any more: [`Left`]; one way, to the server that holds the channel.
pub(crate) const LEFT: &str = "sys.left";
/// The frontend does not know who is in a channel, or not for sure: [`Ask`]; one way, to the server that holds it. It is told
/// with [`CHANGE`].
pub(crate) const ASK: &str = "sys.ask";

/// When the holder of a channel said something. What was said in an earlier life of it, or over an earlier link, counts no
/// more: such a message has come late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Era {
    /// Of the holder.
    pub(crate) life: u64,
    /// Number of the holder's link, which grows with each.
    pub(crate) link: u64,
}

/// Borrowed from the body it came in: a push to a thousand users makes no thousand texts.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PushHead<'a> {
    pub(crate) era: Era,
    pub(crate) route: &'a str,
    #[serde(borrow)]
    pub(crate) to: To<'a>,
}

/// Whom a push is for, among the clients of one frontend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum To<'a> {
    /// The members of a channel, but for some. The frontend knows them by [`Change`]s, up to this version.
    Group {
        number: u64,
        version: u64,
        #[serde(borrow)]
        except: Vec<&'a str>,
    },
    /// The sessions of these users.
    #[serde(borrow)]
    Users(Vec<&'a str>),
    /// All sessions with a user.
    Bound,
    /// All sessions.
    All,
}

/// How the members that a channel has at one frontend change. The frontend that has them as of version `from` has them as of
/// version `to` then; from version 0 on the named ones are all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change<'a> {
    pub(crate) era: Era,
    /// Of the channel, never used again in this life of the holder.
    pub(crate) number: u64,
    pub(crate) from: u64,
    pub(crate) to: u64,
    #[serde(borrow)]
    pub(crate) join: Vec<&'a str>,
    #[serde(borrow)]
    pub(crate) leave: Vec<&'a str>,
    /// The channel has no members here any more; the versions don't matter.
    pub(crate) end: bool,
}

/// Users without a session at this frontend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Left<'a> {
    /// The life of the holder that is meant.
    pub(crate) life: u64,
    #[serde(borrow)]
    pub(crate) groups: Vec<LeftGroup<'a>>,
}

/// Those of one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftGroup<'a> {
    pub(crate) number: u64,
    /// What the frontend had been told when they left: who joined after that has not left.
    pub(crate) version: u64,
    #[serde(borrow)]
    pub(crate) users: Vec<&'a str>,
}

/// Channels whose members the frontend wants to be told, or whether it knows them still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ask {
    /// The life of the holder that is meant.
    pub(crate) life: u64,
    /// Numbers, with the version that is known: if it is not the latest one, or if it is 0, everything is told again.
    pub(crate) groups: Vec<(u64, u64)>,
}
