//! What chat servers do at certain times. Nothing by itself: `config/crons.json` says when, or an administrator does, while the
//! game runs:
//!
//! ```text
//! pomelo cron add clock '0 0 * * * *' chatCron.tellTime -t chat --once
//! ```

use pomelo::{Channels, Cron, Due, Result, State};

use crate::chat::{ON_CHAT, Said, Sequence};

/// Tells everybody what time it is. With `once`, one chat server does.
pub const TELL_TIME: Cron = Cron::new("chatCron.tellTime");

/// See [`TELL_TIME`].
pub async fn tell_time(sequence: State<Sequence>, channels: Channels, due: Due) -> Result<()> {
    let seconds = due.at_ms.div_euclid(1000).rem_euclid(24 * 3600);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let said = Said {
        msg: format!("it is {hour:02}:{minute:02}:{second:02} UTC"),
        from: "clock".to_owned(),
        target: "*".to_owned(),
        seq: sequence.next(),
    };
    Ok(channels.broadcast("connector", ON_CHAT, &said).await?)
}
