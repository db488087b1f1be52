//! What the suites of whole clusters share: players that count what they lose, ours and npm's, a browser, and the claims that
//! hold after any fault. The suites themselves are in `tests/`; the cluster they start is the testkit's, since measurements
//! start it too.

pub mod browser;
pub mod npm;
pub mod pastime;
pub mod played;
pub mod player;
pub mod realm;
pub mod trial;

pub use pomelo_testkit::cluster;
