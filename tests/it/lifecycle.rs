//! One patient from a score of 2+ to a withdrawn result, played against the fake server. What is seen on the way is
//! `docs/LIFECYCLE.md`, which this test writes (`HER2_ACCEPT_SNAPSHOTS=1`) and compares.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use her2_adapter::pipeline::results::Verdict;
use her2_adapter::pipeline::sign_off::{Attested, Said, Signing};
use her2_adapter::render;
use her2_adapter::service::desk::About;
use her2_adapter::service::fake_server::{FakeClock, FakeServer, FakeServerOptions};
use serde_json::{Map, Value, json};

use crate::support::{Adapter, open_tasks, results};

const INTRODUCTION: &str = "\
# One result from 2+ to its withdrawal

One patient, one specimen, and everything that becomes of its HER2 result: an equivocal IHC, FISH in an addendum, a correction,
a signature on the server, a repeated message, an amendment after the signature, a signature at the terminal, a retraction.
Each step shows what the laboratory or a person put on the FHIR server, the ledger of the pass after it, and what the adapter
wrote. `tests/it/lifecycle.rs` plays it and writes this page, so it shows what the program does.

How resources are shortened, everywhere alike: `contained` is left out, `meta` but for its author, and identifiers beside a
reference; a digest is a number (`#1`), the same one wherever it stands; a coding is its code and display in one text, and our
own base is `{base}`; texts end after 90 characters and lists after six items, with `…`; and of a resource that was there
before, only the elements, and the items of lists, that are new or different.

";
const BASE: &str = "https://her2-adapter.example/fhir";

const SHORTEST_DIGEST: usize = 32;
const MOST_CHARACTERS: usize = 90;
const MOST_ITEMS: usize = 6;
const WIDTH: usize = 118;
const SIGNER: &str = "Practitioner/23";
const LOINC: &str = "http://loinc.org";
const DAY: Duration = Duration::from_secs(86_400);

/// The scene, and the page that is written of it.
struct Walk {
    server: FakeServer,
    server_clock: FakeClock,
    adapter: Adapter,
    page: String,
    /// What was shown last of each resource.
    shown: BTreeMap<String, Value>,
    digests: Vec<String>,
}

impl Walk {
    async fn begin() -> Self {
        let start: DateTime<Utc> = "2026-03-02T08:00:00Z".parse().unwrap();
        let server_clock = FakeClock::starting_at(start, TimeDelta::seconds(1));
        let server = FakeServer::in_process(FakeServerOptions {
            clock: server_clock.clone(),
            ..FakeServerOptions::default()
        });
        let server = server.unwrap();
        let mut adapter = Adapter::in_process_at(&server, start).await;
        adapter.publishing.signing = Signing {
            attested: Attested::MetaAuthor,
            signers: BTreeSet::from([SIGNER.to_owned()]),
        };
        Self {
            server,
            server_clock,
            adapter,
            page: INTRODUCTION.to_owned(),
            shown: BTreeMap::new(),
            digests: Vec::new(),
        }
    }

    /// A paragraph, broken into lines.
    fn say(&mut self, text: &str) {
        let mut length = 0;
        for word in text.split(' ') {
            let longer = length + 1 + word.chars().count();
            let separator = match length {
                0 => "",
                _ if longer > WIDTH => "\n",
                _ => " ",
            };
            length = if separator == " " {
                longer
            } else {
                word.chars().count()
            };
            write!(self.page, "{separator}{word}").unwrap();
        }
        self.page.push_str("\n\n");
    }

    /// Something that is shown as it is.
    fn quote(&mut self, fence: &str, text: &str) {
        let text = self.numbered(text);
        writeln!(self.page, "```{fence}\n{}\n```\n", text.trim_end()).unwrap();
    }

    /// A new day, and a sentence on what happens.
    fn step(&mut self, title: &str, text: &str) {
        self.server_clock.advance(TimeDelta::days(1));
        self.adapter.clock.advance(DAY);
        writeln!(self.page, "## {title}\n").unwrap();
        self.say(text);
    }

    /// Somebody puts resources on the server.
    fn arrives(&mut self, resources: &[Value]) {
        for resource in resources {
            self.server.put_json(&resource.to_string()).unwrap();
        }
        let keys: Vec<String> = resources.iter().map(key).collect();
        self.show(|resource| keys.contains(&key(resource)));
    }

