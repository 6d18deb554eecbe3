//! Many writers at once, and one that is killed again and again.

use std::time::Instant;

use tokio::time::sleep;

use crate::adapter::{Adapter, Running};
use crate::origins::{ihc, ihc_score, report};
use crate::results::{WITHDRAWN, repeats};
use crate::saying::say;
use crate::stage::Stage;

const WRITERS: usize = 8;
const KILLS: usize = 20;

#[tokio::test]
async fn eight_writers_at_once_leave_one_result() {
    let Some(stage) = Stage::enter("eight writers at once leave one result").await else {
        return;
    };
    let writers: Vec<Adapter> = (0..WRITERS)
        .map(|number| Adapter::new(&stage, &format!("store-{number}")))
        .collect();
    // The first time they all create it, then they all replace it.
    for (score, interpretation, versions) in [(1, "NEG", 1), (3, "POS", 2), (1, "NEG", 3)] {
        stage
            .put(&report("crowded", &[ihc("crowded-ihc", score)]))
            .await;
        let started: Vec<Running> = writers.iter().map(Adapter::start_pass).collect();
        let mut ends = Vec::new();
        for ran in started.into_iter().map(Running::end) {
            assert_eq!(ran.code, Some(0), "{}", ran.stderr);
            let ledger = ran.ledger();
            assert_eq!((ledger["seen"], ledger["failed"]), (1, 0), "{}", ran.stderr);
            let end = ["written", "unchanged", "retry"]
                .into_iter()
                .find(|name| ledger[*name] == 1);
            ends.push(end.unwrap_or("other"));
        }
        ends.sort_unstable();
        say(&format!("   {ends:?}"));

        // A quiet pass finds the work done; where a server cannot fence, it marks what is there twice.
        let quiet = Adapter::new(&stage, "quiet").pass().ledger();
        assert_eq!((quiet["retry"], quiet["failed"]), (0, 0));
        let results = stage.results("crowded").await;
        let withdrawn = results
            .iter()
            .filter(|found| found.status == WITHDRAWN)
            .count();
        say(&format!(
            "   results: {}, of these entered in error: {withdrawn}",
            results.len()
        ));
        let live = stage.result("crowded").await;
        assert_eq!(live.interpretation(), interpretation);
        stage.is_whole(&live).await;
        if let Some(history) = stage.history(&live).await {
            // Where a PUT cannot be told to create only, two that create at once both do, with the same content.
            match withdrawn == 0 && stage.manners.fences_creation {
                true => assert_eq!(
                    (history.len(), repeats(&history)),
                    (versions, 0),
                    "{history:#?}"
                ),
                false => say(&format!(
                    "   versions: {}, repeats: {}",
                    history.len(),
                    repeats(&history)
                )),
            }
        }
        assert_eq!(stage.open_tasks("crowded").await, ["sign-off"]);
        let settled = stage.versions("crowded").await;
        for writer in &writers[..2] {
            writer.pass();
        }
        assert_eq!(stage.versions("crowded").await, settled);
    }
}

#[tokio::test]
async fn two_writers_that_take_turns_leave_one_open_task() {
    let Some(stage) = Stage::enter("two writers that take turns leave one open Task").await else {
        return;
    };
    let (first, second) = (
        Adapter::new(&stage, "first"),
        Adapter::new(&stage, "second"),
    );
    for (score, writer, reader) in [
        (1, &first, &second),
        (3, &second, &first),
        (1, &first, &second),
    ] {
        stage
            .put(&report("turns", &[ihc("turns-ihc", score)]))
            .await;
        writer.pass().came_to(&[("written", 1)]);
        reader.pass().came_to(&[("unchanged", 1)]);
        assert_eq!(
            stage.open_tasks("turns").await,
            ["sign-off"],
            "after a score of {score}"
        );
    }
}

