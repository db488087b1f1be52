//! The program `lordofpomelo-web`.

use std::{io::Write as _, process::ExitCode};

use clap::Parser as _;
use lordofpomelo_web::cli;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match cli::run(cli::Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
