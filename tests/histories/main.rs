//! Thousands of short histories of one server, its sources and three writers beside each other, judged from what the
//! server has kept.
//!
//! A history is a list of actions that proptest draws: sources come, are amended, moved, retracted and deleted; patients are
//! merged and un-merged; tests are ordered and cancelled; a pathologist signs, rejects and answers questions; the next requests go wrong in one of the ways that servers and networks know; writers begin a pass, go on by some steps, and
//! crash between two of them. Everything runs on one thread, and a writer goes on only when it is its turn, so any two
//! steps of two writers can interleave and a history plays the same way again. At the end all faults are taken away, the
//! clocks go on, and each writer runs passes until none of them writes any more. Then `judge` looks.
//!
//! The histories are the same on every run: 200 of them, or as many as `HER2_HISTORIES` says. Others are played with
//! `PROPTEST_RNG_SEED=<number>`. One that fails is made as short as it can be and printed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod actions;
mod judge;
mod pathologist;
mod scenes;
mod sources;
mod world;
mod writer;

use std::ops::Range;
use std::time::Instant;

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use actions::{History, SERVERS, history};
use world::World;

/// So many threads play a half of the histories: a store answers from a thread of its own, so that one history alone
/// waits more than it works.
const PLAYERS: u32 = 4;

/// Plays half of the histories, all with these servers.
fn play_all(servers: Range<usize>, seed: u64) {
    let histories: u32 = std::env::var("HER2_HISTORIES")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(200);
    let each = histories.div_ceil(2 * PLAYERS);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for player in 0..PLAYERS {
            let servers = servers.clone();
            scope.spawn(move || play(servers, each, seed * 100 + u64::from(player)));
        }
    });
    println!(
        "{} histories in {} s",
        each * PLAYERS,
        begun.elapsed().as_secs()
    );
}

/// Plays so many histories on one thread.
fn play(servers: Range<usize>, histories: u32, seed: u64) {
    let defaults = Config::default();
    let config = Config {
        cases: histories,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        rng_seed: match defaults.rng_seed {
            RngSeed::Random => RngSeed::Fixed(seed),
            RngSeed::Fixed(chosen) => RngSeed::Fixed(chosen.wrapping_add(seed)),
        },
        ..defaults
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let ended = TestRunner::new(config).run(&history(servers), |history: History| {
        runtime
            .block_on(World::play(&history))
            .map_err(TestCaseError::fail)
    });
    match ended {
        Ok(()) => {}
        Err(TestError::Fail(why, history)) => panic!("{why}\n{history:#?}"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn every_case_comes_to_one_result_that_never_goes_backwards_on_servers_with_whole_transactions() {
    play_all(0..SERVERS.len() / 2, 5);
}

#[test]
fn every_case_comes_to_one_result_that_never_goes_backwards_on_other_servers() {
    play_all(SERVERS.len() / 2..SERVERS.len(), 6);
}
