//! Starts the program.

use std::process::ExitCode;

use clap::Parser;
use her2_adapter::cli::{self, Arguments};

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(Arguments::parse()).await
}
