//! What a history is made of.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// How many patients there are, each with one specimen.
pub const PATIENTS: usize = 2;
/// How many writers there are.
pub const WRITERS: usize = 3;

/// A history: a server by its place in [`SERVERS`], and what happens.
#[derive(Debug, Clone)]
pub struct History {
    pub server: usize,
    pub actions: Vec<Action>,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    /// The laboratory sends an IHC score, for the first time or anew.
    Score { patient: usize, score: usize },
    /// The laboratory sends an ISH result beside it, for the first time or anew.
    Ish { patient: usize, amplified: bool },
    /// The laboratory says that all of it was entered in error.
    Retract { patient: usize },
    /// The IHC Observation is deleted, and the report no longer names it.
    DropScore { patient: usize },
    /// The report and its Observations are deleted.
    Delete { patient: usize },
    /// The laboratory assigns all of it to the other specimen of the patient.
    Move { patient: usize },
    /// The patient is merged into another record, or un-merged.
    Merge { patient: usize, merged: bool },
    /// The ISH is ordered, or its order cancelled.
    Order {
        patient: usize,
        status: &'static str,
    },
    /// A pathologist answers the open Task that asks for a signature: about the version that stands, or about the one
    /// before it.
    Sign {
        patient: usize,
        decision: &'static str,
        is_late: bool,
    },
    /// A pathologist answers every open question about a patient.
    Answer { patient: usize },
    /// Time goes by, in seconds.
    Wait(u32),
    /// Something is about to go wrong, once: with the next request of this method.
    Fault {
        fault: &'static str,
        method: &'static str,
    },
    /// A writer goes on with its pass, or begins one.
    Run { writer: usize, until: Until },
    /// A writer crashes where it is, or after some waits for its store.
    Crash { writer: usize, waits: usize },
}

/// How far a writer goes on.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// By so many steps: a request about to be sent, or an answer about to be heard.
    Steps(usize),
    /// Until a write is about to be sent.
    BeforeWrite,
    /// Until the answer to a write is about to be heard.
    AfterWrite,
    /// To the end of the pass.
    End,
}

/// A server as writers meet it.
pub struct Server {
    /// Its dialects.
    pub speaks: &'static [&'static str],
    /// Whether it stops a writer that goes by what no longer stands, or creates what is there. Where it does not, writers
    /// beside each other may write the same twice, or older over newer for a while; at rest all must be well again.
    pub fences: bool,
    /// Whether it creates what is there. A copy is first met by the pass after the one beside which it was made.
    pub makes_copies: bool,
}

/// The servers. Those of the first half take a case in one transaction; most of the others have to be sent single requests.
pub const SERVERS: [Server; 11] = [
    fencing(&[]),
    fencing(&["opaque-versions", "gone-is-not-found"]),
    fencing(&["transaction-conflict=400", "no-history"]),
    fencing(&["not-found-deletes", "transaction-conflict=409"]),
    fencing(&["server-assigned-ids=400"]),
    fencing(&["ignores-preconditions-in-transactions"]),
    fencing(&["no-rollback"]),
    fencing(&["no-transactions", "opaque-versions"]),
    // As Medplum in memory does.
    fencing(&[
        "server-assigned-ids=404",
        "opaque-versions",
        "no-rollback",
        "gone-is-not-found",
    ]),
    fencing_nothing(&["ignores-if-match", "ignores-if-none-match"]),
    Server {
        speaks: &["server-assigned-ids", "ignores-if-none-exist"],
        fences: false,
        makes_copies: true,
    },
];

const fn fencing(speaks: &'static [&'static str]) -> Server {
    Server {
        speaks,
        fences: true,
        makes_copies: false,
    }
}

const fn fencing_nothing(speaks: &'static [&'static str]) -> Server {
    Server {
        speaks,
        fences: false,
        makes_copies: false,
    }
}

/// What can go wrong with a write, whose method is put behind it.
const WRITE_FAULTS: [&str; 27] = [
    "status:code=304",
    "status:code=400",
    "status:code=401",
    "status:code=403",
    "status:code=404",
    "status:code=409",
    "status:code=410",
    "status:code=412",
    "status:code=413",
    "status:code=422",
    "status:code=429",
    "status:code=429,retry-after=5",
    "status:code=429,retry-after=600",
    "status:code=503,retry-after-date=20",
    "status:code=503",
    "status:code=500",
    "status:code=400,after-commit",
    "status:code=409,after-commit",
    "status:code=412,after-commit",
    "status:code=500,after-commit",
    "status:code=503,after-commit",
    "hang:before-commit",
    "hang:after-commit",
    "reset:before-commit",
    "reset:after-commit",
    "outcome-as-success:before-commit",
    "outcome-as-success:after-commit",
];