    async fn pass(&mut self, then: &str) {
        let report = self.adapter.pass().await;
        self.say(&format!("The next pass: `{}`. {then}", report.ledger));
        self.show(|_| true);
    }

    /// The resources that have changed, in the order in which they were stored.
    fn show(&mut self, is_meant: impl Fn(&Value) -> bool) {
        let mut changed = Vec::new();
        for kind in [
            "Patient",
            "Specimen",
            "Observation",
            "DiagnosticReport",
            "Provenance",
            "Task",
        ] {
            for text in self.server.all(kind) {
                let text = text.replace(BASE, "{base}");
                let resource: Value = serde_json::from_str(&text).unwrap();
                if is_meant(&resource) && self.shown.get(&key(&resource)) != Some(&resource) {
                    changed.push(resource);
                }
            }
        }
        if changed.is_empty() {
            return;
        }
        // By what they are: the order of ids, which are digests, would change with every rule.
        let rank = |resource: &Value| {
            let own = ["Observation", "Provenance", "Task"];
            let kind = resource["resourceType"].as_str().unwrap().to_owned();
            let code = resource["code"]["coding"][0]["code"].as_str();
            let is_ours = resource["id"].as_str().unwrap().starts_with("h2");
            (
                is_ours,
                own.iter().position(|it| *it == kind),
                !self.shown.contains_key(&key(resource)),
                resource["authoredOn"].as_str().map(str::to_owned),
                code.map(str::to_owned),
            )
        };
        changed.sort_by_key(rank);
        self.page.push_str("```json\n");
        for resource in changed {
            let before = self.shown.insert(key(&resource), resource.clone());
            let before = before.map(|before| self.with_numbers(&before));
            let resource = self.with_numbers(&resource);
            let text = laid_out(&shortened(&resource, before.as_ref()), 0);
            writeln!(self.page, "{text}").unwrap();
        }
        self.page.push_str("```\n\n");
    }

    fn with_numbers(&mut self, resource: &Value) -> Value {
        serde_json::from_str(&self.numbered(&resource.to_string())).unwrap()
    }

    /// A text with a number in place of each digest.
    fn numbered(&mut self, text: &str) -> String {
        let mut numbered = String::new();
        let mut run = String::new();
        for character in text.chars().chain(std::iter::once('\n')) {
            if character.is_ascii_digit() || ('a'..='f').contains(&character) {
                run.push(character);
                continue;
            }
            if run.len() < SHORTEST_DIGEST {
                numbered.push_str(&run);
            } else {
                let known = self.digests.iter().position(|digest| *digest == run);
                let number = known.unwrap_or_else(|| {
                    self.digests.push(run.clone());
                    self.digests.len() - 1
                });
                write!(numbered, "#{}", number + 1).unwrap();
            }
            run.clear();
            numbered.push(character);
        }
        numbered.pop();
        numbered
    }

    fn result(&self) -> Value {
        results(&self.server)[0].clone()
    }

