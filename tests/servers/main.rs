//! The whole job against a FHIR server that nobody here wrote: the built program on one side, the server's own answers on
//! the other, and nothing of the program's inside. Only the table of supersession is played by the program's library, since
//! nobody can tell the built program that a day has passed.
//!
//!     HER2_TEST_SERVER=http://127.0.0.1:8080 cargo test --test servers -- --nocapture
//!
//! Without the variable each scene says that it was left out. `docs/SERVERS.md` tells what a server needs and where those
//! that were tried deviate. Scenes come one at a time, each with patients, sources and stores of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod adapter;
mod crowd;
mod manners;
#[path = "../supersession/mod.rs"]
mod matrix;
mod origins;
mod results;
mod saying;
mod server;
mod stage;
mod supersession;
mod withdrawing;
mod writing;