/// What can be wrong with the answer to a transaction.
const ENTRY_FAULTS: [&str; 4] = [
    "entry-error:code=412,before-commit",
    "entry-error:code=412,after-commit",
    "entry-error:code=422,entry=0,before-commit",
    "entry-error:code=500,entry=0,after-commit",
];

/// What can go wrong with a read. A server that denies a resource it has is not among it: nobody can write by such a one.
const READ_FAULTS: [&str; 6] = [
    "status:code=401",
    "status:code=403",
    "status:code=429",
    "status:code=503",
    "hang:before-commit",
    "outcome-as-success:before-commit",
];

/// Searches, those of conditional creates among them, that do not see what was written last.
const BLIND_FAULTS: [&str; 2] = ["stale-index:writes=1", "stale-index:writes=4"];

/// Histories of these servers.
pub fn history(servers: Range<usize>) -> impl Strategy<Value = History> {
    (servers, vec(action(), 3..12)).prop_map(|(server, mut actions)| {
        // Nothing happens before there is something to read.
        let first = Action::Score {
            patient: 0,
            score: 1,
        };
        actions.insert(0, first);
        History { server, actions }
    })
}

fn action() -> impl Strategy<Value = Action> {
    let patient = 0..PATIENTS;
    let writer = 0..WRITERS;
    prop_oneof![
        4 => (patient.clone(), 0..4usize).prop_map(|(patient, score)| Action::Score { patient, score }),
        2 => (patient.clone(), any::<bool>()).prop_map(|(patient, amplified)| Action::Ish { patient, amplified }),
        1 => patient.clone().prop_map(|patient| Action::Retract { patient }),
        1 => patient.clone().prop_map(|patient| Action::DropScore { patient }),
        1 => patient.clone().prop_map(|patient| Action::Delete { patient }),
        1 => patient.clone().prop_map(|patient| Action::Move { patient }),
        2 => (patient.clone(), any::<bool>()).prop_map(|(patient, merged)| Action::Merge { patient, merged }),
        1 => (patient.clone(), select(&["active", "revoked"])).prop_map(|(patient, status)| Action::Order { patient, status }),
        3 => sign(),
        1 => patient.prop_map(|patient| Action::Answer { patient }),
        1 => (1..400u32).prop_map(Action::Wait),
        // Sources are looked at again, and what was reported at the beginning is overdue.
        1 => Just(Action::Wait(2 * 86_400)),
        5 => fault(),
        12 => (writer.clone(), until()).prop_map(|(writer, until)| Action::Run { writer, until }),
        2 => (writer, 0..6usize).prop_map(|(writer, waits)| Action::Crash { writer, waits }),
    ]
}

fn sign() -> impl Strategy<Value = Action> {
    let decision = prop_oneof![2 => Just("accept"), 1 => Just("reject")];
    (0..PATIENTS, decision, prop::bool::weighted(0.25)).prop_map(|(patient, decision, is_late)| {
        Action::Sign {
            patient,
            decision,
            is_late,
        }
    })
}

fn fault() -> impl Strategy<Value = Action> {
    let of = |faults: &'static [&str], method| {
        select(faults).prop_map(move |fault| Action::Fault { fault, method })
    };
    prop_oneof![
        5 => of(&WRITE_FAULTS, "POST"),
        2 => of(&WRITE_FAULTS, "PUT"),
        1 => of(&ENTRY_FAULTS, "POST"),
        1 => of(&READ_FAULTS, "GET"),
        1 => of(&BLIND_FAULTS, "POST"),
        1 => of(&BLIND_FAULTS, "GET"),
    ]
}

fn until() -> impl Strategy<Value = Until> {
    prop_oneof![
        3 => (1..24usize).prop_map(Until::Steps),
        3 => Just(Until::BeforeWrite),
        3 => Just(Until::AfterWrite),
        3 => Just(Until::End),
    ]
}
