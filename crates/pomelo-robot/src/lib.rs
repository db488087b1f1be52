//! Runs thousands of scripted clients of a Pomelo game, shows what they see while they play, and reports it: how often each route
//! was answered and how fast, what was pushed, what failed.
//!
//! A robot is an async function. It is called once for each client, on one of a few threads, and plays until it returns or the
//! run is over. What it sends through its [`Link`]s is measured and counted; the messages are the constants of the game.
//!
//! ```no_run
//! use std::{process::ExitCode, time::Duration};
//!
//! use pomelo_robot::{Fault, Push, Robot, Route};
//! use serde::{Deserialize, Serialize};
//!
//! # #[derive(Serialize)] struct Enter { username: String, rid: String }
//! # #[derive(Deserialize)] struct Entered {}
//! # #[derive(Serialize)] struct Say { content: String, target: String }
//! # #[derive(Deserialize)] struct Said { from: String }
//! const ENTER: Route<Enter, Entered> = Route::new("connector.entryHandler.enter");
//! const SEND: Route<Say, ()> = Route::new("chat.chatHandler.send");
//! const ON_CHAT: Push<Said> = Push::new("onChat");
//!
//! async fn chat(robot: Robot) -> Result<(), Fault> {
//!     let me = format!("robot{}", robot.n());
//!     let link = robot.connect("ws://127.0.0.1:3050").await?;
//!     link.request(ENTER, &Enter { username: me.clone(), rid: format!("room{}", robot.n() / 20) }).await?;
//!     loop {
//!         robot.pause(Duration::from_secs(5)).await?;
//!         link.request(SEND, &Say { content: "hello".into(), target: "*".into() }).await?;
//!         while link.push(ON_CHAT).await?.from != me {}
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     pomelo_robot::main(chat) // --count 5000 --ramp 30 --duration 600 --json --fail-on-errors
//! }
//! ```
//!
//! A program with options of its own flattens a [`Plan`] into them and calls [`run`]; what the robots share goes into their closure.
//!
//! Who has not written robots in Rust describes what they do in a file, a [`Scenario`]: `pomelo robot scenario.json`.
//!
//! Times are from the moment a request is sent until its answer is there. A robot that waits for one answer before it asks again
//! asks a slow server less often, so that the highest percentiles of a server that stands still are better than what players would
//! see who do not wait.
//!
//! Not here: the protocol, which is `pomelo-client`'s.

mod fault;
mod live;
mod plan;
mod report;
mod robot;
mod run;
mod scenario;
mod stats;

pub use fault::Fault;
pub use plan::{Plan, PlanError};
pub use pomelo_client::{ClientError, ClientOptions, CloseReason, Push, PushMessage, Route};
pub use report::{Failures, Pushes, Report, Requests};
pub use robot::{Link, Robot};
pub use run::{main, open_files, run};
pub use scenario::{Scenario, ScenarioError};