    fn case(&self) -> String {
        self.result()["identifier"][0]["value"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn open(&self, code: &str) -> Value {
        let tasks = open_tasks(&self.server);
        let is_meant = |task: &&Value| task["code"]["coding"][0]["code"] == code;
        tasks.iter().find(is_meant).unwrap().clone()
    }
}

fn key(resource: &Value) -> String {
    let part = |name: &str| resource[name].as_str().unwrap().to_owned();
    format!("{}/{}", part("resourceType"), part("id"))
}

/// What is new or different of a resource, shortened.
fn shortened(resource: &Value, before: Option<&Value>) -> Vec<(String, Value)> {
    const FIRST: [&str; 6] = ["resourceType", "id", "status", "code", "focus", "target"];
    let by_author = |resource: &Value| {
        let mut resource = resource.clone();
        let meta = json!({"author": resource["meta"]["author"]});
        let members = resource.as_object_mut().unwrap();
        members.remove("meta");
        if !meta["author"].is_null() {
            members.insert("meta".to_owned(), meta);
        }
        resource
    };
    let (resource, before) = (&by_author(resource), before.map(by_author));
    let members = resource.as_object().unwrap();
    let place = |key: &str| {
        let place = FIRST.iter().position(|first| *first == key);
        (place.unwrap_or(FIRST.len()), key.to_owned())
    };
    let mut keys: Vec<&String> = members.keys().collect();
    keys.sort_by_key(|key| place(key));
    keys.retain(|key| *key != "contained");
    keys.into_iter()
        .filter_map(|key| {
            let value = &members[key];
            let earlier = before.as_ref().map(|before| &before[key]);
            let is_named = ["resourceType", "id", "status"].contains(&key.as_str());
            match (value, earlier) {
                (value, Some(earlier)) if value == earlier && !is_named => None,
                (Value::Array(items), Some(Value::Array(earlier))) => {
                    let new = items.iter().filter(|item| !earlier.contains(item));
                    Some((key.clone(), cut(&Value::Array(new.cloned().collect()))))
                }
                _ => Some((key.clone(), cut(value))),
            }
        })
        .collect()
}

fn cut(value: &Value) -> Value {
    match value {
        Value::String(text) if text.chars().count() > MOST_CHARACTERS => {
            let kept: String = text.chars().take(MOST_CHARACTERS).collect();
            json!(format!("{kept}…"))
        }
        Value::Array(items) => {
            let mut kept: Vec<Value> = items.iter().take(MOST_ITEMS).map(cut).collect();
            if items.len() > MOST_ITEMS {
                kept.push(json!("…"));
            }
            Value::Array(kept)
        }
        Value::Object(members) => {
            let is_kept = |key: &str| key != "identifier" || !members.contains_key("reference");
            let kept = members.iter().filter(|(key, _)| is_kept(key));
            let cut = kept.map(|(key, value)| match (key.as_str(), value) {
                ("coding", Value::Array(codings)) => {
                    (key.clone(), codings.iter().map(in_one_text).collect())
                }
                _ => (key.clone(), cut(value)),
            });
            Value::Object(Map::from_iter(cut))
        }
        other => other.clone(),
    }
}

/// Code and display of a coding.
fn in_one_text(coding: &Value) -> Value {
    let parts = ["code", "display"].map(|key| coding[key].as_str().unwrap_or_default());
    cut(&json!(parts.join(" ").trim_end()))
}

/// JSON on as few lines as fit.
fn laid_out(members: &[(String, Value)], indent: usize) -> String {
    let parts = members.iter().map(|(key, value)| {
        let head = format!("{}: ", json!(key));
        format!("{head}{}", laid_out_value(value, indent + 2, head.len()))
    });
    broken('{', '}', parts.collect(), indent)
}

fn laid_out_value(value: &Value, indent: usize, before: usize) -> String {
    let line = value.to_string();
    if indent + before + line.chars().count() <= WIDTH {
        return line;
    }
    match value {
        Value::Object(members) => {
            let members: Vec<(String, Value)> = members.clone().into_iter().collect();
            laid_out(&members, indent)
        }
        Value::Array(items) => {
            let parts = items.iter().map(|item| laid_out_value(item, indent + 2, 0));
            broken('[', ']', parts.collect(), indent)
        }
        _ => line,
    }
}

fn broken(open: char, close: char, parts: Vec<String>, indent: usize) -> String {
    let (outer, inner) = (" ".repeat(indent), " ".repeat(indent + 2));
    let separator = format!(",\n{inner}");
    format!("{open}\n{inner}{}\n{outer}{close}", parts.join(&separator))
}

fn coded(code: &str, display: &str) -> Value {
    json!({"coding": [{"system": LOINC, "code": code, "display": display}]})
}

fn observation(id: &str, code: Value, status: &str, value: (&str, Value)) -> Value {
    json!({"resourceType": "Observation", "id": id, "status": status, "code": code,
        "subject": {"reference": "Patient/anna"}, "specimen": {"reference": "Specimen/core"},
        "effectiveDateTime": "2026-03-02T09:30:00+01:00", value.0: value.1})
}

fn report(id: &str, status: &str, issued: &str, results: &[&str]) -> Value {
    let results: Vec<Value> = (results.iter())
        .map(|id| json!({"reference": format!("Observation/{id}")}))
        .collect();
    json!({"resourceType": "DiagnosticReport", "id": id, "status": status, "code": coded("60568-3", "Pathology synoptic report"),
        "subject": {"reference": "Patient/anna"}, "specimen": [{"reference": "Specimen/core"}], "issued": issued, "result": results})
}

fn ihc(status: &str, answer: &str, display: &str) -> Value {
    let code = coded(
        "85319-2",
        "HER2 [Presence] in Breast cancer specimen by Immune stain",
    );
    observation(
        "ihc",
        code,
        status,
        ("valueCodeableConcept", coded(answer, display)),
    )
}

fn ratio(status: &str, value: f64) -> Value {
    let code = coded("49683-6", "ERBB2/CEP17 ratio by FISH");
    observation(
        "ratio",
        code,
        status,
        ("valueQuantity", json!({"value": value})),
    )
}

fn copies(status: &str, value: f64) -> Value {
    let code = coded("74860-8", "ERBB2 copies per nucleus by FISH");
    observation(
        "copies",
        code,
        status,
        ("valueQuantity", json!({"value": value})),
    )
}

fn cells() -> Value {
    let code = coded("62361-1", "Cells counted");
    observation(
        "cells",
        code,
        "final",
        ("valueQuantity", json!({"value": 60})),
    )
}

#[tokio::test]
async fn the_page_on_the_life_of_a_result_shows_what_the_program_does() {
    let mut walk = Walk::begin().await;
    let status = |walk: &Walk| walk.result()["status"].as_str().unwrap().to_owned();
    let version = |walk: &Walk| {
        walk.result()["meta"]["versionId"]
            .as_str()
            .unwrap()
            .to_owned()
    };

    walk.step(
        "1. IHC 2+ is reported",
        "The report of a core biopsy of the breast says IHC 2+.",
    );
    let patient = json!({"resourceType": "Patient", "id": "anna"});
    let specimen = json!({"resourceType": "Specimen", "id": "core", "subject": {"reference": "Patient/anna"},
        "collection": {"bodySite": {"coding": [{"system": "http://snomed.info/sct", "code": "76752008", "display": "Breast structure"}]}}});
    let first = report("r-ihc", "final", "2026-03-03T07:00:00Z", &["ihc"]);
    walk.arrives(&[patient, specimen, ihc("final", "LA11842-4", "2+"), first]);
    walk.pass("The result is equivocal, asks for ISH, and is preliminary; its Provenance names the versions that were read, and a Task asks for a signature.").await;
    assert_eq!(
        (status(&walk).as_str(), version(&walk).as_str()),
        ("preliminary", "1")
    );

    walk.step(
        "2. FISH follows in an addendum",
        "An addendum has the counts of the same specimen: ratio 1.4, 3.1 copies, 60 cells.",
    );
    let fish = ["ratio", "copies", "cells"];
    let second = report("r-fish", "final", "2026-03-04T07:00:00Z", &fish);
    walk.arrives(&[ratio("final", 1.4), copies("final", 3.1), cells(), second]);
    walk.pass("IHC and FISH meet in one case. The second version decides it; the Task about the first is closed, and a new one is about the second.").await;
    assert_eq!(
        (status(&walk).as_str(), version(&walk).as_str()),
        ("preliminary", "2")
    );

    walk.step(
        "3. The addendum is corrected before anybody has signed",
        "The ratio was 2.4 with 5.3 copies.",
    );
    let third = report("r-fish", "corrected", "2026-03-05T07:00:00Z", &fish);
    walk.arrives(&[ratio("corrected", 2.4), copies("corrected", 5.3), third]);
    walk.pass("Nobody relied on the result as final, so it stays preliminary.")
        .await;
    assert_eq!(
        (status(&walk).as_str(), version(&walk).as_str()),
        ("preliminary", "3")
    );

    walk.step("4. A pathologist signs on the server", "The Task is completed with a decision and the version that was looked at. The server itself notes who has done that (`meta.author`), and `sign_off.signers` names them.");
    let mut signed = walk.open("sign-off");
    signed["status"] = json!("completed");
    signed["meta"]["author"] = json!({"reference": SIGNER});
    signed["output"] = json!([
        {"type": {"text": "decision"}, "valueCode": "accept"},
        {"type": {"text": "version"}, "valueString": version(&walk)}]);
    walk.arrives(&[signed]);
    walk.pass("Exactly that version stands, so it becomes final; the Provenance names the verifier and the Task.").await;
    assert_eq!(
        (status(&walk).as_str(), version(&walk).as_str()),
        ("final", "4")
    );

    walk.step("5. A result is sent once more", "The laboratory sends the IHC result again; it is a new version on the server, and says the same.");
    walk.arrives(&[ihc("final", "LA11842-4", "2+")]);
    walk.pass(
        "The signed version stands. A Provenance says that the newer versions come to the same.",
    )
    .await;
    assert_eq!(
        (status(&walk).as_str(), version(&walk).as_str()),
        ("final", "4")
    );

    walk.step(
        "6. The signed result is amended",
        "The FISH is recounted after all: ratio 1.3 with 3.0 copies.",
    );
    let fourth = report("r-fish", "amended", "2026-03-08T07:00:00Z", &fish);
    walk.arrives(&[ratio("amended", 1.3), copies("amended", 3.0), fourth]);
    walk.pass("What was final is amended, and says what it was. A Task asks to tell those who relied on it, and one asks for a new signature.").await;
    assert_eq!(
        (status(&walk).as_str(), version(&walk).as_str()),
        ("amended", "5")
    );
    let noted = walk
        .adapter
        .store
        .due_announcements("2999-01-01T00:00:00Z")
        .await
        .unwrap();
    assert_eq!(noted.len(), 1);
    let body: Value = serde_json::from_str(&noted[0].announcement.body).unwrap();
    walk.say("The webhook is sent");
    walk.quote("json", &laid_out_value(&body, 0, 0));

    let reason = "recount seen";
    let case = walk.case();
    walk.say("This time it is signed at the terminal, by a login that `sign_off.logins` names:");
    let command = format!("her2-adapter review accept {case} --version 5 --reason '{reason}'");
    walk.quote("console", &command);
    let about = About::Case(case.clone());
    let said = Said::by(SIGNER, Verdict::Accept, Some(reason));
    let done = walk
        .adapter
        .desk(async |desk| desk.answer(&about, &said, Some("5")).await);
    done.await.unwrap();
    walk.show(|_| true);
    assert_eq!(
        (status(&walk).as_str(), version(&walk).as_str()),
        ("final", "6")
    );
    let notice = walk.open("final-changed")["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let told = "the treating physician was called";
    let command = format!("her2-adapter review accept {notice} --reason '{told}'");
    walk.say("The change is taken note of:");
    walk.quote("console", &command);
    let about = About::Task(notice);
    let said = Said::by(SIGNER, Verdict::Accept, Some(told));
    let done = walk
        .adapter
        .desk(async |desk| desk.answer(&about, &said, None).await);
    done.await.unwrap();
    walk.show(|_| true);

    walk.step(
        "7. Both reports are retracted",
        "The block was another patient's: the reports are entered in error.",
    );
    walk.arrives(&[
        report(
            "r-ihc",
            "entered-in-error",
            "2026-03-09T07:00:00Z",
            &["ihc"],
        ),
        report("r-fish", "entered-in-error", "2026-03-09T07:00:00Z", &fish),
    ]);
    walk.pass("The result is entered in error, its value kept, and a Task tells of it.")
        .await;
    assert_eq!(
        (status(&walk).as_str(), version(&walk).as_str()),
        ("entered-in-error", "7")
    );

    let history = walk.adapter.history(&case).await;
    let history = render::history(&history, usize::MAX, render::Format::Text);
    walk.page.push_str("## What is told afterwards\n\n");
    walk.say("No evidence is left, so `explain --case` has the history alone:");
    walk.quote("text", &history);
    walk.page.pop();

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/LIFECYCLE.md");
    if std::env::var_os("HER2_ACCEPT_SNAPSHOTS").is_some() {
        fs::write(&path, &walk.page).unwrap();
    }
    let accepted = fs::read_to_string(&path).unwrap_or_default();
    let differs = (walk
        .page
        .lines()
        .zip(accepted.lines().chain(std::iter::repeat(""))))
    .find(|(now, then)| now != then);
    assert!(
        walk.page == accepted,
        "docs/LIFECYCLE.md says otherwise, first at {differs:?}; look at it, and accept it with HER2_ACCEPT_SNAPSHOTS=1"
    );
}
