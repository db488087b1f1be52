//! Why something could not be done with a channel.

use super::holder::{CHANNELS_MAX, MEMBERS_MAX};

/// Why a channel could not be joined or pushed to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// The server has its full number of channels.
    #[error("no room for channel {name:?}: there are {CHANNELS_MAX} already")]
    TooManyChannels {
        /// The channel that would have been made.
        name: String,
    },
    /// The channel has its full number of members.
    #[error("no room in channel {name:?}: it has {MEMBERS_MAX} members already")]
    Full {
        /// The channel.
        name: String,
    },
    /// The message has no JSON form.
    #[error("message can't be encoded")]
    Encode(#[from] serde_json::Error),
}
