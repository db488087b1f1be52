//! The web server on real sockets. Not here: the page in a browser.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests, though no attribute says so")]

mod accounts;
mod connections;
mod files;
mod leader;
mod program;
mod running;
mod tries;
