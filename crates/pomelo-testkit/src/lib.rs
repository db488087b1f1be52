//! For tests and measurements only: what it takes to run the real thing on one machine and look at it.

pub mod cluster;
pub mod command;
pub mod etcd;
mod eventually;
pub mod game;
pub mod machines;
pub mod mariadb;
pub mod netns;
pub mod proxy;
mod server;
pub mod zookeeper;

pub use eventually::eventually;

/// Whether a test must fail where it would otherwise be skipped, because something it needs is not installed:
/// `POMELO_REQUIRE_ALL=1`, as in CI.
pub fn require_all() -> bool {
    #[expect(clippy::disallowed_methods, reason = "tests are told by the environment how strict to be")]
    let require = std::env::var("POMELO_REQUIRE_ALL");
    require.is_ok_and(|value| value == "1")
}

/// Whether a test can run that needs what may be `missing`; if not, the reason is printed.
///
/// # Panics
///
/// If something is missing and [`require_all`].
fn can_run(missing: Option<String>) -> bool {
    match missing {
        Some(reason) if require_all() => panic!("{reason}, and POMELO_REQUIRE_ALL=1 forbids to skip"),
        Some(reason) => {
            eprintln!("SKIPPED: {reason}");
            false
        }
        None => true,
    }
}
