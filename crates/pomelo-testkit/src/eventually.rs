//! Waiting for something to become true, with an end. Tests that wait do it here and never by sleeping a fixed time.

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// How often the question is asked.
const POLL_MS: u64 = 5;

/// Asks until the answer is something, and gives it back.
///
/// # Panics
///
/// When `limit` is over, naming `what` was waited for. Choose a limit far above what is expected: it is there to end a
/// test that hangs, not to measure.
#[track_caller]
pub fn eventually<T, F, Asked>(what: &str, limit: Duration, mut ask: F) -> impl Future<Output = T>
where
    F: FnMut() -> Asked,
    Asked: Future<Output = Option<T>>,
{
    let caller = std::panic::Location::caller();
    async move {
        let end = Instant::now() + limit;
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(Instant::now() < end, "{caller}: waited {limit:?} in vain: {what}");
            tokio::time::sleep(Duration::from_millis(POLL_MS)).await;
        }
    }
}
