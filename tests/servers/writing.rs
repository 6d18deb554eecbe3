//! Reports come in, results stand on the server, and stay as they are until a report changes.

use crate::adapter::Adapter;
use crate::origins::{fish_group_1, fish_group_2, ihc, oestrogen_receptor, report};
use crate::saying::say;
use crate::stage::Stage;

/// More than servers give in a page unless they are asked for more.
const REPORTS: u64 = 25;

#[tokio::test]
async fn each_report_ends_as_a_whole_result_or_on_the_worklist() {
    let Some(stage) = Stage::enter("each report ends as a whole result or on the worklist").await
    else {
        return;
    };
    let results = [
        (
            "amplified",
            vec![ihc("amplified-ihc", 2), fish_group_1("amplified-fish")],
        ),
        ("low", vec![ihc("low-ihc", 1)]),
        ("equivocal", vec![ihc("equivocal-ihc", 2)]),
        ("half", vec![fish_group_2("half-fish")]),
        ("other", vec![oestrogen_receptor("other-er")]),
    ];
    for (patient, results) in results {
        stage.put(&report(patient, &results)).await;
    }
    let pass = Adapter::new(&stage, "store").pass();
    pass.came_to(&[("written", 3), ("review", 1), ("not-her2", 1)]);

    for (patient, interpretation) in [("amplified", "POS"), ("low", "NEG"), ("equivocal", "E")] {
        let result = stage.result(patient).await;
        assert_eq!(result.interpretation(), interpretation, "{patient}");
        assert_eq!(result.status, "preliminary");
        assert_eq!(stage.open_tasks(patient).await, ["sign-off"]);
        stage.is_whole(&result).await;
        assert_eq!(stage.versions_of(&result).await.unwrap_or(1), 1);
    }
    assert!(stage.results("half").await.is_empty());
    assert_eq!(stage.open_tasks("half").await, ["ihc-missing"]);
    assert!(stage.versions("other").await.is_empty());
    let amplified = stage.result("amplified").await;
    let text = stage.text_of(&amplified.key).await;
    match stage.manners.keeps_digits {
        true => assert!(text.contains("2.50") && text.contains("6.00"), "{text}"),
        false => say("   not judged: digits, since the server does not keep them"),
    }
}

#[tokio::test]
async fn a_second_pass_writes_nothing_and_neither_does_one_that_has_lost_its_store() {
    let Some(stage) = Stage::enter("a second pass writes nothing, nor one without its store").await
    else {
        return;
    };
    stage.put(&report("low", &[ihc("low-ihc", 1)])).await;
    stage
        .put(&report("half", &[fish_group_2("half-fish")]))
        .await;
    let adapter = Adapter::new(&stage, "store");
    adapter.pass().came_to(&[("written", 1), ("review", 1)]);
    let before = (stage.versions("low").await, stage.versions("half").await);
    assert_eq!((before.0.len(), before.1.len()), (3, 1));
    adapter.pass().came_to(&[("unchanged", 1), ("review", 1)]);
    assert_eq!(
        (stage.versions("low").await, stage.versions("half").await),
        before
    );
    Adapter::new(&stage, "another")
        .pass()
        .came_to(&[("unchanged", 1), ("review", 1)]);
    assert_eq!(
        (stage.versions("low").await, stage.versions("half").await),
        before
    );
}

#[tokio::test]
async fn more_reports_than_fit_a_page_are_all_written() {
    let Some(stage) = Stage::enter("more reports than fit a page are all written").await else {
        return;
    };
    for number in 0..REPORTS {
        let name = format!("many{number}");
        stage
            .put(&report(&name, &[ihc(&format!("{name}-ihc"), 1)]))
            .await;
    }
    let adapter = Adapter::new(&stage, "store");
    adapter.pass().came_to(&[("written", REPORTS)]);
    for number in 0..REPORTS {
        assert_eq!(
            stage
                .result(&format!("many{number}"))
                .await
                .interpretation(),
            "NEG"
        );
    }
    adapter.pass().came_to(&[("unchanged", REPORTS)]);
}

#[tokio::test]
async fn an_amended_source_makes_one_further_version_of_the_same_result() {
    let Some(stage) = Stage::enter("an amended source makes one further version").await else {
        return;
    };
    let with_score = |score| report("amended", &[ihc("amended-ihc", score)]);
    stage.put(&with_score(1)).await;
    let adapter = Adapter::new(&stage, "store");
    adapter.pass().came_to(&[("written", 1)]);
    let before = stage.result("amended").await;
    stage.put(&with_score(3)).await;
    adapter.pass().came_to(&[("written", 1)]);
    let after = stage.result("amended").await;
    assert_eq!(
        (before.interpretation(), after.interpretation()),
        ("NEG", "POS")
    );
    assert_eq!((&before.key, &before.case), (&after.key, &after.case));
    assert_ne!(before.version, after.version);
    assert_eq!(stage.versions_of(&after).await.unwrap_or(2), 2);
    assert_eq!(stage.provenances(&after).await.len(), 2);
    stage.is_whole(&after).await;
    assert_eq!(stage.open_tasks("amended").await, ["sign-off"]);
    adapter.pass().came_to(&[("unchanged", 1)]);
    assert_eq!(stage.result("amended").await, after);
}

#[tokio::test]
async fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let Some(stage) = Stage::enter("a dry run changes nothing").await else {
        return;
    };
    let with_score = |score| report("tried", &[ihc("tried-ihc", score)]);
    stage.put(&with_score(1)).await;
    let adapter = Adapter::new(&stage, "store");
    let first = adapter.dry_run();
    assert!(first.stdout.lines().count() > 1, "{}", first.stdout);
    assert!(stage.versions("tried").await.is_empty());
    for kind in ["Observation", "Provenance", "Task", "Basic"] {
        let query = format!("{kind}?_lastUpdated=ge{}", stage.since);
        let mut found = stage.server.search(&query).await;
        let source = stage.place("Observation/tried-ihc");
        found.retain(|resource| !source.ends_with(resource["id"].as_str().unwrap()));
        assert!(found.is_empty(), "{found:#?}");
    }

    adapter.pass().came_to(&[("written", 1)]);
    let before = stage.versions("tried").await;
    stage.put(&with_score(3)).await;
    let second = adapter.dry_run();
    assert!(second.stdout.lines().count() > 1, "{}", second.stdout);
    assert_eq!(stage.versions("tried").await, before);
}

#[tokio::test]
async fn check_says_what_it_finds_and_leaves_nothing_behind() {
    let Some(stage) = Stage::enter("check says what it finds and leaves nothing behind").await
    else {
        return;
    };
    let adapter = Adapter::new(&stage, "store");
    for arguments in [&["check"][..], &["check", "--probe-write"]] {
        let ran = adapter.start(arguments).end();
        if ran.stderr.contains("unexpected argument") {
            say(&format!(
                "   not judged: {arguments:?} is not known to this build"
            ));
            continue;
        }
        for line in ran.stdout.lines() {
            say(&format!("   {line}"));
        }
        let faults = ran
            .stdout
            .lines()
            .filter(|line| line.starts_with("fault"))
            .count();
        match ran.code {
            Some(0) => assert_eq!(faults, 0, "{}", ran.stdout),
            Some(2) => assert!(faults > 0, "{}{}", ran.stdout, ran.stderr),
            other => panic!("{other:?}: {}{}", ran.stdout, ran.stderr),
        }
    }
    let left = stage
        .server
        .search(&format!("Basic?_lastUpdated=ge{}", stage.since))
        .await;
    assert!(left.is_empty(), "{left:#?}");
}