#[tokio::test]
async fn a_writer_that_has_read_an_older_report_does_not_overwrite_what_a_newer_one_says() {
    let Some(stage) = Stage::enter("an older report never overwrites a newer one").await else {
        return;
    };
    let with_score = |score| report("moving", &[ihc("moving-ihc", score)]);
    stage.put(&with_score(0)).await;
    let writers: Vec<Adapter> = (0..WRITERS)
        .map(|number| Adapter::new(&stage, &format!("store-{number}")))
        .collect();
    let trial = Instant::now();
    writers[0].pass().came_to(&[("written", 1)]);
    let between = trial.elapsed() / 2;
    // The score rises while writers are under way, so that some of them have read what is no longer so.
    let mut started = Vec::new();
    for (number, writer) in writers.iter().enumerate() {
        if let Some(score) = [(2, 1), (4, 2), (6, 3)]
            .iter()
            .find(|(at, _)| *at == number)
        {
            stage.put(&with_score(score.1)).await;
        }
        started.push(writer.start_pass());
        sleep(between).await;
    }
    for ran in started.into_iter().map(Running::end) {
        assert_eq!(
            (ran.code, ran.ledger()["failed"]),
            (Some(0), 0),
            "{}",
            ran.stderr
        );
    }
    writers[0].pass();
    let live = stage.result("moving").await;
    stage.is_whole(&live).await;
    let scores: Vec<Option<usize>> = match stage.server.history(&live.key).await {
        Some(history) => history.iter().map(ihc_score).collect(),
        None => vec![ihc_score(&live.json)],
    };
    say(&format!("   scores in its history: {scores:?}"));
    assert!(
        scores.is_sorted() && scores.last() == Some(&Some(3)),
        "{scores:?}"
    );
    assert_eq!(stage.open_tasks("moving").await, ["sign-off"]);
}

#[tokio::test]
async fn a_writer_that_is_killed_at_any_moment_leaves_nothing_double_or_half() {
    let Some(stage) =
        Stage::enter("a writer that is killed at any moment leaves nothing double").await
    else {
        return;
    };
    let patients = ["p0", "p1", "p2", "p3"];
    let adapter = Adapter::new(&stage, "store");
    let mut scores = [1; 4];
    let mut amendments = [0; 4];
    for (patient, score) in patients.iter().zip(scores) {
        stage
            .put(&report(patient, &[ihc(&format!("{patient}-ihc"), score)]))
            .await;
    }
    let trial = Instant::now();
    assert_eq!(adapter.dry_run().code, Some(0));
    let mut span = trial.elapsed();
    let mut killed = 0;
    for round in 0..KILLS {
        if round > 2 {
            let (which, patient) = (round % 4, patients[round % 4]);
            scores[which] = 4 - scores[which];
            amendments[which] += 1;
            stage
                .put(&report(
                    patient,
                    &[ihc(&format!("{patient}-ihc"), scores[which])],
                ))
                .await;
        }
        let pass = adapter.start_pass();
        // Spread evenly over the time that a pass takes, which is less where it ended before.
        let share = (round as f64 * 0.618_034).fract();
        sleep(span.mul_f64(0.2 + 1.4 * share)).await;
        match pass.kill() {
            true => killed += 1,
            false => span = span.mul_f64(0.8),
        }
    }
    say(&format!("   killed under way: {killed} of {KILLS}"));
    assert!(
        killed >= KILLS / 4,
        "the passes ended before they could be killed"
    );

    let quiet = adapter.pass().ledger();
    assert_eq!((quiet["retry"], quiet["failed"]), (0, 0));
    for (which, patient) in patients.iter().enumerate() {
        let results = stage.results(patient).await;
        let extra = results
            .iter()
            .filter(|found| found.status == WITHDRAWN)
            .count();
        if extra > 0 {
            say(&format!("   {patient}: {extra} entered in error"));
        }
        let live = stage.result(patient).await;
        let expected = if scores[which] == 1 { "NEG" } else { "POS" };
        assert_eq!(live.interpretation(), expected, "{patient}");
        let versions = stage.versions_of(&live).await.unwrap_or(1);
        assert!(
            versions <= 1 + amendments[which],
            "{patient}: {versions} versions"
        );
        stage.is_whole(&live).await;
        assert_eq!(stage.open_tasks(patient).await, ["sign-off"], "{patient}");
    }
    let settled = stage.versions(patients[0]).await;
    adapter.pass().came_to(&[("unchanged", 4)]);
    assert_eq!(stage.versions(patients[0]).await, settled);
}
