//! Everything outside: files, the FHIR server, the store, and the pass that goes from one to the other. It fetches,
//! calls the pipeline, writes, and notes what happened; it decides nothing about HER2.

pub mod announce;
pub mod audit;
pub mod brake;
pub mod client;
pub mod clock;
pub mod demo;
pub mod desk;
pub mod difference;
pub mod evidence;
pub mod fake_server;
pub mod files;
pub mod history;
pub mod login;
pub mod output;
pub mod pass;
pub mod progress;
pub mod publish;
pub mod pull;
pub mod replay;
pub mod serve;
pub mod shadow;
pub mod store;
pub mod survey;
