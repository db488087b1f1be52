//! What servers say to each other about channels: to a frontend what is pushed to whom, to a holder of channels who has left.

use std::{future::pending, sync::Arc, time::Duration};

use bytes::Bytes;
use pomelo_protocol::ServerId;
use tokio::time::{MissedTickBehavior, interval};

use super::Node;
use crate::{
    Error, Leavers, MembersLeft,
    channel::message::{ASK, CHANGE, LEFT, PUSH},
};

/// How often it is looked after what may have been lost with a link.
const TEND_EVERY: Duration = Duration::from_secs(1);

/// Whether a method is a word to a holder of channels. It must not be handled while that holder says something itself.
pub(super) fn is_for_holder(method: &str) -> bool {
    matches!(method, LEFT | ASK)
}

impl Node {
    /// Handles a message about channels, without waiting for anything. None if it is not about channels.
    pub(super) fn hear(&self, from: &ServerId, method: &str, body: &Bytes) -> Option<Result<(), Error>> {
        let channels = &self.parts.0.channels;
        let done = match method {
            PUSH | CHANGE => match &self.table {
                Some(table) => table.hear(from, method, body),
                None => Err(Error::msg("a backend has no clients to push to")),
            },
            LEFT => channels.left(from, body).map_err(Error::from),
            ASK => channels.asked(from, body).map_err(Error::from),
            _ => return None,
        };
        Some(done)
    }

    /// Users left channels of this server. Nobody waits for the hooks; there are as many of these tasks as frontends said so
    /// within the time that the hooks take.
    pub(super) fn members_left(self: Arc<Self>, left: Vec<Leavers>) {
        tokio::spawn(async move {
            for leavers in left {
                let left = MembersLeft { parts: self.parts.clone(), leavers };
                self.event(&self.hooks.members_left, &left).await;
            }
        });
    }

    /// Looks after what servers tell each other by themselves, for ever.
    pub(super) async fn tend(&self) {
        let one_session = async {
            match self.table.as_deref().and_then(|table| Some((table, table.single()?))) {
                Some((table, single)) => single.tell(table).await,
                None => pending().await,
            }
        };
        tokio::join!(self.tend_channels(), one_session);
    }

    /// Looks after channels on both sides.
    async fn tend_channels(&self) {
        let mut ticks = interval(TEND_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.parts.0.channels.tend();
            if let Some(table) = &self.table {
                table.tend();
            }
        }
    }
}
