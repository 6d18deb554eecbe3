//! Histories that went wrong once, by name.

use crate::actions::{Action, History, Until};
use crate::world::World;

fn with_a_server_that_does_as_fhir_says(actions: &[Action]) -> History {
    History {
        server: 0,
        actions: actions.to_vec(),
    }
}

fn score(score: usize) -> Action {
    Action::Score { patient: 0, score }
}

fn run(writer: usize, until: Until) -> Action {
    Action::Run { writer, until }
}

#[tokio::test]
async fn a_result_whose_writer_crashed_before_it_was_told_is_withdrawn_when_its_evidence_goes() {
    let history = with_a_server_that_does_as_fhir_says(&[
        score(1),
        run(0, Until::AfterWrite),
        Action::Crash {
            writer: 0,
            waits: 0,
        },
        Action::DropScore { patient: 0 },
    ]);
    assert_eq!(World::play(&history).await, Ok(()));
}

#[tokio::test]
async fn a_task_that_another_writer_opened_meanwhile_is_closed_too() {
    let history = with_a_server_that_does_as_fhir_says(&[
        score(1),
        run(0, Until::End),
        score(2),
        run(1, Until::End),
        score(3),
        run(0, Until::End),
    ]);
    let world = World::after(&history).await.unwrap();
    assert_eq!(world.judge(&history), Ok(()));
}

#[tokio::test]
async fn what_writers_leave_on_a_server_that_fences_nothing_is_mended_at_rest() {
    let ish = Action::Ish {
        patient: 0,
        amplified: true,
    };
    let actions = vec![
        score(1),
        run(0, Until::AfterWrite),
        run(2, Until::AfterWrite),
        run(1, Until::End),
        run(0, Until::Steps(6)),
        score(3),
        run(2, Until::AfterWrite),
        ish,
        score(1),
        run(1, Until::End),
    ];
    let history = History { server: 9, actions };
    assert_eq!(World::play(&history).await, Ok(()));
}

/// The place of the server that gives ids and makes copies.
const MAKES_COPIES: usize = 10;

#[tokio::test]
async fn a_question_that_two_writers_have_asked_at_one_moment_is_open_once() {
    // Without a result, nothing but the Tasks themselves can show that there are two.
    let actions = vec![
        Action::Ish {
            patient: 0,
            amplified: true,
        },
        run(0, Until::Steps(1)),
        run(2, Until::BeforeWrite),
        run(1, Until::Steps(1)),
    ];
    let history = History {
        server: MAKES_COPIES,
        actions,
    };
    assert_eq!(World::play(&history).await, Ok(()));
}

#[tokio::test]
async fn a_merged_patient_has_its_results_under_the_record_that_stands() {
    let merge = |merged| Action::Merge { patient: 0, merged };
    for actions in [
        vec![score(2), merge(true), run(0, Until::End)],
        vec![score(2), run(0, Until::End), merge(true)],
        vec![
            score(2),
            run(0, Until::End),
            merge(true),
            Action::Wait(90_000),
            run(0, Until::End),
            merge(false),
        ],
    ] {
        let history = with_a_server_that_does_as_fhir_says(&actions);
        assert_eq!(World::play(&history).await, Ok(()), "{actions:?}");
    }
}

#[tokio::test]
async fn a_signature_on_an_earlier_version_signs_nothing() {
    let sign = |is_late| Action::Sign {
        patient: 0,
        decision: "accept",
        is_late,
    };
    let history = with_a_server_that_does_as_fhir_says(&[
        score(1),
        run(0, Until::End),
        score(3),
        run(0, Until::End),
        sign(true),
        run(1, Until::End),
    ]);
    assert_eq!(World::play(&history).await, Ok(()));
}

#[tokio::test]
async fn a_withdrawal_that_was_refused_is_tried_again_although_its_evidence_is_gone() {
    let actions = vec![
        score(1),
        run(1, Until::AfterWrite),
        Action::Delete { patient: 0 },
        Action::Fault {
            fault: "status:code=403",
            method: "POST",
        },
        run(1, Until::AfterWrite),
    ];
    let history = History { server: 9, actions };
    assert_eq!(World::play(&history).await, Ok(()));
}

#[tokio::test]
async fn an_order_of_a_merged_patient_that_is_cancelled_is_asked_about() {
    let score = |score| Action::Score { patient: 1, score };
    let merge = Action::Merge {
        patient: 1,
        merged: true,
    };
    let cancelled = Action::Order {
        patient: 1,
        status: "revoked",
    };
    for actions in [
        vec![merge, score(2), cancelled],
        vec![score(2), cancelled, merge],
        vec![score(2), merge, cancelled],
    ] {
        let history = with_a_server_that_does_as_fhir_says(&actions);
        assert_eq!(World::play(&history).await, Ok(()), "{actions:?}");
    }
}

#[tokio::test]
async fn an_order_of_a_patient_that_was_merged_earlier_is_noticed_when_it_is_cancelled() {
    let history = with_a_server_that_does_as_fhir_says(&[
        score(2),
        Action::Merge {
            patient: 0,
            merged: true,
        },
        run(0, Until::End),
        Action::Order {
            patient: 0,
            status: "revoked",
        },
        run(0, Until::End),
    ]);
    let world = World::after(&history).await.unwrap();
    assert_eq!(world.judge(&history), Ok(()));
}

#[tokio::test]
async fn a_signed_result_that_was_withdrawn_and_stands_again_is_to_be_signed_at_once() {
    let merge = |merged| Action::Merge { patient: 0, merged };
    let history = with_a_server_that_does_as_fhir_says(&[
        score(1),
        run(0, Until::End),
        Action::Sign {
            patient: 0,
            decision: "accept",
            is_late: false,
        },
        run(0, Until::End),
        merge(true),
        Action::Wait(90_000),
        run(0, Until::End),
        merge(false),
        Action::Wait(90_000),
        run(0, Until::End),
    ]);
    let world = World::after(&history).await.unwrap();
    assert_eq!(world.judge(&history), Ok(()));
}

#[tokio::test]
async fn a_version_that_was_signed_before_its_provenance_was_written_gets_it_afterwards() {
    let actions = vec![
        score(1),
        run(2, Until::BeforeWrite),
        Action::Crash {
            writer: 2,
            waits: 1,
        },
        run(0, Until::AfterWrite),
        Action::Sign {
            patient: 0,
            decision: "accept",
            is_late: false,
        },
    ];
    let history = History { server: 5, actions };
    assert_eq!(World::play(&history).await, Ok(()));
}
